// A scoring run: every row of a data file becomes one line of an output, across as many sessions as it takes.
// Knows data, reward model and output by their interfaces; nothing of terminals.

import type { PreferenceData, PreferenceRow } from '../../data/preference-data.js';
import { messageOf } from '../../errors.js';
import { checkRange, JUDGE_RANGES } from '../../options/option-range.js';
import { AnalysisCache } from '../../reward-model/analysis-cache.js';
import type { JudgeOptions } from '../../reward-model/judgment.js';
import { DEFAULT_REORDER, judgeRows, lineOf, type RowLines } from '../judge-rows.js';
import { type JudgedCounts, JudgedSoFar } from '../judged-so-far.js';
import { inputOf, missingRows, replayAnalyses, rowsAsked, throwDamage } from '../rows.js';
import type { RunModel } from '../run-model.js';
import type { ExistingLine } from './existing-output.js';
import { failedRecord, invalidRecord, judgedRecord, type RowRecord } from './row-record.js';
import { RunJournal, type RunSummary } from './run-journal.js';
import type { RunOutput } from './run-output.js';

/** What a run scores, with what, and where the lines go. */
export interface ScoringRunOptions {
  readonly data: PreferenceData;
  /** Recorded in the manifest: the split that `data` was opened with. */
  readonly split?: string;
  readonly model: RunModel;
  readonly output: RunOutput;
  /** How each row is judged. */
  readonly judge?: Omit<JudgeOptions, 'signal' | 'onEvent' | 'attempt'>;
  /** Most rows, from the first; at least 1. Default: all. */
  readonly limit?: number;
  /** Most rows in flight; default: as many as keep the generator busy. */
  readonly concurrency?: number;
  /**
   * Rows among which those of one user are judged together, so that what their prompts share is decoded once; from 1
   * (as they stand) to 65,536, default 64. Lines keep the order of the rows; so many judged rows
   * more can be lost where the run is stopped.
   */
  readonly reorder?: number;
  /** Whether lines hold the chains in full; default false. */
  readonly chains?: boolean;
  /** Which rows to score: those not in the output yet (default), those that failed, or both. */
  readonly rows?: 'missing' | 'failed' | 'failedAndMissing';
  readonly signal?: AbortSignal;
  readonly onEvent?: (event: RunEvent) => void;
}

/** What a run reports while it goes on. */
export type RunEvent =
  | { readonly type: 'started'; readonly output: string; readonly rows: number; readonly done: number }
  | { readonly type: 'retrying'; readonly rows: number }
  /** After each chain and each row; `judged` is of this session. */
  | { readonly type: 'progress'; readonly judged: JudgedCounts }
  | {
      readonly type: 'row';
      readonly record: RowRecord;
      /** Rows that the output holds, and rows that it will hold. */
      readonly done: number;
      readonly rows: number;
    }
  | { readonly type: 'finished'; readonly summary: RunSummary };

/**
 * Scores rows until all are done or the signal aborts; the output is left ready to be resumed in every case.
 *
 * A row that fails or fits no shape gets a line that says so, and the run goes on. Lines are written in the
 * order of the rows. Memory does not depend on the number of rows. Resolves with a summary, also when stopped by
 * the signal. Errors: `INVALID_OPTION`, `RUN_MISMATCH`, `OUTPUT_FAILED`, `INPUT_MALFORMED` (the data file is damaged
 * further on), and what ends a generator (`DISPOSED`, `GRAMMAR_INVALID`, `INTERNAL`).
 */
export async function runScoring(options: ScoringRunOptions): Promise<RunSummary> {
  const { data, model, output, judge = {}, reorder = DEFAULT_REORDER, signal, onEvent } = options;
  checkRange('reorder', reorder, JUDGE_RANGES.reorder);
  const rows = rowsAsked(data, options.limit);
  const settings = model.settings(judge);
  const concurrency = model.judgmentsAtOnce(settings, options.concurrency);
  const journal = await RunJournal.open({ ...options, judge, concurrency, reorder, rows });
  const how = { concurrency, reorder, signal };
  const tell = (record: RowRecord): void => onEvent?.({ type: 'row', record, done: journal.done, rows });
  const judged = new JudgedSoFar((counts) => onEvent?.({ type: 'progress', judged: counts }));
  try {
    onEvent?.({ type: 'started', output: output.name, rows, done: journal.done });
    const analyses = AnalysisCache.for(settings);
    const which = options.rows ?? 'missing';
    let stopped = false;
    if (which !== 'missing') {
      onEvent?.({ type: 'retrying', rows: journal.counts().failed });
      ({ stopped } = await judgeRows({
        ...how,
        rows: failedRows(data, output),
        rowOf: ({ row }) => row,
        // Rows tried again stand outside the order, so they neither take earlier rows' analyses nor leave any.
        lineOf: ({ row, line }, stop) =>
          lineOf(row, recordsOf(options, (line.record.attempt ?? 1) + 1, judged), null, stop),
        write: async (record, { line }) => {
          await journal.retried(line, record);
          tell(record);
        },
      }));
      if (!stopped) await journal.mergeRetries();
    }
    if (which !== 'failed' && !stopped) {
      if (analyses !== null) await replayAnalyses(analyses, earlierRecords(output));
      const before = journal.done;
      const records = recordsOf(options, 1, judged);
      ({ stopped } = await judgeRows({
        ...how,
        rows: missingRows(data, rows, (_, index) => index < before),
        rowOf: (row) => row,
        lineOf: (row, stop) => lineOf(row, records, analyses, stop),
        write: async (record) => {
          await journal.scored(record);
          tell(record);
        },
      }));
      if (!stopped) throwDamage(data, rows);
    }
    const summary = await journal.close();
    onEvent?.({ type: 'finished', summary });
    return summary;
  } catch (error) {
    await journal.abandon(messageOf(error));
    throw error;
  }
}

function recordsOf(
  { model, judge, chains = false }: ScoringRunOptions,
  attempt: number,
  judged: JudgedSoFar,
): RowLines<RowRecord> {
  return {
    invalid: invalidRecord,
    failed: (row, error) => failedRecord(row, error, attempt),
    async judged(row, turn, stop) {
      const judgment = await judged.row((onEvent) =>
        model.judgeInTurn(inputOf(row), { ...judge, attempt, signal: stop, onEvent }, turn),
      );
      return judgedRecord(row, judgment, attempt, chains);
    },
  };
}

async function* earlierRecords(output: RunOutput): AsyncGenerator<RowRecord, void, undefined> {
  for await (const { record } of output.earlierLines()) yield record;
}

/** The failed lines of the output, each with its row. */
async function* failedRows(
  data: PreferenceData,
  output: RunOutput,
): AsyncGenerator<{ row: PreferenceRow; line: ExistingLine }, void, undefined> {
  const lines = output.failedLines()[Symbol.asyncIterator]();
  try {
    let line = await lines.next();
    let index = 0;
    for await (const row of data.rows()) {
      if (line.done === true) return;
      if (line.value.index === index) {
        if (row.kind === 'row') yield { row, line: line.value };
        line = await lines.next();
      }
      index += 1;
    }
  } finally {
    await lines.return?.();
  }
}

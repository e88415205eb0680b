// A scoring run: every row of a data file becomes one line of an output, across as many sessions as it takes.
// Knows data, reward model and output by their interfaces; nothing of terminals.

import { mapTogether } from '../../concurrency/bring-together.js';
import type { PreferenceData, PreferenceRow, RowProblem } from '../../data/preference-data.js';
import { isRowError, messageOf } from '../../errors.js';
import { checkRange, JUDGE_RANGES } from '../../options/option-range.js';
import { AnalysisCache, inTurn } from '../../reward-model/analysis-cache.js';
import { chainsAtOnce } from '../../reward-model/judge-settings.js';
import type { JudgeOptions } from '../../reward-model/judgment.js';
import type { RewardModel } from '../../reward-model/reward-model.js';
import type { ExistingLine } from './existing-output.js';
import { failedRecord, invalidRecord, judgedRecord, type RowRecord } from './row-record.js';
import { RunJournal, type RunSummary } from './run-journal.js';
import type { RunOutput } from './run-output.js';

/** What a run scores, with what, and where the lines go. */
export interface ScoringRunOptions {
  readonly data: PreferenceData;
  /** Recorded in the manifest: the split that `data` was opened with. */
  readonly split?: string;
  readonly model: RewardModel;
  readonly output: RunOutput;
  /** How each row is judged. */
  readonly judge?: Omit<JudgeOptions, 'signal' | 'onEvent' | 'attempt'>;
  /** Most rows, from the first; at least 1. Default: all. */
  readonly limit?: number;
  /** Most rows in flight; default: as many as keep the generator busy. */
  readonly concurrency?: number;
  /**
   * Rows among which those of one user are judged together, so that what their prompts share is decoded once; from 1
   * (as they stand) to 65,536, default {@link DEFAULT_REORDER}. Lines keep the order of the rows; so many judged rows
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
  | {
      readonly type: 'row';
      readonly record: RowRecord;
      /** Rows that the output holds, and rows that it will hold. */
      readonly done: number;
      readonly rows: number;
    }
  | { readonly type: 'finished'; readonly summary: RunSummary };

/** Range of {@link ScoringRunOptions.limit}. */
export const LIMIT_RANGE = { integer: true, min: 1, max: Number.MAX_SAFE_INTEGER } as const;

/** Rows among which those of one user are judged together where nothing else is said. */
export const DEFAULT_REORDER = 64;

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
  if (options.limit !== undefined) checkRange('limit', options.limit, LIMIT_RANGE);
  const settings = model.settings(judge);
  const concurrency = model.concurrencyFor(chainsAtOnce(settings), options.concurrency);
  const rows = Math.min(data.count, options.limit ?? data.count);
  const journal = await RunJournal.open({ ...options, judge, concurrency, reorder, rows });
  try {
    onEvent?.({ type: 'started', output: output.name, rows, done: journal.done });
    const score = scorer(options);
    const analyses = AnalysisCache.for(settings);
    const which = options.rows ?? 'missing';
    if (which !== 'missing') {
      const failed = journal.counts().failed;
      onEvent?.({ type: 'retrying', rows: failed });
      const again = failedRows(data, output);
      for await (const { line, record } of mapTogether(
        again,
        async ({ row, line }, _, stop) => ({
          line,
          // Rows tried again stand outside the order, so they neither take earlier rows' analyses nor leave any.
          record: await score(row, (line.record.attempt ?? 1) + 1, stop, null),
        }),
        { concurrency, signal, reorder, keyOf: ({ row }) => row.userId },
      )) {
        await journal.retried(line, record);
        onEvent?.({ type: 'row', record, done: journal.done, rows });
      }
      await journal.mergeRetries();
    }
    if (which !== 'failed') {
      if (analyses !== null) await replayAnalyses(analyses, output);
      const missing = rowsFrom(data, journal.done, rows);
      // Rows of one user begin in their own order, so the turns of the analyses are those of the data.
      for await (const record of mapTogether(missing, (row, _, stop) => score(row, 1, stop, analyses), {
        concurrency,
        signal,
        reorder,
        keyOf: userOfRow,
      })) {
        await journal.scored(record);
        onEvent?.({ type: 'row', record, done: journal.done, rows });
      }
    }
    // The rows before the damage are done; that there are no more of them is not for the run to say.
    if (which !== 'failed' && rows === data.available && data.damage !== undefined) throw data.damage;
    const summary = await journal.close();
    onEvent?.({ type: 'finished', summary });
    return summary;
  } catch (error) {
    if (signal?.aborted === true && error === signal.reason) {
      const summary = await journal.close();
      onEvent?.({ type: 'finished', summary });
      return summary;
    }
    await journal.abandon(messageOf(error));
    throw error;
  }
}

type Score = (
  row: PreferenceRow | RowProblem,
  attempt: number,
  stop: AbortSignal,
  analyses: AnalysisCache | null,
) => Promise<RowRecord>;

function scorer({ model, judge, chains = false }: ScoringRunOptions): Score {
  return async (row, attempt, stop, analyses) => {
    if (row.kind === 'problem') return invalidRecord(row);
    const { user, item } = row;
    const turn = analyses?.turn(user, row.id) ?? null;
    return inTurn(turn, async () => {
      try {
        const input = { id: row.id, user, context: item.context, candidates: item.candidates };
        const judgment = await model.judgeInTurn(input, { ...judge, attempt, signal: stop }, turn);
        return judgedRecord(row, judgment, attempt, chains);
      } catch (error) {
        if (stop.aborted || !isRowError(error)) throw error;
        return failedRecord(row, error, attempt);
      }
    });
  };
}

/** Puts the cache where it was after the rows that the output holds. */
async function replayAnalyses(analyses: AnalysisCache, output: RunOutput): Promise<void> {
  for await (const { record } of output.earlierLines()) {
    if (record.analysis !== undefined) analyses.replay(record.analysis, record.id ?? '');
  }
}

/** What names a row's user; undefined where the row does not. */
export function userOfRow(row: PreferenceRow | RowProblem): string | undefined {
  return row.kind === 'row' ? row.userId : undefined;
}

/** Rows `from` (counted from 0) up to `to`, in order. */
async function* rowsFrom(
  data: PreferenceData,
  from: number,
  to: number,
): AsyncGenerator<PreferenceRow | RowProblem, void, undefined> {
  let index = 0;
  if (from >= to) return;
  for await (const row of data.rows()) {
    if (index >= from) yield row;
    index += 1;
    if (index >= to) return;
  }
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

// Samples the largest level once a row and writes every chain, across as many sessions as it takes.
// Knows data, reward model and chains files; nothing of what is computed from them.

import type { PreferenceRow } from '../../data/preference-data.js';
import { checkRange, JUDGE_RANGES } from '../../options/option-range.js';
import type { User } from '../../preference/preference.js';
import { AnalysisCache } from '../../reward-model/analysis-cache.js';
import { DEFAULT_REORDER, judgeRows, lineOf, type RowLines } from '../../run/judge-rows.js';
import { JudgedSoFar } from '../../run/judged-so-far.js';
import {
  type DataRow,
  inputOf,
  missingRows,
  replayAnalyses,
  rowsAsked,
  throwDamage,
} from '../../run/rows.js';
import type { ScalingLevel } from '../../scaling/level.js';
import { type ArmsOfRow, DonorPool } from '../controls/donors.js';
import { HistoryPick, shownUser } from '../controls/shown-history.js';
import type { Protocol } from '../protocol.js';
import { openChains, rowKey } from './chains-file.js';
import type { ChainsRow } from './chains-record.js';
import { failedLine, invalidLine, judgedLine, type RowContext } from './row-chains.js';
import { headerOf } from './sample-header.js';
import type { SampleOptions } from './sample-options.js';

export type { BankRecord, SampleEvent, SampleOptions, ShownHistoryOptions } from './sample-options.js';

/** How sampling ended. */
export interface SampleSummary {
  /** `stopped`: rows are missing; a resumed run goes on after those written. */
  readonly status: 'finished' | 'stopped';
  readonly rows: number;
  readonly done: number;
  /** This session alone. */
  readonly session: { readonly rows: number; readonly generatedTokens: number; readonly ms: number };
}

/** The smallest level that holds all of the others. Under a protocol that shows every order, two chains at least. */
export function largestLevel(levels: readonly ScalingLevel[], protocol: Protocol): ScalingLevel {
  const individual = Math.max(...levels.map((level) => level.individual));
  return {
    individual: protocol.everyOrder ? individual + (individual % 2) : individual,
    prototype: Math.max(...levels.map((level) => level.prototype)),
  };
}

/**
 * Samples chains row by row until all rows are done or the signal aborts; the file is left ready to be resumed.
 *
 * Lines stand in the order of the data; rows that the file has are left out, so that a run can be asked for more rows
 * later. Seeds depend on the row and the chain's number alone, so a level's chains
 * are those that `score` writes at that level. Memory: the keys of the rows that are stored. Errors: `INVALID_OPTION`,
 * `RUN_MISMATCH`, `OUTPUT_FAILED`, `INPUT_MALFORMED` (the data is damaged further on), and what ends a
 * generator.
 */
export async function sampleChains(options: SampleOptions): Promise<SampleSummary> {
  const { data, model, writer, reorder = DEFAULT_REORDER, signal, onEvent } = options;
  checkRange('reorder', reorder, JUDGE_RANGES.reorder);
  const { budget } = options.shown ?? {};
  if (budget !== undefined) checkRange('budget', budget, JUDGE_RANGES.historyBudget);
  const began = performance.now();
  const rows = rowsAsked(data, options.limit);
  const largest = largestLevel(options.levels, options.protocol);
  checkRange('individual', largest.individual, JUDGE_RANGES.individual);
  const pool = options.controls?.includes('swapped')
    ? await DonorPool.of(options.whole ?? data, options.judge?.seed ?? 0, signal)
    : null;
  const header = headerOf(options, largest, rows, pool);
  const concurrency = model.concurrencyFor(largest.individual + largest.prototype, options.concurrency);
  const stored = await writer.start(header);
  let done = Math.min(stored.size, rows);
  const session = { rows: 0, generatedTokens: 0 };
  onEvent?.({ type: 'started', path: writer.path, rows, done });
  const analyses = AnalysisCache.for({
    prototypes: largest.prototype,
    retrieveBy: options.judge?.retrieveBy ?? 'chain',
  });
  if (analyses !== null && stored.size > 0)
    await replayAnalyses(analyses, (await openChains(writer.path)).rows());
  const judged = new JudgedSoFar((counts) => onEvent?.({ type: 'progress', judged: counts }));
  const lines = linesOf(options, largest, header.run, pool, judged);
  const isStored = (row: DataRow): boolean =>
    stored.has(rowKey(row.number, row.kind === 'row' ? row.id : undefined));
  try {
    const { stopped } = await judgeRows({
      rows: missingRows(data, rows, isStored),
      rowOf: (row) => row,
      lineOf: (row, stop) => lineOf(row, lines, analyses, stop),
      async write(line) {
        await writer.append(line);
        done += 1;
        session.rows += 1;
        session.generatedTokens += line.tokens.generated;
        onEvent?.({ type: 'row', row: line, done, rows });
      },
      concurrency,
      reorder,
      signal,
    });
    if (!stopped) throwDamage(data, rows);
  } finally {
    await writer.close();
  }
  const status = done < rows ? 'stopped' : 'finished';
  return { status, rows, done, session: { ...session, ms: performance.now() - began } };
}

function linesOf(
  options: SampleOptions,
  largest: ScalingLevel,
  run: string,
  pool: DonorPool | null,
  judged: JudgedSoFar,
): RowLines<ChainsRow> {
  const { model, judge = {}, groupOf, texts = false, controls = [], donors = 1 } = options;
  const pick = pickOf(options);
  // Under a budget a similar user shows no more events than the user does.
  const shownOfNeighbours = ({ history }: User): { historyEvents?: number } =>
    options.shown?.budget === undefined || history.length === 0 ? {} : { historyEvents: history.length };
  const contextOf = ({ userId }: Partial<PreferenceRow>): RowContext => {
    const group = userId === undefined ? undefined : groupOf?.(userId);
    return { run, texts, ...(group === undefined ? {} : { group }) };
  };
  return {
    invalid: (problem) => invalidLine(problem, contextOf({})),
    failed: (row, error) => failedLine(row, error, contextOf(row)),
    async judged(row, turn, stop) {
      const arms = await (pool?.arms(row, donors, pick) ?? withoutDonors(row, pick));
      const input = inputOf({ ...row, user: arms.own });
      const level = {
        individual: largest.individual,
        ...(largest.prototype === 0 ? {} : { prototypes: largest.prototype, ...shownOfNeighbours(arms.own) }),
      };
      // Keys of their own, so that the chains of each arm are draws of their own.
      const control = (key: string, user: User) =>
        model.judge(
          { ...input, id: `${key} ${row.id}`, user },
          { ...judge, individual: largest.individual, signal: stop },
        );
      // All arms at once: each shares the prefix of its own user's rows.
      const [judgment, none, swapped, random] = await Promise.all([
        judged.row((onEvent) =>
          model.judgeInTurn(input, { ...judge, ...level, signal: stop, onEvent }, turn),
        ),
        controls.includes('none') ? control('no-history', { history: [] }) : undefined,
        pool === null
          ? undefined
          : Promise.all(
              arms.donors.map(async ({ id, user }) => ({
                donor: id,
                cut: arms.cut,
                judgment: await control(`swapped ${id}`, user),
              })),
            ),
        // One own chain, by which similar users would be sought; it is not kept.
        controls.includes('random')
          ? options.randomUsers!.judge(
              { ...input, id: `random ${row.id}` },
              { ...judge, ...level, individual: 1, signal: stop },
            )
          : undefined,
      ]);
      const others = {
        ...(none === undefined ? {} : { none }),
        ...(swapped === undefined ? {} : { swapped }),
        ...(random === undefined ? {} : { random }),
        ...(arms.noDonor === undefined ? {} : { noDonor: arms.noDonor }),
      };
      return judgedLine(row, judgment, others, contextOf(row));
    },
  };
}

function pickOf({ model, judge = {}, shown = { by: 'newest' } }: SampleOptions): HistoryPick {
  const { budget, by, embedder } = shown;
  const { historyEvents: events } = judge;
  const limits = {
    by,
    ...(events === undefined ? {} : { events }),
    ...(budget === undefined ? {} : { budget }),
  };
  return new HistoryPick(limits, {
    countTokens: (text) => model.countTokens(text),
    ...(embedder === undefined ? {} : { embedder: embedder.model }),
  });
}

async function withoutDonors({ user, item }: PreferenceRow, pick: HistoryPick): Promise<ArmsOfRow> {
  const ranked = await pick.rank(user, item);
  return { own: shownUser(ranked, ranked.most), donors: [], cut: false };
}

// Samples the largest level once a row and writes every chain, across as many sessions as it takes.
// Knows data, reward model and chains files; nothing of what is computed from them.

import type { PreferenceData, PreferenceRow } from '../../data/preference-data.js';
import { nativeDetails } from '../../generator/native/native-info.js';
import { guidedName } from '../../guided/decoding.js';
import { checkRange, JUDGE_RANGES } from '../../options/option-range.js';
import { PACKAGE_VERSION } from '../../package.js';
import type { User } from '../../preference/preference.js';
import { AnalysisCache } from '../../reward-model/analysis-cache.js';
import type { JudgeOptions } from '../../reward-model/judgment.js';
import { historySplitsOf, sharedIdentity, usersFileOf } from '../../run/identity.js';
import { DEFAULT_REORDER, judgeRows, lineOf, type RowLines } from '../../run/judge-rows.js';
import { type JudgedCounts, JudgedSoFar } from '../../run/judged-so-far.js';
import {
  type DataRow,
  inputOf,
  missingRows,
  replayAnalyses,
  rowsAsked,
  throwDamage,
} from '../../run/rows.js';
import type { RunModel } from '../../run/run-model.js';
import type { ScalingLevel } from '../../scaling/level.js';
import { DonorPool } from '../controls/donors.js';
import type { Control } from '../controls/personal.js';
import type { Protocol } from '../protocol.js';
import { type ChainsWriter, openChains, rowKey } from './chains-file.js';
import {
  CHAINS_FORMAT,
  type ChainsHeader,
  type ChainsIdentity,
  type ChainsRow,
  runName,
} from './chains-record.js';
import { failedLine, invalidLine, judgedLine, type RowContext } from './row-chains.js';

/** The bank that similar users come from, as far as a chains file records it. */
export interface BankRecord {
  readonly checksum: string;
  readonly additions: number;
  readonly overlap: string;
  /** Ids of bank users who are evaluated too. */
  readonly shared: ReadonlySet<string>;
}

/** Range of {@link SampleOptions.donors}. */
export const DONORS_RANGE = { integer: true, min: 1, max: 100 } as const;

/** What is sampled, with what, and where the chains go. */
export interface SampleOptions {
  readonly data: PreferenceData;
  /** The split that `data` was opened with. */
  readonly split?: string;
  /** Holds the bank where there is a prototype level. */
  readonly model: RunModel;
  readonly writer: ChainsWriter;
  readonly protocol: Protocol;
  /** All levels that shall be derived. */
  readonly levels: readonly ScalingLevel[];
  readonly bank?: BankRecord;
  /** How each row is judged; the levels are set by `levels`, and adaptive scaling is none of this. */
  readonly judge?: Omit<
    JudgeOptions,
    'individual' | 'prototypes' | 'adaptive' | 'aggregate' | 'includeSelf' | 'attempt' | 'signal' | 'onEvent'
  >;
  /** What each row is judged with besides its own user, with as many individual chains; default nothing. */
  readonly controls?: readonly Control[];
  /** Other users a row under the control `swapped`; at least 1, default 1. */
  readonly donors?: number;
  /** Group of a user, where it can be told. */
  readonly groupOf?: (userId: string) => string | undefined;
  /** Whether the chains' texts are kept; default false. */
  readonly texts?: boolean;
  /** Most rows, from the first; at least 1. Default: all. */
  readonly limit?: number;
  /** Most rows in flight; default: as many as keep the generator busy. */
  readonly concurrency?: number;
  /** Rows among which those of one user are judged together, as in `runScoring`; default 64. */
  readonly reorder?: number;
  readonly signal?: AbortSignal;
  readonly onEvent?: (event: SampleEvent) => void;
}

/** What sampling reports while it goes on. */
export type SampleEvent =
  | { readonly type: 'started'; readonly path: string; readonly rows: number; readonly done: number }
  /** After each of a row's own chains and each row; `judged` is of this session. */
  | { readonly type: 'progress'; readonly judged: JudgedCounts }
  | { readonly type: 'row'; readonly row: ChainsRow; readonly done: number; readonly rows: number };

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
  const began = performance.now();
  const rows = rowsAsked(data, options.limit);
  const largest = largestLevel(options.levels, options.protocol);
  checkRange('individual', largest.individual, JUDGE_RANGES.individual);
  const pool = options.controls?.includes('swapped')
    ? await DonorPool.of(data, options.judge?.seed ?? 0, signal)
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
  const contextOf = ({ userId }: Partial<PreferenceRow>): RowContext => {
    const group = userId === undefined ? undefined : groupOf?.(userId);
    return { run, texts, ...(group === undefined ? {} : { group }) };
  };
  return {
    invalid: (problem) => invalidLine(problem, contextOf({})),
    failed: (row, error) => failedLine(row, error, contextOf(row)),
    async judged(row, turn, stop) {
      const arms = pool?.arms(row, donors, judge.historyEvents);
      const input = inputOf(arms === undefined ? row : { ...row, user: arms.own });
      const level = {
        individual: largest.individual,
        ...(largest.prototype === 0 ? {} : { prototypes: largest.prototype }),
      };
      // Keys of their own, so that the chains of each arm are draws of their own.
      const control = (key: string, user: User) =>
        model.judge(
          { ...input, id: `${key} ${row.id}`, user },
          { ...judge, individual: largest.individual, signal: stop },
        );
      // All arms at once: each shares the prefix of its own user's rows.
      const [judgment, none, swapped] = await Promise.all([
        judged.row((onEvent) =>
          model.judgeInTurn(input, { ...judge, ...level, signal: stop, onEvent }, turn),
        ),
        controls.includes('none') ? control('no-history', { history: [] }) : undefined,
        arms &&
          Promise.all(
            arms.donors.map(async ({ id, user }) => ({
              donor: id,
              cut: arms.own.history.length < shownOf(row, judge.historyEvents),
              judgment: await control(`swapped ${id}`, user),
            })),
          ),
      ]);
      const others = {
        ...(none === undefined ? {} : { none }),
        ...(swapped === undefined ? {} : { swapped }),
        ...(arms?.noDonor === undefined ? {} : { noDonor: arms.noDonor }),
      };
      return judgedLine(row, judgment, others, contextOf(row));
    },
  };
}

function shownOf({ user }: PreferenceRow, events = Number.POSITIVE_INFINITY): number {
  return Math.min(user.history.length, events);
}

function headerOf(
  options: SampleOptions,
  largest: ScalingLevel,
  rows: number,
  pool: DonorPool | null,
): ChainsHeader {
  const { data, model, bank, protocol } = options;
  const identity = identityOf(options, largest, pool);
  return {
    pgenrmChains: CHAINS_FORMAT,
    pgenrm: PACKAGE_VERSION,
    created: new Date().toISOString(),
    run: runName(identity),
    protocol: protocol.name,
    model: model.modelInfo.description,
    rows,
    identity,
    kvCache: nativeDetails(model.generatorInfo)?.kvCache ?? null,
    usersFile: usersFileOf(data),
    overlap: bank === undefined ? null : { users: bank.shared.size, examples: [...bank.shared].slice(0, 5) },
  };
}

function identityOf(options: SampleOptions, largest: ScalingLevel, pool: DonorPool | null): ChainsIdentity {
  const { data, split, model, bank, judge = {}, controls = [], donors = 1 } = options;
  const settings = model.settings({ ...judge, individual: largest.individual });
  const { sampling, seed, maxTokens, historyEvents, grammar, guided, prefer } = settings;
  const shared = sharedIdentity(data, split, model);
  return {
    ...shared,
    data: {
      ...shared.data,
      historySplits: historySplitsOf(data),
      group: data.selection?.group ?? null,
    },
    bank: {
      checksum: bank?.checksum ?? null,
      additions: bank?.additions ?? null,
      overlap: bank?.overlap ?? null,
    },
    sampling: {
      individual: largest.individual,
      prototype: largest.prototype,
      noHistory: controls.includes('none') ? largest.individual : 0,
      ...(pool === null ? {} : { swapped: { donors, pool: pool.fingerprint } }),
      seed,
      temperature: sampling.temperature,
      topP: sampling.topP,
      minP: sampling.minP,
      maxTokens,
      historyEvents,
      grammar,
      ...(guided === null ? {} : { guided: guidedName(guided) }),
      prefer,
      retrieveBy: largest.prototype === 0 ? null : (judge.retrieveBy ?? 'chain'),
    },
  };
}

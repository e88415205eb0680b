// Samples the largest level once a row and writes every chain, across as many sessions as it takes.
// Knows data, reward model and chains files; nothing of what is computed from them.

import { mapTogether } from '../../concurrency/bring-together.js';
import type { PreferenceData, PreferenceRow, RowProblem } from '../../data/preference-data.js';
import { isRowError } from '../../errors.js';
import { nativeDetails } from '../../generator/native/native-info.js';
import { checkRange, JUDGE_RANGES } from '../../options/option-range.js';
import { PACKAGE_VERSION } from '../../package.js';
import { AnalysisCache, inTurn } from '../../reward-model/analysis-cache.js';
import type { JudgeInput, JudgeOptions } from '../../reward-model/judgment.js';
import type { RewardModel } from '../../reward-model/reward-model.js';
import { DEFAULT_REORDER, userOfRow } from '../../run/scoring/scoring-run.js';
import type { ScalingLevel } from '../../scaling/level.js';
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

/** Chains a row of the baseline without history: every order of a pair. */
export const NO_HISTORY_CHAINS = 2;

/** The bank that similar users come from, as far as a chains file records it. */
export interface BankRecord {
  readonly checksum: string;
  readonly additions: number;
  readonly overlap: string;
  /** Ids of bank users who are evaluated too. */
  readonly shared: ReadonlySet<string>;
}

/** What is sampled, with what, and where the chains go. */
export interface SampleOptions {
  readonly data: PreferenceData;
  /** The split that `data` was opened with. */
  readonly split?: string;
  /** Holds the bank where there is a prototype level. */
  readonly model: RewardModel;
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
  /** Whether the model judges without history and criteria too; default false. */
  readonly noHistory?: boolean;
  /** Group of a user, where it can be told. */
  readonly groupOf?: (userId: string) => string | undefined;
  /** Whether the chains' texts are kept; default false. */
  readonly texts?: boolean;
  /** Most rows, from the first; at least 1. Default: all. */
  readonly limit?: number;
  /** Most rows in flight; default: as many as keep the generator busy. */
  readonly concurrency?: number;
  /** Rows among which those of one user are judged together, as in `runScoring`; default {@link DEFAULT_REORDER}. */
  readonly reorder?: number;
  readonly signal?: AbortSignal;
  readonly onEvent?: (event: SampleEvent) => void;
}

/** What sampling reports while it goes on. */
export type SampleEvent =
  | { readonly type: 'started'; readonly path: string; readonly rows: number; readonly done: number }
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
  if (options.limit !== undefined)
    checkRange('limit', options.limit, { integer: true, min: 1, max: Number.MAX_SAFE_INTEGER });
  checkRange('reorder', reorder, JUDGE_RANGES.reorder);
  const began = performance.now();
  const rows = Math.min(data.count, options.limit ?? data.count);
  const largest = largestLevel(options.levels, options.protocol);
  checkRange('individual', largest.individual, JUDGE_RANGES.individual);
  const header = headerOf(options, largest, rows);
  const concurrency = model.concurrencyFor(largest.individual + largest.prototype, options.concurrency);
  const stored = await writer.start(header);
  let done = Math.min(stored.size, rows);
  const session = { rows: 0, generatedTokens: 0 };
  onEvent?.({ type: 'started', path: writer.path, rows, done });
  const analyses = AnalysisCache.for({
    prototypes: largest.prototype,
    retrieveBy: options.judge?.retrieveBy ?? 'chain',
  });
  if (analyses !== null && stored.size > 0) await replayAnalyses(analyses, writer.path);
  const judge = judgeRow(options, largest, header.run, analyses);
  const stopped = (): boolean => signal?.aborted === true;
  try {
    for await (const line of mapTogether(
      missingRows(data, stored, rows),
      async (row, _, stop) => judge(row, stop),
      { concurrency, signal, reorder, keyOf: userOfRow },
    )) {
      await writer.append(line);
      done += 1;
      session.rows += 1;
      session.generatedTokens += line.tokens.generated;
      onEvent?.({ type: 'row', row: line, done, rows });
    }
    // The rows before the damage are sampled; that there are no more of them is not for this to say.
    if (rows === data.available && data.damage !== undefined) throw data.damage;
  } catch (error) {
    if (!stopped() || error !== signal?.reason) throw error;
  } finally {
    await writer.close();
  }
  const status = done < rows ? 'stopped' : 'finished';
  return { status, rows, done, session: { ...session, ms: performance.now() - began } };
}

type JudgeLine = (row: PreferenceRow | RowProblem, stop: AbortSignal) => Promise<ChainsRow>;

function judgeRow(
  options: SampleOptions,
  largest: ScalingLevel,
  run: string,
  analyses: AnalysisCache | null,
): JudgeLine {
  const { model, judge = {}, groupOf, texts = false, noHistory = false } = options;
  return async (row, stop) => {
    const group = row.kind === 'row' && row.userId !== undefined ? groupOf?.(row.userId) : undefined;
    const context: RowContext = { run, texts, ...(group === undefined ? {} : { group }) };
    if (row.kind === 'problem') return invalidLine(row, context);
    const turn = analyses?.turn(row.user, row.id) ?? null;
    return inTurn(turn, async () => {
      try {
        const input = inputOf(row);
        const options = {
          ...judge,
          individual: largest.individual,
          ...(largest.prototype === 0 ? {} : { prototypes: largest.prototype }),
          signal: stop,
        };
        const judgment = await model.judgeInTurn(input, options, turn);
        // Another key, so that the baseline's chains are draws of their own.
        const stranger = { ...input, id: `no-history ${row.id}`, user: { history: [] } };
        const without = noHistory
          ? await model.judge(stranger, { ...judge, individual: NO_HISTORY_CHAINS, signal: stop })
          : null;
        return judgedLine(row, judgment, without, context);
      } catch (error) {
        if (stop.aborted || !isRowError(error)) throw error;
        return failedLine(row, error, context);
      }
    });
  };
}

/** Puts the cache where it was after the rows that the file holds. */
async function replayAnalyses(analyses: AnalysisCache, path: string): Promise<void> {
  const stored = await openChains(path);
  for await (const { analysis, id } of stored.rows())
    if (analysis !== undefined) analyses.replay(analysis, id ?? '');
}

/** What the model is told of a row: the user, the context and the candidates, and nothing else of it. */
function inputOf({ id, user, item }: PreferenceRow): JudgeInput & { readonly id: string } {
  return { id, user, context: item.context, candidates: item.candidates };
}

function headerOf(options: SampleOptions, largest: ScalingLevel, rows: number): ChainsHeader {
  const { data, model, bank, protocol } = options;
  const identity = identityOf(options, largest);
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
    usersFile:
      data.users === undefined ? null : { users: data.users.userCount, inData: data.users.usersInData },
    overlap: bank === undefined ? null : { users: bank.shared.size, examples: [...bank.shared].slice(0, 5) },
  };
}

function identityOf(options: SampleOptions, largest: ScalingLevel): ChainsIdentity {
  const { data, split, model, bank, judge = {}, noHistory = false } = options;
  const { generatorInfo: info, template } = model;
  const settings = model.settings({ ...judge, individual: largest.individual });
  const { sampling, seed, maxTokens, historyEvents, grammar, prefer } = settings;
  return {
    data: {
      fingerprint: data.fingerprint,
      format: data.format,
      split: split ?? null,
      users: data.users?.fingerprint ?? null,
      historySplits: data.signals.historyAsked ? data.signals.historySplits.join(',') : null,
      group: data.selection?.group ?? null,
    },
    model: { sha256: model.modelSha256 },
    template: { name: template.name, hash: template.hash },
    bank: {
      checksum: bank?.checksum ?? null,
      additions: bank?.additions ?? null,
      overlap: bank?.overlap ?? null,
    },
    generator: {
      kind: info.kind,
      engine: info.engine,
      version: info.version,
      contextTokens: info.contextTokens,
    },
    sampling: {
      individual: largest.individual,
      prototype: largest.prototype,
      noHistory: noHistory ? NO_HISTORY_CHAINS : 0,
      seed,
      temperature: sampling.temperature,
      topP: sampling.topP,
      minP: sampling.minP,
      maxTokens,
      historyEvents,
      grammar,
      prefer,
      retrieveBy: largest.prototype === 0 ? null : (judge.retrieveBy ?? 'chain'),
    },
  };
}

/** The first `count` rows without those that are stored, in order. */
async function* missingRows(
  data: PreferenceData,
  stored: ReadonlySet<string>,
  count: number,
): AsyncGenerator<PreferenceRow | RowProblem, void, undefined> {
  let left = count;
  if (left === 0) return;
  for await (const row of data.rows()) {
    if (!stored.has(rowKey(row.number, row.kind === 'row' ? row.id : undefined))) yield row;
    left -= 1;
    if (left === 0) return;
  }
}

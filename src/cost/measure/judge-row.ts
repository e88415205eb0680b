// Judges one row for a bench and writes down what the judgment asked for, took and found.
// Knows a metered model and a row; which rows, and when, is `run-block.ts`.

import type { PreferenceRow } from '../../data/preference-data.js';
import { isRowError, type PgenrmError } from '../../errors.js';
import type { JudgeOptions, Judgment } from '../../reward-model/judgment.js';
import type { RewardModel } from '../../reward-model/reward-model.js';
import type { Variant } from './bench-plan.js';
import type { JudgmentRecord } from './bench-record.js';
import { emptyAccount, type MeteredGenerator, type RequestAccount } from './metered-generator.js';

/** What a row is judged with. */
export interface RowJudge {
  readonly model: RewardModel;
  /** The generator of `model`. */
  readonly generator: MeteredGenerator;
  readonly judge: JudgeOptions;
}

/** How one row is judged. */
export interface RowTask extends Variant {
  readonly seed: number;
  readonly signal: AbortSignal;
  /** Whether accounts are kept; without them the record holds times and outcomes only. */
  readonly metered: boolean;
}

/** Judges a row; an error of the row's own is recorded. Rejects where the signal aborts, and with errors that are no row's own. */
export async function judgeRow(
  { model, generator, judge }: RowJudge,
  row: PreferenceRow,
  { level, adaptive, seed, signal, metered }: RowTask,
): Promise<JudgmentRecord> {
  const options: JudgeOptions = {
    ...judge,
    individual: level.individual,
    ...(level.prototype === 0 ? {} : { prototypes: level.prototype }),
    ...(adaptive === null ? {} : { adaptive }),
    seed,
    signal,
  };
  const input = {
    id: row.id,
    user: row.user,
    context: row.item.context,
    candidates: row.item.candidates,
  };
  const began = performance.now();
  let firstChainMs: number | null = null;
  const onEvent: JudgeOptions['onEvent'] = ({ type }) => {
    if (type === 'chain') firstChainMs ??= performance.now() - began;
  };
  try {
    if (!metered) {
      const judgment = await model.judge(input, options);
      return recordOf(row, performance.now() - began, null, emptyAccount(), judgment);
    }
    const { result, account } = await generator.account(() => model.judge(input, { ...options, onEvent }));
    return recordOf(row, performance.now() - began, firstChainMs, account, result);
  } catch (error) {
    if (signal.aborted || !isRowError(error)) throw error;
    return {
      ...recordOf(row, performance.now() - began, null, emptyAccount(), null),
      error: (error as PgenrmError).code,
    };
  }
}

function recordOf(
  row: PreferenceRow,
  ms: number,
  firstChainMs: number | null,
  account: RequestAccount,
  judgment: Judgment | null,
): JudgmentRecord {
  const lost = judgment === null ? 0 : judgment.chains.length - judgment.usable;
  return {
    row: row.number,
    user: row.userId ?? null,
    ms,
    firstChainMs,
    prompt: account.promptTokens,
    unshared: account.unsharedPromptTokens,
    decoded: account.decodedPromptTokens,
    distinct: account.distinctPromptTokens,
    // Of requests that adaptive stopping cancelled the judgment counts the chains that had ended.
    generated: judgment?.tokens.generated ?? 0,
    requests: account.requests,
    each: account.each.map((one) => ({ ...one })),
    neighbours: judgment?.chains.filter(({ level }) => level === 'prototype').length ?? 0,
    used: judgment?.usable ?? 0,
    lost,
    saved: judgment?.scaling.saved ?? 0,
    chainTokens: judgment?.chains.map(({ tokens }) => tokens) ?? [],
    correct: correctOf(row, judgment),
    error: null,
  };
}

function correctOf({ label }: PreferenceRow, judgment: Judgment | null): number | null {
  if (label === undefined) return null;
  if (judgment === null || judgment.status === 'failed') return 0;
  return judgment.tie ? 0.5 : judgment.winner === label ? 1 : 0;
}

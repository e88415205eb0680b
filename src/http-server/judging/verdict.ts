// One outcome for candidates however they were compared: their scores, what it cost, the judgments behind them.
// Knows judgments; nothing of HTTP.

import { PgenrmError } from '../../errors.js';
import type { Judgment } from '../../reward-model/judgment.js';
import type { Comparison, Cost } from '../shapes/common.js';

/** What is known of candidates after all comparisons. */
export interface Verdict {
  /** One a candidate, 1 to 10. */
  readonly scores: readonly number[];
  readonly comparison: Comparison;
  readonly judgments: readonly Judgment[];
}

/** The scores of a judgment. Errors: `NO_USABLE_CHAIN` where there are none. */
export function scoresOf(judgment: Judgment): readonly number[] {
  if (judgment.scores !== null) return judgment.scores;
  const reasons = Object.entries(judgment.lost).map(([reason, count]) => `${count} ${reason}`);
  throw new PgenrmError(
    'NO_USABLE_CHAIN',
    `no chain of the judgment can be read (${reasons.join(', ')}), so there is no score; ask for more chains (individual), another attempt, or guided decoding`,
  );
}

/** A score as a reward in [0, 1]. */
export function rewardOf(score: number): number {
  return Math.min(1, Math.max(0, (score - 1) / 9));
}

/** The index of the best score, null on a tie within 1e-9 as in the library. */
export function winnerOf(scores: readonly number[]): {
  readonly winner: number | null;
  readonly tie: boolean;
} {
  const best = Math.max(...scores);
  const leading = scores.flatMap((score, index) => (best - score <= 1e-9 ? [index] : []));
  const tie = leading.length > 1;
  return { winner: tie ? null : leading[0]!, tie };
}

/** What judgments cost together. */
export function costOf(judgments: readonly Judgment[]): Cost {
  const sum = (of: (judgment: Judgment) => number): number =>
    judgments.reduce((total, judgment) => total + of(judgment), 0);
  return {
    comparisons: judgments.length,
    chains: sum(({ chains }) => chains.length),
    promptTokens: sum(({ tokens }) => tokens.prompt),
    decodedPromptTokens: sum(({ tokens }) => tokens.decodedPrompt),
    generatedTokens: sum(({ tokens }) => tokens.generated),
  };
}

/** Lost chains of all judgments by reason. */
export function lostOf(judgments: readonly Judgment[]): Record<string, number> {
  const lost: Record<string, number> = {};
  for (const judgment of judgments) {
    for (const [reason, count] of Object.entries(judgment.lost)) lost[reason] = (lost[reason] ?? 0) + count;
  }
  return lost;
}

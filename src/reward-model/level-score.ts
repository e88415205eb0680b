// From the chains of a level to one score per candidate, and from scores to a winner.
// Knows judged chains; nothing of how they were written.

import type { JudgedChain, LevelJudgment, LostCounts } from './judgment.js';

/** Scores that lie this close are equal: means of the same numbers in another order may differ in the last bits. */
export const TIE_TOLERANCE = 1e-9;

/** Mean score per candidate over the usable chains of a level, and what was lost. */
export function levelScore(chains: readonly JudgedChain[], candidates: number): LevelJudgment {
  const usable = chains.flatMap((chain) => (chain.scores === null ? [] : [chain.scores]));
  const lost = countLost(chains);
  if (usable.length === 0) return { scores: null, usable: 0, lost };
  const scores = Array.from({ length: candidates }, (_, candidate) => {
    const sum = usable.reduce((total, chain) => total + chain[candidate]!, 0);
    return sum / usable.length;
  });
  return { scores, usable: usable.length, lost };
}

function countLost(chains: readonly JudgedChain[]): LostCounts {
  const counts: Record<string, number> = {};
  for (const { lost } of chains) if (lost !== null) counts[lost] = (counts[lost] ?? 0) + 1;
  return counts;
}

/** The candidate of the highest score, or a tie where the best two are equal. */
export function decide(scores: readonly number[] | null): { winner: number | null; tie: boolean } {
  if (scores === null) return { winner: null, tie: false };
  const best = Math.max(...scores);
  const leaders = scores.flatMap((score, index) => (best - score <= TIE_TOLERANCE ? [index] : []));
  return leaders.length === 1 ? { winner: leaders[0]!, tie: false } : { winner: null, tie: true };
}

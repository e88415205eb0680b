// How much the chain of each similar user counts, and all of them beside the user's own.
// Knows similarities only.

/** Values of a judgment's `neighbourWeights`. */
export const NEIGHBOUR_WEIGHTS = ['equal', 'similarity', 'cosine'] as const;

/** How much the chain of each similar user counts. @useDeclaredType */
export type NeighbourWeights = (typeof NEIGHBOUR_WEIGHTS)[number];

/** How both levels are weighed. */
export interface NeighbourWeighing {
  /** Weight of each similar user's chain within its level, from 0 to 1. */
  readonly weights: readonly number[];
  /** Weight of the individual level, from 0 to 1. */
  readonly individualShare: number;
}

/** Cosines of chains for similar users lie close together; so much less counts 1/e. */
const COSINE_STEP = 0.1;

/**
 * Weights of similar users by their similarity (cosine, -1 to 1), and that of the user's own level beside them, given the
 * one it would have beside users of the very same taste.
 *
 * `equal` (the paper's): 1 each. `similarity`: exp((cosine - greatest cosine) / 0.1), the share as given. `cosine`: the
 * cosine itself, 0 below 0, and the level of similar users counts less by the mean of these weights, m: the share s
 * becomes s / (s + (1 - s) m). It suits an embedder whose cosine is the likeness of taste to be expected, for the best linear guess
 * of what one user thinks from what another does is the correlation of the two times that.
 */
export function weighNeighbours(
  similarities: readonly number[],
  kind: NeighbourWeights,
  individualShare: number,
): NeighbourWeighing {
  if (kind === 'equal' || similarities.length === 0)
    return { weights: similarities.map(() => 1), individualShare };
  if (kind === 'similarity') {
    const best = Math.max(...similarities);
    return {
      weights: similarities.map((similarity) => Math.exp((similarity - best) / COSINE_STEP)),
      individualShare,
    };
  }
  const weights = similarities.map((similarity) => Math.min(1, Math.max(0, similarity)));
  const mean = weights.reduce((sum, weight) => sum + weight, 0) / weights.length;
  const whole = individualShare + (1 - individualShare) * mean;
  return { weights, individualShare: whole > 0 ? individualShare / whole : individualShare };
}

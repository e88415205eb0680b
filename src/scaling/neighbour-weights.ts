// How much the chain of each similar user counts.
// Knows similarities only.

/** Values of a judgment's `neighbourWeights`. */
export const NEIGHBOUR_WEIGHTS = ['equal', 'similarity'] as const;

/** One of {@link NEIGHBOUR_WEIGHTS}. */
export type NeighbourWeights = (typeof NEIGHBOUR_WEIGHTS)[number];

/** Cosines of chains for similar users lie close together; so much less counts 1/e. */
const COSINE_STEP = 0.1;

/**
 * Weights of similar users by their similarity (cosine, -1 to 1), the most similar one 1.
 *
 * `equal` (the paper's): 1 each. `similarity`: exp((cosine - greatest cosine) / 0.1).
 */
export function neighbourWeights(similarities: readonly number[], kind: NeighbourWeights): number[] {
  if (kind === 'equal') return similarities.map(() => 1);
  const best = Math.max(...similarities);
  return similarities.map((similarity) => Math.exp((similarity - best) / COSINE_STEP));
}

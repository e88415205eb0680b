// What the distributions of a chain's scores say: means, how sure each is, and scores drawn from them.
// Knows probabilities and weights; nothing of plans or of how they were read.

import type { Readout } from './decoding.js';

/** The probabilities of one score. Shape [10], for 1 to 10; they sum to 1. */
export type ScoreDistribution = readonly number[];

/** The mean of a distribution of scores, from 1 to 10. */
export function expectedScore(distribution: ScoreDistribution): number {
  return distribution.reduce((sum, probability, index) => sum + probability * (index + 1), 0);
}

/** The variance of a distribution of scores. */
export function scoreVariance(distribution: ScoreDistribution): number {
  const mean = expectedScore(distribution);
  return distribution.reduce((sum, probability, index) => sum + probability * (index + 1 - mean) ** 2, 0);
}

/** A criterion's weight and its distributions, one a response. */
export interface ReadCriterion {
  /** Relative to those of the other criteria. */
  readonly weight: number;
  readonly distributions: readonly ScoreDistribution[];
}

/**
 * How far another draw of the same chain could put each response's score: its variance, were all criteria to lean the same
 * way, which bounds it from above. Shape [responses].
 */
export function chainVariances(criteria: readonly ReadCriterion[]): number[] {
  const sum = criteria.reduce((total, { weight }) => total + weight, 0);
  return (criteria[0]?.distributions ?? []).map((_, response) => {
    const deviations = criteria.map(
      ({ weight, distributions }) => (weight / sum) * Math.sqrt(scoreVariance(distributions[response]!)),
    );
    return deviations.reduce((total, one) => total + one, 0) ** 2;
  });
}

/** A score of each response from its distributions; `uniform` gives numbers in [0, 1), one a criterion and response. */
export function chainScoresRead(
  criteria: readonly ReadCriterion[],
  readout: Readout,
  uniform: () => number,
): number[] {
  const sum = criteria.reduce((total, { weight }) => total + weight, 0);
  return (criteria[0]?.distributions ?? []).map((_, response) =>
    criteria.reduce((total, { weight, distributions }) => {
      const distribution = distributions[response]!;
      const score =
        readout === 'expected' ? expectedScore(distribution) : drawnScore(distribution, uniform());
      return total + (weight / sum) * score;
    }, 0),
  );
}

function drawnScore(distribution: ScoreDistribution, uniform: number): number {
  let left = uniform;
  let last = 1;
  for (const [index, probability] of distribution.entries()) {
    if (probability <= 0) continue;
    last = index + 1;
    left -= probability;
    if (left < 0) break;
  }
  return last;
}

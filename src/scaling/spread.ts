// How far the chains of a level differ on two candidates: mean, shrunk variance, degrees of freedom.
// Knows differences of scores; nothing of what is decided by them.

import { asVote, type ChainScores, type LevelOutcome, TIE_TOLERANCE } from './aggregate-levels.js';

/** Largest difference between two scores of one chain: scores lie from 1 to 10, votes from 0 to 1. */
export function largestDifference(method: string): number {
  return method === 'wins' ? 1 : 9;
}

/**
 * Variance that a level's own is shrunk towards, half a point of the scale squared, or that of a vote that could go
 * either way; and how many chains it is worth. A few chains that happen to agree do not show that all would.
 */
const priorVariance = (method: string): number => (method === 'wins' ? 1 : 0.25);
const PRIOR_CHAINS = 1;
/** What the variance is worth that the distributions in the chains themselves state, in chains. */
const READ_CHAINS = 4;
/** Least of it: distributions that are all on one score do not show that other chains would be. */
const LEAST_READ_VARIANCE = 0.01;

/** What a level's chains say of two candidates, a weighted sample. */
export interface LevelSpread {
  /** Weighted mean of first minus second. */
  readonly mean: number;
  /** Usable chains, and those of them that favour the second. */
  readonly usable: number;
  readonly against: number;
  /** Sum of their weights, and of the squares of the weights. */
  readonly weight: number;
  readonly squaredWeight: number;
  /** Variance of one chain's difference: unbiased, then shrunk; the prior alone where one chain is usable. */
  readonly variance: number;
  readonly degrees: number;
  /** Whether every chain states a variance of its own, so that one of them alone tells how far others may lie. */
  readonly read: boolean;
}

/** The usable chains of a level as differences of two candidates; null where there is none. */
export function levelSpread(
  chains: readonly ChainScores[],
  first: number,
  second: number,
  method: string,
): LevelSpread | null {
  const used = chains.flatMap((chain) => {
    const { scores, weight = 1 } = method === 'wins' ? asVote(chain) : chain;
    if (scores === null || weight === 0) return [];
    const { variances } = method === 'wins' ? {} : chain;
    const stated = variances === undefined ? null : variances[first]! + variances[second]!;
    return [{ value: scores[first]! - scores[second]!, weight, stated }];
  });
  if (used.length === 0) return null;
  const weight = used.reduce((sum, one) => sum + one.weight, 0);
  const squaredWeight = used.reduce((sum, one) => sum + one.weight ** 2, 0);
  const mean = used.reduce((sum, one) => sum + one.weight * one.value, 0) / weight;
  const effective = weight ** 2 / squaredWeight;
  const squares = used.reduce((sum, one) => sum + one.weight * (one.value - mean) ** 2, 0) / weight;
  const read = used.every(({ stated }) => stated !== null);
  const stated = used.reduce((sum, one) => sum + one.weight * (one.stated ?? 0), 0) / weight;
  const prior = read
    ? { chains: READ_CHAINS, variance: Math.max(LEAST_READ_VARIANCE, stated) }
    : { chains: PRIOR_CHAINS, variance: priorVariance(method) };
  const degrees = prior.chains + effective - 1;
  return {
    mean,
    usable: used.length,
    against: used.filter(({ value }) => value < -TIE_TOLERANCE).length,
    weight,
    squaredWeight,
    // squares * effective is the sum of squared deviations that (effective - 1) degrees of freedom go with.
    variance: (prior.chains * prior.variance + squares * effective) / degrees,
    degrees,
    read,
  };
}

/** Both levels; a level with a single usable chain takes the other one's variance. */
export function bothSpreads(
  individual: readonly ChainScores[],
  prototype: readonly ChainScores[],
  [first, second]: readonly [number, number],
  method: string,
): { readonly individual: LevelSpread | null; readonly prototype: LevelSpread | null } {
  const own = levelSpread(individual, first, second, method);
  const similar = levelSpread(prototype, first, second, method);
  return { individual: borrowed(own, similar), prototype: borrowed(similar, own) };
}

function borrowed(spread: LevelSpread | null, other: LevelSpread | null): LevelSpread | null {
  if (spread === null || other === null || spread.read || spread.usable > 1 || other.usable === 1)
    return spread;
  return { ...spread, variance: other.variance, degrees: other.degrees };
}

/** Indices of the candidates by score, the best first; equal ones in their order. */
export function ranking(outcome: Pick<LevelOutcome, 'scores'>): number[] {
  const scores = outcome.scores ?? [];
  return scores.map((_, index) => index).sort((a, b) => scores[b]! - scores[a]! || a - b);
}

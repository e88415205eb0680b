// From the chains of both levels to one score per candidate and a winner.
// Knows scores and weights; nothing of how chains were written. The arithmetic is the kernels'.

import { PgenrmError } from '../errors.js';
import type { Kernels } from '../kernels/kernels.js';

/** Scores that lie this close are equal: means of the same numbers in another order may differ in the last bits. */
export const TIE_TOLERANCE = 1e-9;

/** What one chain says. */
export interface ChainScores {
  /** One score per candidate; null where the chain is lost. */
  readonly scores: readonly number[] | null;
  /** Finite and not negative; default 1. A chain of weight 0 counts as not usable. */
  readonly weight?: number;
  /**
   * Of a chain whose scores were read from distributions: the variance of each candidate's. It says how far other chains
   * may lie from this one before any was written.
   */
  readonly variances?: readonly number[] | undefined;
}

/** Values of {@link AggregateOptions.method}. */
export const AGGREGATE_METHOD_CHOICES = ['mean', 'median', 'trimmed', 'wins'] as const;

/** How chains become one score. @useDeclaredType */
export type AggregateMethod = (typeof AGGREGATE_METHOD_CHOICES)[number];

/** How chains become one score. The defaults are the paper's. */
export interface AggregateOptions {
  /**
   * Default `mean`. Under `wins` a candidate's score is the share of chains that put it first, from 0 to 1; chains
   * that put several first share their vote among them.
   */
  readonly method?: AggregateMethod;
  /** Share of usable chains cut from each end under `trimmed`; range [0, 0.5), default 0.1. */
  readonly trim?: number;
  /** Weight of the individual level where both have usable chains; range [0, 1], default 0.5. */
  readonly individualShare?: number;
}

/** What one level says. */
export interface LevelScore {
  /** One score per candidate; null where the level has no usable chain. */
  readonly scores: readonly number[] | null;
  readonly usable: number;
  /** Chains without scores, and those of weight 0. */
  readonly lost: number;
}

/** What both levels say together. */
export interface LevelOutcome {
  /** One score per candidate; null where no chain is usable. */
  readonly scores: readonly number[] | null;
  /** Index of the best candidate; null on a tie and without scores. */
  readonly winner: number | null;
  /** Whether the best two scores lie within 1e-9 of each other. */
  readonly tie: boolean;
  readonly individual: LevelScore;
  readonly prototype: LevelScore;
}

/**
 * Aggregates the chains of both levels: each level by `method`, the two by `individualShare`; where one level has no
 * usable chain the other has all the weight (P-GenRM, test-time user-based scaling).
 *
 * `candidates` is at least 1. Errors: `INVALID_OPTION` for options out of range, a number of scores that is not
 * `candidates`, and weights that are negative or not finite.
 */
export function aggregateLevels(
  kernels: Kernels,
  candidates: number,
  individual: readonly ChainScores[],
  prototype: readonly ChainScores[],
  options: AggregateOptions = {},
): LevelOutcome {
  const { method = 'mean', trim, individualShare } = options;
  const voted = (chains: readonly ChainScores[]): readonly ChainScores[] =>
    method === 'wins' ? chains.map(asVote) : chains;
  const own = matrixOf('individual', voted(individual), candidates);
  const similar = matrixOf('prototype', voted(prototype), candidates);
  const result = kernels.aggregateScores(
    {
      candidates,
      individual: own.scores,
      prototype: similar.scores,
      individualWeights: own.weights,
      prototypeWeights: similar.weights,
    },
    {
      method: method === 'wins' ? 'mean' : method,
      ...(trim === undefined ? {} : { trim }),
      ...(individualShare === undefined ? {} : { individualShare }),
    },
  );
  const level = (scores: Float64Array, usable: number, chains: number): LevelScore => ({
    scores: usable === 0 ? null : Array.from(scores),
    usable,
    lost: chains - usable,
  });
  const { usableIndividual, usablePrototype } = result;
  const scores = usableIndividual + usablePrototype === 0 ? null : Array.from(result.scores);
  return {
    scores,
    ...decide(scores),
    individual: level(result.individual, usableIndividual, individual.length),
    prototype: level(result.prototype, usablePrototype, prototype.length),
  };
}

/** The candidate of the highest score, or a tie where the best two are equal. */
export function decide(scores: readonly number[] | null): { winner: number | null; tie: boolean } {
  if (scores === null) return { winner: null, tie: false };
  const leaders = leadersOf(scores);
  return leaders.length === 1 ? { winner: leaders[0]!, tie: false } : { winner: null, tie: true };
}

/** A chain as its vote: 1 for the candidate that it puts first, shared where it puts several first. */
export function asVote(chain: ChainScores): ChainScores {
  const { scores } = chain;
  if (scores === null) return chain;
  const leaders = leadersOf(scores);
  return { ...chain, scores: scores.map((_, index) => (leaders.includes(index) ? 1 / leaders.length : 0)) };
}

function leadersOf(scores: readonly number[]): number[] {
  const best = Math.max(...scores);
  return scores.flatMap((score, index) => (best - score <= TIE_TOLERANCE ? [index] : []));
}

function matrixOf(
  level: string,
  chains: readonly ChainScores[],
  candidates: number,
): { scores: Float64Array; weights: Float64Array } {
  const scores = new Float64Array(chains.length * candidates).fill(Number.NaN);
  for (const [index, chain] of chains.entries()) {
    if (chain.scores === null) continue;
    if (chain.scores.length !== candidates) {
      throw new PgenrmError(
        'INVALID_OPTION',
        `the chain at ${index} of the ${level} level must hold ${candidates} scores, one a candidate; got ${chain.scores.length}`,
      );
    }
    scores.set(chain.scores, index * candidates);
  }
  return { scores, weights: Float64Array.from(chains, ({ weight = 1 }) => weight) };
}

// The nouns of score aggregation and the checks of its arguments.
// Computes nothing: the three implementations do.
import { PgenrmError } from '../errors.js';
import { checkInteger, checkNumber } from './checks.js';

/**
 * Scores of the chains of both levels. A chain is one row; a row that holds anything but finite numbers is
 * unusable and left out.
 */
export interface LevelScores {
  /** Responses that are compared, at least 1. */
  readonly candidates: number;
  /** Chains for the user. Shape [chains, candidates]. */
  readonly individual: Float64Array;
  /** Chains written as similar users. Shape [chains, candidates]. */
  readonly prototype: Float64Array;
  /** Weight of each chain, finite and not negative; default 1 each. Shape [chains]. */
  readonly individualWeights?: Float64Array;
  readonly prototypeWeights?: Float64Array;
}

/** How chains become one score. */
export interface AggregateOptions {
  /** Default `mean`. */
  readonly method?: 'mean' | 'median' | 'trimmed';
  /** Share of usable chains cut from each end under `trimmed`; range [0, 0.5), default 0.1. */
  readonly trim?: number;
  /** Weight of the individual level where both have usable chains; range [0, 1], default 0.5 (the paper's). */
  readonly individualShare?: number;
}

/** One score per candidate. NaN where neither level has a usable chain. */
export interface Aggregate {
  /** Shape [candidates]. */
  readonly scores: Float64Array;
  /** Score of each level alone, NaN where it has no usable chain. Shape [candidates]. */
  readonly individual: Float64Array;
  readonly prototype: Float64Array;
  /** Usable chains of each level; those of weight 0 count as unusable. */
  readonly usableIndividual: number;
  readonly usablePrototype: number;
}

/** Chains by who wins them. */
export interface WinCounts {
  /** Chains that score this candidate above all others. Shape [candidates]. */
  readonly wins: Uint32Array;
  /** Chains whose best two scores lie within the tolerance. */
  readonly ties: number;
  /** Chains with a score that is not a finite number. */
  readonly unusable: number;
}

/** Numbers of the methods, as the compiled kernels know them. */
export const AGGREGATE_METHODS = { mean: 0, median: 1, trimmed: 2 } as const;

/** Arguments of `aggregateScores` with every default filled in. */
export interface CheckedAggregate {
  readonly candidates: number;
  readonly individual: Float64Array;
  readonly prototype: Float64Array;
  readonly individualWeights: Float64Array;
  readonly prototypeWeights: Float64Array;
  readonly method: keyof typeof AGGREGATE_METHODS;
  readonly trim: number;
  readonly individualShare: number;
}

/** Fills in defaults. Errors: `INVALID_OPTION`. */
export function checkAggregate(levels: LevelScores, options: AggregateOptions = {}): CheckedAggregate {
  const { candidates } = levels;
  checkInteger('candidates', candidates, 1, 0xffff);
  const method = options.method ?? 'mean';
  if (!(method in AGGREGATE_METHODS)) {
    throw new PgenrmError(
      'INVALID_OPTION',
      `method must be mean, median or trimmed, but is ${String(method)}`,
    );
  }
  const trim = options.trim ?? 0.1;
  checkNumber('trim', trim, 0, 0.5);
  if (trim === 0.5)
    throw new PgenrmError('INVALID_OPTION', 'trim must be below 0.5, but is 0.5: it would cut every chain');
  const individualShare = options.individualShare ?? 0.5;
  checkNumber('individualShare', individualShare, 0, 1);
  return {
    candidates,
    individual: levels.individual,
    prototype: levels.prototype,
    individualWeights: checkWeights('individual', levels.individual, candidates, levels.individualWeights),
    prototypeWeights: checkWeights('prototype', levels.prototype, candidates, levels.prototypeWeights),
    method,
    trim,
    individualShare,
  };
}

/** Number of chains in a score matrix. Errors: `INVALID_OPTION` where it is not whole. */
export function chainCount(name: string, scores: Float64Array, candidates: number): number {
  if (scores.length % candidates !== 0) {
    throw new PgenrmError(
      'INVALID_OPTION',
      `${name} must hold a whole number of rows of ${candidates} scores, but holds ${scores.length} scores`,
    );
  }
  return scores.length / candidates;
}

function checkWeights(
  level: string,
  scores: Float64Array,
  candidates: number,
  weights?: Float64Array,
): Float64Array {
  const chains = chainCount(level, scores, candidates);
  if (!weights) return new Float64Array(chains).fill(1);
  if (weights.length !== chains) {
    throw new PgenrmError(
      'INVALID_OPTION',
      `${level}Weights must hold one weight for each of the ${chains} chains, but holds ${weights.length}`,
    );
  }
  const bad = weights.findIndex((weight) => !(weight >= 0 && Number.isFinite(weight)));
  if (bad >= 0) {
    throw new PgenrmError(
      'INVALID_OPTION',
      `${level}Weights must be finite and not negative, but the one at ${bad} is ${weights[bad]}`,
    );
  }
  return weights;
}

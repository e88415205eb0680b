// The nouns of resampling (bootstrap, permutation test) and the checks of their arguments.
// Computes nothing: the three implementations do, bit for bit alike.
import { PgenrmError } from '../errors.js';
import { checkInteger, checkSeed, checkThreads } from './checks.js';

/** How values are resampled. */
export interface BootstrapOptions {
  /** Resamples; 1 to 10,000,000. */
  readonly resamples: number;
  /** Unsigned 32-bit integer; one seed always gives one answer, whatever the threads. */
  readonly seed: number;
  /**
   * Cluster (such as the user) of each value: whole clusters are drawn, and a resample's mean is over all
   * values of the clusters drawn. Numbers 0 to n - 1, each used. Absent: single values are drawn.
   */
  readonly clusters?: Uint32Array;
  /** Threads; default all of the machine's. Only the native kernels use more than one. */
  readonly threads?: number;
}

/** How signs are flipped: value by value, or cluster by cluster. */
export interface PermutationOptions {
  /** Random sign patterns; 1 to 10,000,000. */
  readonly permutations: number;
  readonly seed: number;
  readonly clusters?: Uint32Array;
  readonly threads?: number;
}

/** What a permutation test says. */
export interface PermutationTest {
  /** Mean of `a - b`. */
  readonly difference: number;
  /** Share of sign patterns, the observed one included, whose mean lies at least as far from zero. */
  readonly pValue: number;
}

/** Most resamples of one call. */
const MOST_RESAMPLES = 10_000_000;

/** Clusters as sums: all that a mean over whole clusters needs. */
export interface ClusterSums {
  /** Sum of the values of each cluster, in order of the values. Shape [clusters]. */
  readonly sums: Float64Array;
  /** Values of each cluster. Shape [clusters]. */
  readonly counts: Float64Array;
}

/** Errors: `INVALID_OPTION`, `INVALID_VECTOR` where a value is not finite. */
export function checkBootstrap(values: Float64Array, options: BootstrapOptions): ClusterSums {
  checkInteger('resamples', options.resamples, 1, MOST_RESAMPLES);
  checkSeed(options.seed);
  checkThreads(options.threads);
  return clusterSums(values, options.clusters);
}

/** Errors: `INVALID_OPTION`, `INVALID_VECTOR` where a value is not finite. */
export function checkPermutation(values: Float64Array, options: PermutationOptions): ClusterSums {
  checkInteger('permutations', options.permutations, 1, MOST_RESAMPLES);
  checkSeed(options.seed);
  checkThreads(options.threads);
  return clusterSums(values, options.clusters);
}

/** `a - b`. Errors: `INVALID_OPTION` where the two differ in length. */
export function pairedDifferences(a: Float64Array, b: Float64Array): Float64Array {
  if (a.length !== b.length) {
    throw new PgenrmError(
      'INVALID_OPTION',
      `paired values must be as many, but are ${a.length} and ${b.length}`,
    );
  }
  return a.map((value, i) => value - b[i]!);
}

function clusterSums(values: Float64Array, clusters?: Uint32Array): ClusterSums {
  if (values.length === 0)
    throw new PgenrmError('INVALID_OPTION', 'there must be at least one value to resample');
  const bad = values.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0)
    throw new PgenrmError('INVALID_VECTOR', `values must be finite, but the one at ${bad} is ${values[bad]}`);
  if (!clusters) return { sums: values, counts: new Float64Array(values.length).fill(1) };
  if (clusters.length !== values.length) {
    throw new PgenrmError(
      'INVALID_OPTION',
      `clusters must name one cluster for each of the ${values.length} values, but names ${clusters.length}`,
    );
  }
  let most = 0;
  for (const cluster of clusters) most = Math.max(most, cluster);
  if (most >= values.length) {
    throw new PgenrmError(
      'INVALID_OPTION',
      `clusters must be numbered from 0 without gaps, but one is ${most}`,
    );
  }
  const sums = new Float64Array(most + 1);
  const counts = new Float64Array(most + 1);
  for (let i = 0; i < values.length; i++) {
    sums[clusters[i]!]! += values[i]!;
    counts[clusters[i]!]! += 1;
  }
  const empty = counts.indexOf(0);
  if (empty >= 0) {
    throw new PgenrmError(
      'INVALID_OPTION',
      `clusters must be numbered without gaps, but none of the values is in ${empty}`,
    );
  }
  return { sums, counts };
}

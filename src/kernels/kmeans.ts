// The nouns of k-means and the checks of its arguments.
// Computes nothing: the three implementations do.
import { PgenrmError } from '../errors.js';
import { checkInteger, checkNumber, checkSeed, checkThreads, filledRowCount } from './checks.js';
import type { Matrix } from './vectors.js';

/** How rows are clustered. */
export interface KMeansOptions {
  /** Centres, k in the paper (100 there); 1 to the number of rows. */
  readonly k: number;
  /** Unsigned 32-bit integer; one seed gives one result, whatever the threads. */
  readonly seed: number;
  /** Independent starts, of which the best is kept; 1 to 1000, default 10. */
  readonly restarts?: number;
  /** Most iterations of one start; 1 to 10,000, default 300. */
  readonly maxIterations?: number;
  /**
   * A start ends when its centres move, squared and summed, by no more than this times the mean variance of
   * the columns; default 1e-4.
   */
  readonly tolerance?: number;
  /** Threads; default all of the machine's. Only the native kernels use more than one. */
  readonly threads?: number;
}

/** The best start's result. */
export interface KMeansFit {
  /** Centres, not normalised. Shape [k, dim]. */
  readonly centres: Float32Array;
  /** Centre of each row, none empty unless the rows have fewer distinct values than k. Shape [rows]. */
  readonly assignment: Uint32Array;
  /** Sum of squared distances of rows to their centres. */
  readonly inertia: number;
  /** Iterations of the best start, and of all starts together. */
  readonly iterations: number;
  readonly totalIterations: number;
}

/** Arguments with defaults filled in. */
export interface CheckedKMeans {
  readonly rows: number;
  readonly k: number;
  readonly seed: number;
  readonly restarts: number;
  readonly maxIterations: number;
  readonly tolerance: number;
}

/** Errors: `INVALID_OPTION`, `INVALID_VECTOR` for broken shapes. */
export function checkKMeans(vectors: Matrix, options: KMeansOptions): CheckedKMeans {
  const rows = filledRowCount('vectors', vectors);
  if (Number.isInteger(options.k) && options.k > rows) {
    throw new PgenrmError(
      'INVALID_OPTION',
      `k must be at most the number of rows, but is ${options.k} with ${rows} rows; use a smaller k or more rows`,
    );
  }
  checkInteger('k', options.k, 1, rows);
  checkSeed(options.seed);
  checkThreads(options.threads);
  const restarts = options.restarts ?? 10;
  const maxIterations = options.maxIterations ?? 300;
  const tolerance = options.tolerance ?? 1e-4;
  checkInteger('restarts', restarts, 1, 1000);
  checkInteger('maxIterations', maxIterations, 1, 10_000);
  checkNumber('tolerance', tolerance, 0, 1e6);
  return { rows, k: options.k, seed: options.seed, restarts, maxIterations, tolerance };
}

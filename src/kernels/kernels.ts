// What every kernel implementation does: the numeric work under prototypes, scaling and evaluation.
// Knows nothing of users, chains or banks, nor of how an implementation computes.
import type { Aggregate, AggregateOptions, LevelScores, WinCounts } from './aggregate.js';
import type { KMeansFit, KMeansOptions } from './kmeans.js';
import type { Refinement, RefinementData, RefinementOptions } from './refine.js';
import type { BootstrapOptions, PermutationOptions, PermutationTest } from './resample.js';
import type { IndexOptions, OpenOptions, VectorIndex } from './vector-index.js';
import type { Matrix, Metric, Neighbours } from './vectors.js';

export type KernelsName = 'native' | 'wasm' | 'reference';

/** Files by path, for implementations that work on bytes; comes in from whoever has a file system. */
export interface IndexFiles {
  /** Errors: `INPUT_NOT_FOUND`. */
  read(path: string): Promise<Uint8Array>;
  /** Errors: `OUTPUT_FAILED`. */
  write(path: string, bytes: Uint8Array): Promise<void>;
}

/** What an exact search may be told. */
export interface ExactSearchOptions {
  readonly metric: Metric;
  /** Neighbours a query; 1 to the number of rows. */
  readonly k: number;
  /** Threads; default all of the machine's. Only the native kernels use more than one. */
  readonly threads?: number;
}

/**
 * The kernels. Implementations: `native/` (C++), `wasm/` (AssemblyScript) and `reference/`
 * (plain TypeScript, the oracle); `src/native/choose-kernels.ts` picks one.
 *
 * Methods that return a promise run off the event loop in the native kernels, and on the calling thread in
 * the other two (call those from a worker where that matters). All reject or throw with a `PgenrmError`:
 * `INVALID_OPTION` for arguments out of range, `INVALID_VECTOR` for NaN, infinite or zero-length vectors and
 * wrong dimensions, `OUT_OF_MEMORY` where memory is refused. Inputs are copied before a method returns.
 */
export interface Kernels {
  readonly name: KernelsName;
  /** The vector instructions in use, such as `avx512-vnni`, `avx2`, `neon`, `wasm128` or `none`. */
  readonly simd: string;

  /** Rows scaled to length 1. Shape [rows, dim]. */
  normaliseRows(vectors: Matrix): Float32Array;

  /**
   * Every distance of a query to a row. Shape [queries, rows]. With `prepared` the rows are taken as they are, neither
   * copied nor checked: for rows asked again and again that `normaliseRows` gave.
   */
  distances(
    queries: Matrix,
    rows: Matrix,
    metric: Metric,
    options?: { readonly prepared?: boolean },
  ): Float32Array;

  /** The k nearest rows of each query by a scan of all of them; labels are row numbers. */
  exactSearch(queries: Matrix, rows: Matrix, options: ExactSearchOptions): Promise<Neighbours>;

  /** A searchable index over vectors; see {@link VectorIndex}. Errors: `DUPLICATE_ID` too. */
  buildIndex(vectors: Matrix, options: IndexOptions): Promise<VectorIndex>;

  /** An index from the bytes of an index file. Errors: `BANK_DAMAGED` where they fail a check. */
  indexFromBytes(bytes: Uint8Array, options: OpenOptions): Promise<VectorIndex>;

  /** An index from a file. Errors: `INPUT_NOT_FOUND`, `BANK_DAMAGED`; `INVALID_OPTION` where the kernels were given no files. */
  openIndex(path: string, options: OpenOptions): Promise<VectorIndex>;

  /** Clusters rows around k centres (k-means++, Lloyd). */
  kmeansFit(vectors: Matrix, options: KMeansOptions): Promise<KMeansFit>;

  /** Attentive refinement of prototypes on preference pairs (P-GenRM, offline step 3). */
  refinePrototypes(data: RefinementData, options: RefinementOptions): Promise<Refinement>;

  /** One score per candidate from the chains of the individual and the prototype level. */
  aggregateScores(levels: LevelScores, options?: AggregateOptions): Aggregate;

  /** How many chains each candidate wins, and how many end in a tie for first place. */
  countWins(scores: Float64Array, candidates: number, tolerance?: number): WinCounts;

  /** Means of resampled values, one a resample, in the order of the resamples. Shape [resamples]. */
  bootstrapMeans(values: Float64Array, options: BootstrapOptions): Promise<Float64Array>;

  /** Means of the resampled differences `a - b` of pairs, one a resample. Shape [resamples]. */
  bootstrapPaired(a: Float64Array, b: Float64Array, options: BootstrapOptions): Promise<Float64Array>;

  /** Two-sided sign-flip permutation test of whether the mean of `a - b` is zero. */
  permutationTest(a: Float64Array, b: Float64Array, options: PermutationOptions): Promise<PermutationTest>;
}

// The kernels over any implementation: arguments are checked here, once for all of them.
// Knows which checks belong to which operation; computes nothing.
import {
  type Aggregate,
  type CheckedAggregate,
  chainCount,
  checkAggregate,
  type WinCounts,
} from './aggregate.js';
import { checkedIndex, type IndexOperations, NO_FILES } from './checked-index.js';
import {
  checkInteger,
  checkMetric,
  checkNumber,
  checkSameDim,
  checkThreads,
  filledRowCount,
  rowCount,
} from './checks.js';
import type { IndexFiles, Kernels, KernelsName } from './kernels.js';
import { type CheckedKMeans, checkKMeans, type KMeansFit } from './kmeans.js';
import { type CheckedRefinement, checkRefinement, type Refinement, type RefinementData } from './refine.js';
import {
  type ClusterSums,
  checkBootstrap,
  checkPermutation,
  type PermutationTest,
  pairedDifferences,
} from './resample.js';
import { type CheckedIndex, checkIndex, checkOpen, type OpenOptions } from './vector-index.js';
import type { Matrix, Metric, Neighbours } from './vectors.js';

/**
 * What an implementation does. Shapes and ranges are checked and options filled in; numbers inside matrices are
 * not looked at yet. `threads` 0 stands for all of the machine's.
 */
export interface KernelOperations {
  readonly name: KernelsName;
  readonly simd: string;
  /** Rows of length 1 under cosine, finite ones under l2. Errors: `INVALID_VECTOR`, which calls them `name`. */
  prepared(name: string, rows: Matrix, metric: Metric): Matrix;
  /** Of prepared rows. */
  distances(queries: Matrix, rows: Matrix, metric: Metric): Float32Array;
  exactSearch(queries: Matrix, rows: Matrix, metric: Metric, k: number, threads: number): Promise<Neighbours>;
  buildIndex(vectors: Matrix, checked: CheckedIndex, threads: number): Promise<IndexOperations>;
  loadIndex(bytes: Uint8Array, options: OpenOptions): Promise<IndexOperations>;
  /** Absent where bytes are all that the implementation reads. */
  openIndex?(path: string, options: OpenOptions): Promise<IndexOperations>;
  kmeansFit(vectors: Matrix, checked: CheckedKMeans, threads: number): Promise<KMeansFit>;
  refinePrototypes(data: RefinementData, checked: CheckedRefinement, threads: number): Promise<Refinement>;
  aggregateScores(checked: CheckedAggregate): Aggregate;
  countWins(scores: Float64Array, candidates: number, tolerance: number): WinCounts;
  bootstrapMeans(
    clusters: ClusterSums,
    resamples: number,
    seed: number,
    threads: number,
  ): Promise<Float64Array>;
  permutationTest(
    clusters: ClusterSums,
    permutations: number,
    seed: number,
    threads: number,
  ): Promise<PermutationTest>;
}

/** The kernels over `operations`; `files` serves paths where the operations know only bytes. */
export function checkedKernels(operations: KernelOperations, files: IndexFiles = NO_FILES): Kernels {
  const kernels: Kernels = {
    name: operations.name,
    simd: operations.simd,

    normaliseRows(vectors) {
      rowCount('vectors', vectors);
      return operations.prepared('vectors', vectors, 'cosine').data;
    },

    distances(queries, rows, metric, { prepared = false } = {}) {
      checkPair(queries, rows, metric);
      return operations.distances(
        operations.prepared('queries', queries, metric),
        prepared ? rows : operations.prepared('rows', rows, metric),
        metric,
      );
    },

    async exactSearch(queries, rows, { metric, k, threads }) {
      checkPair(queries, rows, metric);
      checkInteger('k', k, 1, filledRowCount('rows', rows));
      return operations.exactSearch(queries, rows, metric, k, checkThreads(threads));
    },

    async buildIndex(vectors, options) {
      const checked = checkIndex(vectors, options);
      const index = await operations.buildIndex(vectors, checked, checkThreads(options.threads));
      return checkedIndex(checked.metric, index, files);
    },

    async indexFromBytes(bytes, options) {
      checkOpen(options);
      return checkedIndex(options.metric, await operations.loadIndex(bytes, options), files);
    },

    async openIndex(path, options) {
      checkOpen(options);
      if (operations.openIndex) {
        return checkedIndex(options.metric, await operations.openIndex(path, options), files);
      }
      const bytes = await files.read(path);
      return checkedIndex(options.metric, await operations.loadIndex(bytes, options), files);
    },

    async kmeansFit(vectors, options) {
      return operations.kmeansFit(vectors, checkKMeans(vectors, options), checkThreads(options.threads));
    },

    async refinePrototypes(data, options) {
      return operations.refinePrototypes(data, checkRefinement(data, options), checkThreads(options.threads));
    },

    aggregateScores(levels, options) {
      return operations.aggregateScores(checkAggregate(levels, options));
    },

    countWins(scores, candidates, tolerance = 0) {
      checkInteger('candidates', candidates, 1, 0xffff);
      checkNumber('tolerance', tolerance, 0, Number.MAX_VALUE);
      chainCount('scores', scores, candidates);
      return operations.countWins(scores, candidates, tolerance);
    },

    async bootstrapMeans(values, options) {
      const clusters = checkBootstrap(values, options);
      const { resamples, seed, threads } = options;
      return operations.bootstrapMeans(clusters, resamples, seed, checkThreads(threads));
    },

    async bootstrapPaired(a, b, options) {
      return kernels.bootstrapMeans(pairedDifferences(a, b), options);
    },

    async permutationTest(a, b, options) {
      const clusters = checkPermutation(pairedDifferences(a, b), options);
      const { permutations, seed, threads } = options;
      return operations.permutationTest(clusters, permutations, seed, checkThreads(threads));
    },
  };
  return kernels;
}

function checkPair(queries: Matrix, rows: Matrix, metric: Metric): void {
  checkMetric(metric);
  rowCount('queries', queries);
  rowCount('rows', rows);
  checkSameDim('queries', queries.dim, 'rows', rows.dim);
}

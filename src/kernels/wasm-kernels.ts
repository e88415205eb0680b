// The kernels in AssemblyScript: arguments checked here, work on the calling thread inside the promises.
// Knows no files: whoever has the module's bytes (from disk, a bundle, the network) hands them in.
import { chainCount, checkAggregate } from './aggregate.js';
import {
  checkInteger,
  checkMetric,
  checkNumber,
  checkSameDim,
  checkThreads,
  filledRowCount,
  rowCount,
} from './checks.js';
import type { Kernels } from './kernels.js';
import { checkKMeans } from './kmeans.js';
import { checkRefinement } from './refine.js';
import { checkBootstrap, checkPermutation, pairedDifferences } from './resample.js';
import { checkIndex, checkOpen } from './vector-index.js';
import type { Matrix, Metric } from './vectors.js';
import { buildWasmIndex, loadWasmIndex } from './wasm/index.js';
import { instantiate } from './wasm/module.js';
import * as numeric from './wasm/numeric.js';
import { finiteOrUnit } from './wasm/prepared.js';

/**
 * The WASM kernels over the bytes of `build/wasm/kernels.wasm`. Each call makes an instance with a memory of
 * its own (4 GiB at most); it may live in a worker, a renderer or a browser. Work blocks the calling thread.
 */
export async function wasmKernels(module: Uint8Array): Promise<Kernels> {
  const exports = await instantiate(module);
  const prepared = (name: string, matrix: Matrix, metric: Metric): Matrix =>
    finiteOrUnit(exports, name, matrix, metric);
  const kernels: Kernels = {
    name: 'wasm',
    simd: 'wasm128',

    normaliseRows(vectors) {
      rowCount('vectors', vectors);
      return prepared('vectors', vectors, 'cosine').data;
    },

    distances(queries, rows, metric) {
      checkMetric(metric);
      rowCount('queries', queries);
      rowCount('rows', rows);
      checkSameDim('queries', queries.dim, 'rows', rows.dim);
      return numeric.distances(
        exports,
        prepared('queries', queries, metric),
        prepared('rows', rows, metric),
        metric,
      );
    },

    async exactSearch(queries, rows, { metric, k, threads }) {
      checkThreads(threads);
      checkMetric(metric);
      rowCount('queries', queries);
      checkInteger('k', k, 1, filledRowCount('rows', rows));
      checkSameDim('queries', queries.dim, 'rows', rows.dim);
      return numeric.exactSearch(
        exports,
        prepared('queries', queries, metric),
        prepared('rows', rows, metric),
        metric,
        k,
      );
    },

    async buildIndex(vectors, options) {
      return buildWasmIndex(exports, vectors, checkIndex(vectors, options));
    },

    async indexFromBytes(bytes, options) {
      return loadWasmIndex(exports, bytes, options);
    },

    async openIndex(path, options) {
      checkOpen(options);
      const { readIndexFile } = await import('./index-path.js');
      return loadWasmIndex(exports, await readIndexFile(path), options);
    },

    async kmeansFit(vectors, options) {
      return numeric.kmeansFit(exports, vectors, checkKMeans(vectors, options));
    },

    async refinePrototypes(data, options) {
      return numeric.refinePrototypes(exports, data, checkRefinement(data, options));
    },

    aggregateScores(levels, options) {
      return numeric.aggregateScores(exports, checkAggregate(levels, options));
    },

    countWins(scores, candidates, tolerance = 0) {
      checkInteger('candidates', candidates, 1, 0xffff);
      checkNumber('tolerance', tolerance, 0, Number.MAX_VALUE);
      chainCount('scores', scores, candidates);
      return numeric.countWins(exports, scores, candidates, tolerance);
    },

    async bootstrapMeans(values, options) {
      return numeric.bootstrapMeans(
        exports,
        checkBootstrap(values, options),
        options.resamples,
        options.seed,
      );
    },

    async bootstrapPaired(a, b, options) {
      return kernels.bootstrapMeans(pairedDifferences(a, b), options);
    },

    async permutationTest(a, b, options) {
      const sums = checkPermutation(pairedDifferences(a, b), options);
      return numeric.permutationTest(exports, sums, options.permutations, options.seed);
    },
  };
  return kernels;
}

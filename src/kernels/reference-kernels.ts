// The kernels in plain TypeScript: slow, obvious, and the oracle that the compiled ones are held to.
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
import { aggregateScores, countWins } from './reference/aggregate.js';
import { buildReferenceIndex, loadReferenceIndex } from './reference/index.js';
import { kmeansFit } from './reference/kmeans.js';
import { refinePrototypes } from './reference/refine.js';
import { bootstrapMeans, permutationTest } from './reference/resample.js';
import { checkFinite, distances, exactSearch, normaliseRows } from './reference/vectors.js';
import { checkRefinement } from './refine.js';
import { checkBootstrap, checkPermutation, pairedDifferences } from './resample.js';
import { checkIndex, checkOpen } from './vector-index.js';
import type { Matrix, Metric } from './vectors.js';

/** The reference kernels. */
export function referenceKernels(): Kernels {
  const prepared = (name: string, matrix: Matrix, metric: Metric): Matrix => {
    if (metric === 'cosine') return { data: normaliseRows(name, matrix), dim: matrix.dim };
    checkFinite(name, matrix);
    return matrix;
  };
  const kernels: Kernels = {
    name: 'reference',
    simd: 'none',

    normaliseRows(vectors) {
      rowCount('vectors', vectors);
      return normaliseRows('vectors', vectors);
    },

    distances(queries, rows, metric) {
      checkMetric(metric);
      rowCount('queries', queries);
      rowCount('rows', rows);
      checkSameDim('queries', queries.dim, 'rows', rows.dim);
      return distances(prepared('queries', queries, metric), prepared('rows', rows, metric), metric);
    },

    async exactSearch(queries, rows, { metric, k, threads }) {
      checkThreads(threads);
      checkMetric(metric);
      rowCount('queries', queries);
      checkInteger('k', k, 1, filledRowCount('rows', rows));
      checkSameDim('queries', queries.dim, 'rows', rows.dim);
      return exactSearch(prepared('queries', queries, metric), prepared('rows', rows, metric), metric, k);
    },

    async buildIndex(vectors, options) {
      return buildReferenceIndex(vectors, checkIndex(vectors, options));
    },

    async indexFromBytes(bytes, options) {
      return loadReferenceIndex(bytes, options);
    },

    async openIndex(path, options) {
      checkOpen(options);
      const { readIndexFile } = await import('./index-path.js');
      return loadReferenceIndex(await readIndexFile(path), options);
    },

    async kmeansFit(vectors, options) {
      const checked = checkKMeans(vectors, options);
      checkFinite('vectors', vectors);
      return kmeansFit(vectors, checked);
    },

    async refinePrototypes(data, options) {
      const checked = checkRefinement(data, options);
      const { dim } = data;
      for (const rows of [data.query, data.chosen, data.rejected])
        checkFinite('refinement vectors', { data: rows, dim });
      for (const rows of [data.historyQuery, data.historyChosen, data.historyRejected]) {
        checkFinite('refinement vectors', { data: rows, dim });
      }
      checkFinite('refinement vectors', { data: checked.weights, dim: checked.weights.length });
      const prototypes = normaliseRows('refinement vectors', { data: data.prototypes, dim });
      return refinePrototypes({ ...data, prototypes }, checked);
    },

    aggregateScores(levels, options) {
      return aggregateScores(checkAggregate(levels, options));
    },

    countWins(scores, candidates, tolerance = 0) {
      checkInteger('candidates', candidates, 1, 0xffff);
      checkNumber('tolerance', tolerance, 0, Number.MAX_VALUE);
      chainCount('scores', scores, candidates);
      return countWins(scores, candidates, tolerance);
    },

    async bootstrapMeans(values, options) {
      return bootstrapMeans(checkBootstrap(values, options), options.resamples, options.seed);
    },

    async bootstrapPaired(a, b, options) {
      return kernels.bootstrapMeans(pairedDifferences(a, b), options);
    },

    async permutationTest(a, b, options) {
      const sums = checkPermutation(pairedDifferences(a, b), options);
      return permutationTest(sums, options.permutations, options.seed);
    },
  };
  return kernels;
}

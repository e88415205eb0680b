// The kernels in C++: arguments checked here, work on the addon's own threads.
// Where the addon lies is known to src/native.
import { AGGREGATE_METHODS, chainCount, checkAggregate } from './aggregate.js';
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
import type { NativeKernelsBinding } from './native/binding.js';
import { buildNativeIndex, loadNativeIndex } from './native/index.js';
import { checkRefinement } from './refine.js';
import { checkBootstrap, checkPermutation, pairedDifferences } from './resample.js';
import { checkStatus } from './status.js';
import { checkIndex, METRICS } from './vector-index.js';
import type { Matrix, Metric } from './vectors.js';

/** The native kernels over a loaded addon. */
export function nativeKernels(binding: NativeKernelsBinding): Kernels {
  const unitOrFinite = (name: string, matrix: Matrix, metric: Metric): Float32Array => {
    const copy = matrix.data.slice();
    checkStatus(
      metric === 'cosine' ? binding.normaliseRows(copy, matrix.dim) : binding.checkFinite(copy, matrix.dim),
      name,
    );
    return copy;
  };
  const kernels: Kernels = {
    name: 'native',
    simd: binding.simd,

    normaliseRows(vectors) {
      rowCount('vectors', vectors);
      return unitOrFinite('vectors', vectors, 'cosine');
    },

    distances(queries, rows, metric) {
      checkMetric(metric);
      rowCount('queries', queries);
      rowCount('rows', rows);
      checkSameDim('queries', queries.dim, 'rows', rows.dim);
      return binding.distances(
        METRICS[metric],
        unitOrFinite('queries', queries, metric),
        unitOrFinite('rows', rows, metric),
        rows.dim,
      );
    },

    async exactSearch(queries, rows, { metric, k, threads }) {
      checkMetric(metric);
      rowCount('queries', queries);
      checkInteger('k', k, 1, filledRowCount('rows', rows));
      checkSameDim('queries', queries.dim, 'rows', rows.dim);
      const found = await binding.exactSearch(
        METRICS[metric],
        queries.data,
        rows.data,
        rows.dim,
        k,
        checkThreads(threads),
      );
      checkStatus(found, found.name);
      return { k, labels: found.labels, distances: found.distances };
    },

    async buildIndex(vectors, options) {
      return buildNativeIndex(binding, vectors, checkIndex(vectors, options), checkThreads(options.threads));
    },

    async indexFromBytes(bytes, options) {
      return loadNativeIndex(binding, bytes, options);
    },

    async openIndex(path, options) {
      return loadNativeIndex(binding, path, options);
    },

    async kmeansFit(vectors, options) {
      const checked = checkKMeans(vectors, options);
      const { code, at, ...fit } = await binding.kmeansFit(
        vectors.data,
        vectors.dim,
        checked.k,
        checked.seed,
        checked.restarts,
        checked.maxIterations,
        checked.tolerance,
        checkThreads(options.threads),
      );
      checkStatus({ code, at }, 'vectors');
      return fit;
    },

    async refinePrototypes(data, options) {
      const checked = checkRefinement(data, options);
      const { code, at, ...refinement } = await binding.refinePrototypes(
        data.dim,
        data.prototypes,
        data.assignment,
        data.query,
        data.chosen,
        data.rejected,
        data.historyStart,
        data.historyQuery,
        data.historyChosen,
        data.historyRejected,
        checked.weights,
        checked.epochs,
        checked.batchSize,
        checked.learningRate,
        checked.weightDecay,
        checked.queryPull,
        checked.queryWeight,
        checked.summaryWeight,
        checked.steps,
        checkThreads(options.threads),
      );
      checkStatus({ code, at }, 'refinement vectors');
      return refinement;
    },

    aggregateScores(levels, options) {
      const checked = checkAggregate(levels, options);
      return binding.aggregateScores(
        checked.individual,
        checked.individualWeights,
        checked.prototype,
        checked.prototypeWeights,
        checked.candidates,
        AGGREGATE_METHODS[checked.method],
        checked.trim,
        checked.individualShare,
      );
    },

    countWins(scores, candidates, tolerance = 0) {
      checkInteger('candidates', candidates, 1, 0xffff);
      checkNumber('tolerance', tolerance, 0, Number.MAX_VALUE);
      chainCount('scores', scores, candidates);
      return binding.countWins(scores, candidates, tolerance);
    },

    async bootstrapMeans(values, options) {
      const { sums, counts } = checkBootstrap(values, options);
      const threads = checkThreads(options.threads);
      const drawn = await binding.bootstrapMeans(sums, counts, options.resamples, options.seed, threads);
      checkStatus(drawn, 'values');
      return drawn.means;
    },

    async bootstrapPaired(a, b, options) {
      return kernels.bootstrapMeans(pairedDifferences(a, b), options);
    },

    async permutationTest(a, b, options) {
      const { sums, counts } = checkPermutation(pairedDifferences(a, b), options);
      const threads = checkThreads(options.threads);
      const tested = await binding.permutationTest(sums, counts, options.permutations, options.seed, threads);
      checkStatus(tested, 'values');
      return { difference: tested.difference, pValue: tested.pValue };
    },
  };
  return kernels;
}

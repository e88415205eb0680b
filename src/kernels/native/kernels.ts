// The kernels in C++: work on the addon's own threads, statuses turned into errors.
// Where the addon lies is known to src/native; arguments are checked in checked-kernels.ts.
import { AGGREGATE_METHODS } from '../aggregate.js';
import { checkedKernels } from '../checked-kernels.js';
import type { Kernels } from '../kernels.js';
import { checkStatus } from '../status.js';
import { METRICS } from '../vector-index.js';
import type { NativeKernelsBinding } from './binding.js';
import { buildNativeIndex, loadNativeIndex } from './index.js';

/** The native kernels over a loaded addon. */
export function nativeKernels(binding: NativeKernelsBinding): Kernels {
  return checkedKernels({
    name: 'native',
    simd: binding.simd,
    buildIndex: (vectors, checked, threads) => buildNativeIndex(binding, vectors, checked, threads),
    loadIndex: (bytes, options) => loadNativeIndex(binding, bytes, options),
    openIndex: (path, options) => loadNativeIndex(binding, path, options),

    prepared(name, { data, dim }, metric) {
      const copy = data.slice();
      const status = metric === 'cosine' ? binding.normaliseRows(copy, dim) : binding.checkFinite(copy, dim);
      checkStatus(status, name);
      return { data: copy, dim };
    },

    distances(queries, rows, metric) {
      return binding.distances(METRICS[metric], queries.data, rows.data, rows.dim);
    },

    async exactSearch(queries, rows, metric, k, threads) {
      const found = await binding.exactSearch(METRICS[metric], queries.data, rows.data, rows.dim, k, threads);
      checkStatus(found, found.name);
      return { k, labels: found.labels, distances: found.distances };
    },

    async kmeansFit(vectors, checked, threads) {
      const { code, at, ...fit } = await binding.kmeansFit(
        vectors.data,
        vectors.dim,
        checked.k,
        checked.seed,
        checked.restarts,
        checked.maxIterations,
        checked.tolerance,
        threads,
      );
      checkStatus({ code, at }, 'vectors');
      return fit;
    },

    async refinePrototypes(data, checked, threads) {
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
        threads,
      );
      checkStatus({ code, at }, 'refinement vectors');
      return refinement;
    },

    aggregateScores(checked) {
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

    countWins(scores, candidates, tolerance) {
      return binding.countWins(scores, candidates, tolerance);
    },

    async bootstrapMeans({ sums, counts }, resamples, seed, threads) {
      const drawn = await binding.bootstrapMeans(sums, counts, resamples, seed, threads);
      checkStatus(drawn, 'values');
      return drawn.means;
    },

    async permutationTest({ sums, counts }, permutations, seed, threads) {
      const tested = await binding.permutationTest(sums, counts, permutations, seed, threads);
      checkStatus(tested, 'values');
      return { difference: tested.difference, pValue: tested.pValue };
    },
  });
}

// The kernels in plain TypeScript: slow, obvious, and the oracle that the compiled ones are held to.
import { checkedKernels } from './checked-kernels.js';
import type { Kernels } from './kernels.js';
import { aggregateScores, countWins } from './reference/aggregate.js';
import { buildReferenceIndex, loadReferenceIndex } from './reference/index.js';
import { kmeansFit } from './reference/kmeans.js';
import { refinePrototypes } from './reference/refine.js';
import { bootstrapMeans, permutationTest } from './reference/resample.js';
import { checkFinite, distances, exactSearch, normaliseRows, preparedRows } from './reference/vectors.js';

/** The reference kernels. */
export function referenceKernels(): Kernels {
  return checkedKernels({
    name: 'reference',
    simd: 'none',
    prepared: preparedRows,
    distances,
    aggregateScores,
    countWins,
    exactSearch: async (queries, rows, metric, k) =>
      exactSearch(preparedRows('queries', queries, metric), preparedRows('rows', rows, metric), metric, k),
    buildIndex: buildReferenceIndex,
    loadIndex: async (bytes, options) => loadReferenceIndex(bytes, options),
    async kmeansFit(vectors, checked) {
      checkFinite('vectors', vectors);
      return kmeansFit(vectors, checked);
    },
    async refinePrototypes(data, checked) {
      const { dim } = data;
      for (const rows of [
        data.query,
        data.chosen,
        data.rejected,
        data.historyQuery,
        data.historyChosen,
        data.historyRejected,
      ]) {
        checkFinite('refinement vectors', { data: rows, dim });
      }
      checkFinite('refinement vectors', { data: checked.weights, dim: checked.weights.length });
      const prototypes = normaliseRows('refinement vectors', { data: data.prototypes, dim });
      return refinePrototypes({ ...data, prototypes }, checked);
    },
    bootstrapMeans: async (clusters, resamples, seed) => bootstrapMeans(clusters, resamples, seed),
    permutationTest: async (clusters, permutations, seed) => permutationTest(clusters, permutations, seed),
  });
}

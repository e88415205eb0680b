// The kernels in plain TypeScript: slow, obvious, and the oracle that the compiled ones are held to.
import { checkedKernels, type KernelOperations } from '../checked-kernels.js';
import type { IndexFiles, Kernels } from '../kernels.js';
import { aggregateScores, countWins } from './aggregate.js';
import { buildReferenceIndex, loadReferenceIndex } from './index.js';
import { kmeansFit } from './kmeans.js';
import { refinePrototypes } from './refine.js';
import { bootstrapMeans, permutationTest } from './resample.js';
import { checkFinite, distances, exactSearch, normaliseRows, preparedRows } from './vectors.js';

/** The reference kernels; index files by path need `files`. */
export function referenceKernels(files?: IndexFiles): Kernels {
  const operations: KernelOperations = {
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
  };
  return checkedKernels(operations, files);
}

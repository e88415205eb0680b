// The kernels in AssemblyScript: work on the calling thread inside the promises.
// Knows no files: whoever has the module's bytes (from disk, a bundle, the network) hands them in.
import { checkedKernels, type KernelOperations } from '../checked-kernels.js';
import type { IndexFiles, Kernels } from '../kernels.js';
import { buildWasmIndex, loadWasmIndex } from './index.js';
import { instantiate } from './module.js';
import * as numeric from './numeric.js';
import { finiteOrUnit } from './prepared.js';

/**
 * The WASM kernels over the bytes of `build/wasm/kernels.wasm`. Each call makes an instance with a memory of
 * its own (4 GiB at most); it may live in a worker, a renderer or a browser. Work blocks the calling thread.
 * Index files by path need `files`.
 */
export async function wasmKernels(module: Uint8Array, files?: IndexFiles): Promise<Kernels> {
  const exports = await instantiate(module);
  const operations: KernelOperations = {
    name: 'wasm',
    simd: 'wasm128',
    prepared: (name, rows, metric) => finiteOrUnit(exports, name, rows, metric),
    distances: (queries, rows, metric) => numeric.distances(exports, queries, rows, metric),
    exactSearch: async (queries, rows, metric, k) =>
      numeric.exactSearch(
        exports,
        finiteOrUnit(exports, 'queries', queries, metric),
        finiteOrUnit(exports, 'rows', rows, metric),
        metric,
        k,
      ),
    buildIndex: async (vectors, checked) => buildWasmIndex(exports, vectors, checked),
    loadIndex: async (bytes, options) => loadWasmIndex(exports, bytes, options),
    kmeansFit: async (vectors, checked) => numeric.kmeansFit(exports, vectors, checked),
    refinePrototypes: async (data, checked) => numeric.refinePrototypes(exports, data, checked),
    aggregateScores: (checked) => numeric.aggregateScores(exports, checked),
    countWins: (scores, candidates, tolerance) => numeric.countWins(exports, scores, candidates, tolerance),
    bootstrapMeans: async (clusters, resamples, seed) =>
      numeric.bootstrapMeans(exports, clusters, resamples, seed),
    permutationTest: async (clusters, permutations, seed) =>
      numeric.permutationTest(exports, clusters, permutations, seed),
  };
  return checkedKernels(operations, files);
}

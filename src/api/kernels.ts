/**
 * Vectors, nearest neighbours, k-means, refinement, aggregation and resampling; native, in WASM or in plain code.
 * @module pgenrm/kernels
 */

export type { Aggregate, AggregateOptions, LevelScores, WinCounts } from '../kernels/aggregate.js';
export type { ExactSearchOptions, Kernels, KernelsName } from '../kernels/kernels.js';
export type { KMeansFit, KMeansOptions } from '../kernels/kmeans.js';
export type { Refinement, RefinementData, RefinementOptions } from '../kernels/refine.js';
export type { BootstrapOptions, PermutationOptions, PermutationTest } from '../kernels/resample.js';
export type {
  IndexOptions,
  OpenOptions,
  SearchOptions,
  Storage,
  VectorIndex,
} from '../kernels/vector-index.js';
export type { Matrix, Metric, Neighbours } from '../kernels/vectors.js';
export { LabelSet } from '../kernels/vectors.js';
export type { KernelsChoice } from '../native/choose-kernels.js';
export { chooseKernels, loadKernels } from '../native/choose-kernels.js';

// The kernels' part of the native boundary, typed: `kernels` of build/native/pgenrm.node.
// Arguments go by position; metrics, storages and methods by their numbers; threads 0 stands for all.
import type { Aggregate, WinCounts } from '../aggregate.js';
import type { KMeansFit } from '../kmeans.js';
import type { Refinement } from '../refine.js';
import type { PermutationTest } from '../resample.js';
import type { KernelStatus } from '../status.js';

declare const handleBrand: unique symbol;

/** A native index; freed by `indexRelease` or when it is collected. */
export interface IndexHandle {
  readonly [handleBrand]: true;
}

/** What an index is and holds. */
export interface NativeIndexFacts {
  readonly dim: number;
  readonly storage: number;
  readonly size: number;
  readonly removed: number;
  readonly memoryBytes: number;
}

export interface NativeKernelsBinding {
  readonly simd: string;
  /** Scales in place. */
  normaliseRows(vectors: Float32Array, dim: number): KernelStatus;
  checkFinite(vectors: Float32Array, dim: number): KernelStatus;
  distances(metric: number, queries: Float32Array, rows: Float32Array, dim: number): Float32Array;
  exactSearch(
    metric: number,
    queries: Float32Array,
    rows: Float32Array,
    dim: number,
    k: number,
    threads: number,
  ): Promise<KernelStatus & { name: string; labels: Uint32Array; distances: Float32Array }>;
  kmeansFit(
    vectors: Float32Array,
    dim: number,
    k: number,
    seed: number,
    restarts: number,
    maxIterations: number,
    tolerance: number,
    threads: number,
  ): Promise<KernelStatus & KMeansFit>;
  refinePrototypes(
    dim: number,
    prototypes: Float32Array,
    assignment: Uint32Array,
    query: Float32Array,
    chosen: Float32Array,
    rejected: Float32Array,
    historyStart: Uint32Array,
    historyQuery: Float32Array,
    historyChosen: Float32Array,
    historyRejected: Float32Array,
    weights: Float32Array,
    epochs: number,
    batchSize: number,
    learningRate: number,
    weightDecay: number,
    queryPull: number,
    queryWeight: number,
    summaryWeight: number,
    steps: number,
    threads: number,
  ): Promise<KernelStatus & Refinement>;
  aggregateScores(
    individual: Float64Array,
    individualWeights: Float64Array,
    prototype: Float64Array,
    prototypeWeights: Float64Array,
    candidates: number,
    method: number,
    trim: number,
    individualShare: number,
  ): Aggregate;
  countWins(scores: Float64Array, candidates: number, tolerance: number): WinCounts;
  bootstrapMeans(
    sums: Float64Array,
    counts: Float64Array,
    resamples: number,
    seed: number,
    threads: number,
  ): Promise<KernelStatus & { means: Float64Array }>;
  permutationTest(
    sums: Float64Array,
    counts: Float64Array,
    permutations: number,
    seed: number,
    threads: number,
  ): Promise<KernelStatus & PermutationTest>;
  indexBuild(
    vectors: Float32Array,
    labels: Uint32Array,
    dim: number,
    metric: number,
    storage: number,
    links: number,
    buildEffort: number,
    seed: number,
    quantized: boolean,
    threads: number,
  ): Promise<KernelStatus & NativeIndexFacts & { handle: IndexHandle }>;
  indexLoad(
    source: string | Uint8Array,
    metric: number,
    dim: number,
    quantized: boolean,
  ): Promise<KernelStatus & NativeIndexFacts & { handle: IndexHandle }>;
  indexAdd(
    index: IndexHandle,
    vectors: Float32Array,
    labels: Uint32Array,
    threads: number,
  ): Promise<KernelStatus & NativeIndexFacts>;
  indexRemove(index: IndexHandle, labels: Uint32Array): Promise<KernelStatus & NativeIndexFacts>;
  indexVector(index: IndexHandle, label: number): Promise<Float32Array | undefined>;
  indexSearch(
    index: IndexHandle,
    queries: Float32Array,
    k: number,
    effort: number,
    exact: boolean,
    threads: number,
    allow: Uint8Array | undefined,
    allowFirst: number,
    exclude: Uint32Array,
  ): Promise<KernelStatus & { labels: Uint32Array; distances: Float32Array }>;
  indexSave(index: IndexHandle, path: string | undefined): Promise<KernelStatus & { bytes: Uint8Array }>;
  indexRelease(index: IndexHandle): void;
}

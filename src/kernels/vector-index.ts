// The nouns of the vector index: what it is built from, what may be asked of it.
// Knows nothing of graphs, files' bytes or users.
import { PgenrmError } from '../errors.js';
import { checkInteger, checkMetric, checkSameDim, checkSeed, checkThreads, rowCount } from './checks.js';
import { type LabelSet, type Matrix, type Metric, type Neighbours, NO_LABEL } from './vectors.js';

/** What an index keeps of each vector: 4, 2 or about 1 byte a number. Only `f32` is exact. */
export type Storage = 'f32' | 'f16' | 'int8';

/** Numbers of metrics and storages, as the compiled kernels and the index file know them. */
export const METRICS = { cosine: 0, l2: 1 } as const;
export const STORAGES = { f32: 0, f16: 1, int8: 2 } as const;

/** The storage of a number. */
export function storageName(number: number): Storage {
  return (Object.keys(STORAGES) as Storage[]).find((name) => STORAGES[name] === number)!;
}

/** How an index is built. */
export interface IndexOptions {
  /** Under `cosine` vectors are unit-normalised as they enter. */
  readonly metric: Metric;
  /** Label of each vector, below 2^32 - 1, all different; default the row numbers. */
  readonly labels?: Uint32Array;
  /** Links a node above the ground level (twice as many there), M in the paper; 2 to 512, default 16. */
  readonly links?: number;
  /** Candidates weighed as a node is linked, efConstruction in the paper; 1 to 65,536, default 200. */
  readonly buildEffort?: number;
  /** Unsigned 32-bit integer that draws the levels; default 100. */
  readonly seed?: number;
  /** Default `f32`. */
  readonly storage?: Storage;
  /**
   * Walk the graph on 8-bit copies of `f32` vectors and rank what is found by the vectors themselves: faster,
   * a quarter more memory. Default true.
   */
  readonly quantized?: boolean;
  /** Threads; default all of the machine's. More than one makes the graph depend on timing. */
  readonly threads?: number;
}

/** How an index file is opened. */
export interface OpenOptions {
  /** The metric that it was built with: the file format of `f32` indices does not hold it. */
  readonly metric: Metric;
  /** The dimension expected; absent: the file's. Errors: `INVALID_VECTOR` where it differs. */
  readonly dim?: number;
  /** As in {@link IndexOptions}. */
  readonly quantized?: boolean;
}

/** How an index is searched. */
export interface SearchOptions {
  /** Neighbours a query; at least 1. */
  readonly k: number;
  /** Candidates kept while walking, ef in the paper; at least k is used; 1 to 1,000,000, default 100. */
  readonly effort?: number;
  /** Only these labels may answer. */
  readonly allow?: LabelSet;
  /** These labels may not answer. */
  readonly exclude?: Uint32Array;
  /**
   * True compares every allowed vector in full. Default false: the graph is walked, or, where that is less work,
   * the allowed vectors are scanned: up to 1024 in full, more by what is stored for walking (8-bit codes), of which
   * the nearest 2k + 16 are then compared in full.
   */
  readonly exact?: boolean;
  /** Threads over the queries of one call; default all of the machine's. */
  readonly threads?: number;
}

/**
 * A hierarchical navigable small world graph over vectors (Malkov and Yashunin, arXiv 1603.09320), in memory.
 * Calls may overlap; each sees the index before or after a change, never between. Disposing twice is safe;
 * any other call afterwards fails with `DISPOSED`.
 */
export interface VectorIndex extends Disposable {
  readonly dim: number;
  readonly metric: Metric;
  readonly storage: Storage;
  /** Vectors that can be found. */
  readonly size: number;
  /** Vectors that were removed; they stay in the graph as paths and in the memory. */
  readonly removed: number;
  /** Bytes held for vectors and links. */
  readonly memoryBytes: number;

  /**
   * Adds vectors. A removed label may come again. Errors: `DUPLICATE_ID` where a label is taken; nothing is
   * added then.
   */
  add(vectors: Matrix, labels: Uint32Array, options?: { readonly threads?: number }): Promise<void>;

  /** Takes vectors out of all answers. Errors: `INVALID_OPTION` where a label is not there; nothing is removed then. */
  remove(labels: Uint32Array): Promise<void>;

  /** Whether a label can be found. */
  has(label: number): Promise<boolean>;

  /** The vector of a label as the storage holds it, or undefined where the label is not there. */
  vector(label: number): Promise<Float32Array | undefined>;

  /** The k nearest of each query. */
  search(queries: Matrix, options: SearchOptions): Promise<Neighbours>;

  /** The index file's bytes; for `f32` storage the format of hnswlib. */
  toBytes(): Promise<Uint8Array>;

  /** Writes the index file. Errors: `OUTPUT_FAILED`; `INVALID_OPTION` where the kernels were given no files. */
  save(path: string): Promise<void>;

  dispose(): void;
}

/** Index options with defaults filled in. */
export interface CheckedIndex {
  readonly metric: Metric;
  readonly labels: Uint32Array;
  readonly links: number;
  readonly buildEffort: number;
  readonly seed: number;
  readonly storage: Storage;
  readonly quantized: boolean;
}

/** Errors: `INVALID_OPTION`, `INVALID_VECTOR`, `DUPLICATE_ID`. An index may begin empty. */
export function checkIndex(vectors: Matrix, options: IndexOptions): CheckedIndex {
  const rows = rowCount('vectors', vectors);
  checkMetric(options.metric);
  const links = options.links ?? 16;
  const buildEffort = options.buildEffort ?? 200;
  const seed = options.seed ?? 100;
  const storage = options.storage ?? 'f32';
  checkInteger('links', links, 2, 512);
  checkInteger('buildEffort', buildEffort, 1, 65536);
  checkSeed(seed);
  checkThreads(options.threads);
  if (!(storage in STORAGES)) {
    throw new PgenrmError('INVALID_OPTION', `storage must be f32, f16 or int8, but is ${String(storage)}`);
  }
  const labels = options.labels ?? Uint32Array.from({ length: rows }, (_, row) => row);
  checkLabels(labels, rows);
  return {
    metric: options.metric,
    labels,
    links,
    buildEffort,
    seed,
    storage,
    quantized: storage === 'f32' && (options.quantized ?? true),
  };
}

/** Errors: `INVALID_OPTION` for a wrong number or a reserved label, `DUPLICATE_ID` for a repeated one. */
export function checkLabels(labels: Uint32Array, rows: number): void {
  if (!(labels instanceof Uint32Array)) {
    throw new PgenrmError(
      'INVALID_OPTION',
      'labels must be a Uint32Array; number the vectors and keep the ids beside',
    );
  }
  if (labels.length !== rows) {
    throw new PgenrmError(
      'INVALID_OPTION',
      `labels must name each of the ${rows} vectors, but there are ${labels.length}`,
    );
  }
  const rising = labels.every((label, i) => i === 0 || label > labels[i - 1]!);
  const sorted = rising ? labels : labels.slice().sort();
  for (let i = 1; i < sorted.length; i++) {
    if (sorted[i] === sorted[i - 1]) {
      throw new PgenrmError('DUPLICATE_ID', `labels must differ, but ${sorted[i]} comes twice`);
    }
  }
  if (rows > 0 && sorted[rows - 1] === NO_LABEL) {
    throw new PgenrmError('INVALID_OPTION', `labels must be below ${NO_LABEL}, which stands for no label`);
  }
}

/** Errors: `INVALID_OPTION`, `INVALID_VECTOR`, `DUPLICATE_ID` for labels that repeat among themselves. */
export function checkAddition(vectors: Matrix, labels: Uint32Array, dim: number): void {
  const rows = rowCount('vectors', vectors);
  checkSameDim('vectors', vectors.dim, 'the index', dim);
  checkLabels(labels, rows);
}

/** Errors: `INVALID_OPTION`. */
export function checkOpen(options: OpenOptions): void {
  checkMetric(options.metric);
  if (options.dim !== undefined) checkInteger('dim', options.dim, 1, 65536);
}

/** Search options with defaults filled in; `effort` is at least k. */
export interface CheckedSearch {
  readonly queries: number;
  readonly k: number;
  readonly effort: number;
  readonly exact: boolean;
  /** 0 stands for all of the machine's. */
  readonly threads: number;
  /** The labels that may answer; absent where all may. */
  readonly allow: LabelSet | undefined;
  /** Sorted. */
  readonly exclude: Uint32Array;
}

/** Errors: `INVALID_OPTION`, `INVALID_VECTOR` for a wrong dimension. */
export function checkSearch(queries: Matrix, options: SearchOptions, dim: number): CheckedSearch {
  const count = rowCount('queries', queries);
  checkSameDim('queries', queries.dim, 'the index', dim);
  checkInteger('k', options.k, 1, 1_000_000);
  const effort = options.effort ?? 100;
  checkInteger('effort', effort, 1, 1_000_000);
  return {
    queries: count,
    k: options.k,
    effort: Math.max(effort, options.k),
    exact: options.exact ?? false,
    threads: checkThreads(options.threads),
    allow: options.allow,
    exclude: options.exclude ? options.exclude.slice().sort() : new Uint32Array(0),
  };
}

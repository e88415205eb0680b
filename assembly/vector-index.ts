// The index as the host sees it: an opaque pointer and functions over it.
// Twin of native/core/vector_index.cpp.

import { decode } from './codec';
import { codeOf, exactRow, isRemoved, nodeOf, removeNode, reserve } from './graph';
import {
  count,
  createGraph,
  destroyGraph,
  dim,
  F16,
  graphBytes,
  keep,
  metric,
  quantized,
  removed,
  storage,
  use,
} from './graph-state';
import { insertNode } from './hnsw-build';
import { searchGraph } from './hnsw-search';
import { indexFileBytes, writeIndexFile } from './index-file';
import { f32ToF16 } from './simd';
import { DUPLICATE_LABEL, failed, OK, OUT_OF_MEMORY, UNKNOWN_LABEL, UNREPRESENTABLE } from './status';
import { COSINE, checkFinite, normaliseRows } from './vectors';

/** A new empty index; 0 where memory is refused. */
export function indexCreate(
  metricOf: i32,
  storageOf: i32,
  dimOf: i32,
  linksOf: i32,
  effort: i32,
  seed: u32,
  quantizedOf: bool,
): usize {
  return createGraph(metricOf, storageOf, dimOf, linksOf, effort, seed, quantizedOf);
}

/** Adds vectors f32 [n x dim], which it normalises in place under cosine, under labels u32 [n]. */
export function indexAdd(index: usize, labels: usize, vectors: usize, n: i32): i32 {
  use(index);
  const valid = metric === COSINE ? normaliseRows(vectors, n, dim) : checkFinite(vectors, n, dim);
  if (valid !== OK) return valid;
  if (storage === F16) {
    for (let i = 0; i < n * dim; i++) {
      if ((f32ToF16(load<f32>(vectors + ((<usize>i) << 2))) & 0x7c00) === 0x7c00)
        return failed(UNREPRESENTABLE, i / dim);
    }
  }
  for (let i = 0; i < n; i++) {
    const label = load<u32>(labels + ((<usize>i) << 2));
    const node = nodeOf(label);
    if (node >= 0 && !isRemoved(node)) return failed(DUPLICATE_LABEL, label);
  }
  if (!reserve(count + n)) return OUT_OF_MEMORY;
  let done = true;
  for (let i = 0; i < n && done; i++) {
    done = insertNode(load<u32>(labels + ((<usize>i) << 2)), vectors + ((<usize>i * <usize>dim) << 2));
  }
  keep();
  return done ? OK : OUT_OF_MEMORY;
}

/** Removes labels u32 [n], all different. */
export function indexRemove(index: usize, labels: usize, n: i32): i32 {
  use(index);
  for (let i = 0; i < n; i++) {
    const label = load<u32>(labels + ((<usize>i) << 2));
    const node = nodeOf(label);
    if (node < 0 || isRemoved(node)) return failed(UNKNOWN_LABEL, label);
  }
  for (let i = 0; i < n; i++) removeNode(nodeOf(load<u32>(labels + ((<usize>i) << 2))));
  keep();
  return OK;
}

/** Writes the vector of a label to out f32 [dim]; false where the label is not there. */
export function indexVector(index: usize, label: u32, out: usize): bool {
  use(index);
  const node = nodeOf(label);
  if (node < 0 || isRemoved(node)) return false;
  if (quantized) memory.copy(out, exactRow(node), (<usize>dim) << 2);
  else decode(codeOf(node), out);
  return true;
}

/** See `searchGraph`; queries are normalised in place under cosine. */
export function indexSearch(
  index: usize,
  queries: usize,
  n: i32,
  k: i32,
  effort: i32,
  exactly: bool,
  allow: usize,
  allowBytes: usize,
  allowFirst: u32,
  exclude: usize,
  excludeCount: i32,
  labels: usize,
  distances: usize,
): i32 {
  use(index);
  const valid = metric === COSINE ? normaliseRows(queries, n, dim) : checkFinite(queries, n, dim);
  if (valid !== OK) return valid;
  const status = searchGraph(
    queries,
    n,
    k,
    effort,
    exactly,
    allow,
    allowBytes,
    allowFirst,
    exclude,
    excludeCount,
    labels,
    distances,
  );
  keep();
  return status;
}

/** Bytes of the index as a file. */
export function indexSize(index: usize): f64 {
  use(index);
  return indexFileBytes();
}

/** Writes the index as a file to a block of `indexSize` bytes. */
export function indexWrite(index: usize, out: usize): void {
  use(index);
  writeIndexFile(out);
}

/** out takes dim, storage, live and removed vectors and bytes held, as f64. */
export function indexFacts(index: usize, out: usize): void {
  use(index);
  store<f64>(out, dim);
  store<f64>(out, storage, 8);
  store<f64>(out, <f64>(count - removed), 16);
  store<f64>(out, removed, 24);
  store<f64>(out, graphBytes(), 32);
}

export function indexDestroy(index: usize): void {
  use(index);
  destroyGraph();
}

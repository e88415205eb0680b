// Rows of numbers: checks, unit length, distances and the exact search over all of them.
// Twin of native/core/vectors.cpp.
import { release, take } from './memory';
import { dotsOfRow, l2F32 } from './simd';
import { failed, NOT_FINITE, OK, OUT_OF_MEMORY, ZERO_VECTOR } from './status';
import { offer, sortHeap } from './top-k';

export const COSINE: i32 = 0;
export const L2: i32 = 1;
export const NO_LABEL: u32 = 0xffffffff;

/** Rows of one tile of exact search. */
const TILE_ROWS: i32 = 256;

export function checkFinite(rows: usize, count: i32, dim: i32): i32 {
  for (let r = 0; r < count; r++) {
    for (let i = 0; i < dim; i++) {
      const value = load<f32>(rows);
      if (value - value !== 0) return failed(NOT_FINITE, r);
      rows += 4;
    }
  }
  return OK;
}

/** Scales a row of finite numbers to length 1 in place; false where its length is zero. */
export function normaliseRow(row: usize, dim: i32): bool {
  let squares: f64 = 0;
  for (let i = 0; i < dim; i++) {
    const value = <f64>load<f32>(row + ((<usize>i) << 2));
    squares += value * value;
  }
  if (!(squares > 0)) return false;
  const length = Math.sqrt(squares);
  for (let i = 0; i < dim; i++) {
    const at = row + ((<usize>i) << 2);
    store<f32>(at, <f32>(<f64>load<f32>(at) / length));
  }
  return true;
}

/** Scales rows to length 1 in place. */
export function normaliseRows(rows: usize, count: i32, dim: i32): i32 {
  const status = checkFinite(rows, count, dim);
  if (status !== OK) return status;
  for (let r = 0; r < count; r++) {
    if (!normaliseRow(rows + ((<usize>r * <usize>dim) << 2), dim)) return failed(ZERO_VECTOR, r);
  }
  return OK;
}

/** out: f32 [queries x rows]. Under cosine both sides hold unit rows. */
export function distances(
  metric: i32,
  queries: usize,
  queryCount: i32,
  rows: usize,
  count: i32,
  dim: i32,
  out: usize,
): void {
  const bytes = (<usize>dim) << 2;
  for (let q = 0; q < queryCount; q++) {
    const query = queries + <usize>q * bytes;
    const line = out + ((<usize>q * <usize>count) << 2);
    if (metric === L2) {
      for (let r = 0; r < count; r++)
        store<f32>(line + ((<usize>r) << 2), l2F32(query, rows + <usize>r * bytes, dim));
    } else {
      dotsOfRow(query, rows, count, dim, line);
      for (let r = 0; r < count; r++) {
        const at = line + ((<usize>r) << 2);
        store<f32>(at, <f32>1 - load<f32>(at));
      }
    }
  }
}

/** Nearest first, equal distances by row; labels u32 and outDistances f32 [queries x k], k <= rows. */
export function exactSearch(
  metric: i32,
  queries: usize,
  queryCount: i32,
  rows: usize,
  count: i32,
  dim: i32,
  k: i32,
  labels: usize,
  outDistances: usize,
): i32 {
  const tile = take(TILE_ROWS << 2);
  const heap = take((<usize>k) << 3);
  if (tile === 0 || heap === 0) return OUT_OF_MEMORY;
  for (let q = 0; q < queryCount; q++) {
    let size = 0;
    for (let r = 0; r < count; r += TILE_ROWS) {
      const tileRows = min(TILE_ROWS, count - r);
      const query = queries + ((<usize>q * <usize>dim) << 2);
      distances(metric, query, 1, rows + ((<usize>r * <usize>dim) << 2), tileRows, dim, tile);
      for (let i = 0; i < tileRows; i++)
        size = offer(heap, size, k, load<f32>(tile + ((<usize>i) << 2)), r + i);
    }
    writeSorted(
      heap,
      size,
      k,
      labels + ((<usize>q * <usize>k) << 2),
      outDistances + ((<usize>q * <usize>k) << 2),
    );
  }
  release(tile);
  release(heap);
  return OK;
}

/** Empties a heap of the nearest into k places, nearest first. */
export function writeSorted(heap: usize, size: i32, k: i32, labels: usize, distances: usize): void {
  sortHeap(heap, size);
  for (let i = 0; i < k; i++) {
    const there = i < size;
    store<f32>(distances + ((<usize>i) << 2), there ? load<f32>(heap + ((<usize>i) << 3)) : Infinity);
    store<u32>(labels + ((<usize>i) << 2), there ? load<u32>(heap + ((<usize>i) << 3), 4) : NO_LABEL);
  }
}

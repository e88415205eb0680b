// Walks the graph of the index in use for one query at a time.
// Twin of native/core/hnsw-search.cpp: the same nodes in the same order on 8-bit codes.
import { codeBytes, decode, encode, floatDistance, queryDistance, widen } from './codec';
import { codeOf, exactRow, isRemoved, labelOf, nodeOf } from './graph';
import { codeStorage, count, dim, F32, freshMark, quantized, removed, visit } from './graph-state';
import { descend } from './hnsw-build';
import { release, take } from './memory';
import { freshNeighbours, freshNode, freshReserve } from './neighbours';
import {
  expanded,
  heap,
  heapPop,
  heapPush,
  heapReserve,
  poolDistance,
  poolInsert,
  poolNode,
  poolReserve,
  poolTakes,
} from './pool';
import { OK, OUT_OF_MEMORY } from './status';
import { less, offer } from './top-k';
import { writeSorted } from './vectors';

/** Vectors that a scan may look at for each that a walk would. */
const SCAN_FACTOR: f64 = 16;

let allow: usize = 0;
let allowBytes: usize = 0;
let exclude: usize = 0;
let excludeCount: i32 = 0;
let effort: i32 = 0;
let found: i32 = 0;
let best: usize = 0;
let bestSize: i32 = 0;
let row: usize = 0;
let wide: usize = 0;

/**
 * Searches the index in use. queries: f32 [n x dim], of length 1 under cosine; allow: bit a label, 0 for every
 * label; exclude: u32, sorted; labels u32 and distances f32 [n x k].
 */
export function searchGraph(
  queries: usize,
  n: i32,
  k: i32,
  effortOf: i32,
  exactly: bool,
  allowOf: usize,
  allowBytesOf: usize,
  excludeOf: usize,
  excludeCountOf: i32,
  labels: usize,
  distances: usize,
): i32 {
  allow = allowOf;
  allowBytes = allowBytesOf;
  exclude = excludeOf;
  excludeCount = excludeCountOf;
  effort = effortOf;
  const live = count - removed;
  const allowed = allow !== 0 ? min(live, countBits()) : live;
  const filtered = allow !== 0 || excludeCount > 0 || removed > 0;
  const scanned = exactly || <f64>allowed * <f64>allowed <= <f64>live * <f64>effort * SCAN_FACTOR;
  const code = take(codeBytes() + 16);
  best = take((<usize>k) << 3);
  row = take((<usize>dim) << 2);
  wide = take((<usize>dim) << 1);
  if (code === 0 || best === 0 || row === 0 || wide === 0) return OUT_OF_MEMORY;
  if (!scanned && !(poolReserve(effort) && freshReserve() && (!filtered || heapReserve(count))))
    return OUT_OF_MEMORY;
  for (let q = 0; q < n; q++) {
    const query = queries + ((<usize>q * <usize>dim) << 2);
    bestSize = 0;
    if (allowed > 0) {
      const walked = !scanned && encode(query, code);
      if (walked) {
        widen(code, wide);
        if (filtered) walkFiltered(code);
        else walk(code);
      }
      const sure = allowed - min(allowed, excludeCount);
      if (walked && found >= min(k, sure)) rank(query, k);
      else scan(query, k, allowed);
    }
    const at = (<usize>q * <usize>k) << 2;
    writeSorted(best, bestSize, k, labels + at, distances + at);
  }
  release(code);
  release(best);
  release(row);
  release(wide);
  return OK;
}

function countBits(): i32 {
  let bits = 0;
  for (let i: usize = 0; i < allowBytes; i++) bits += popcnt<i32>(load<u8>(allow + i));
  return bits;
}

/** Whether a node may answer. */
function passes(node: u32): bool {
  if (isRemoved(node)) return false;
  const label = labelOf(node);
  if (allow !== 0) {
    const byte = <usize>(label >>> 3);
    if (byte >= allowBytes || ((load<u8>(allow + byte) >>> (label & 7)) & 1) === 0) return false;
  }
  let low = 0;
  let high = excludeCount;
  while (low < high) {
    const middle = (low + high) >> 1;
    const there = load<u32>(exclude + ((<usize>middle) << 2));
    if (there === label) return false;
    if (there < label) low = middle + 1;
    else high = middle;
  }
  return true;
}

/** Keeps the `effort` nearest nodes sorted; looks at the nearest whose neighbours are not known yet. */
function walk(code: usize): void {
  const mark = freshMark();
  const start = descend(code, wide, 0);
  visit(start, mark);
  poolInsert(queryDistance(code, wide, codeOf(start)), start, 0, effort);
  let size = 1;
  let next = 0;
  while (next < size) {
    store<u8>(expanded + next, 1);
    const neighbours = freshNeighbours(poolNode(next), 0, mark);
    let lowest = size;
    for (let i = 0; i < neighbours; i++) {
      const node = freshNode(i);
      const distance = queryDistance(code, wide, codeOf(node));
      if (!poolTakes(distance, node, size, effort)) continue;
      lowest = min(lowest, poolInsert(distance, node, size, effort));
      size = min(size + 1, effort);
    }
    next = min(lowest, next + 1);
    while (next < size && load<u8>(expanded + next) !== 0) next++;
  }
  found = size;
}

/** As `walk`, but nodes that may not answer are walked through, by a heap of their own. */
function walkFiltered(code: usize): void {
  const mark = freshMark();
  const start = descend(code, wide, 0);
  visit(start, mark);
  let waiting = heapPush(queryDistance(code, wide, codeOf(start)), start, 0);
  let size = 0;
  if (passes(start)) {
    poolInsert(load<f32>(heap), start, 0, effort);
    size = 1;
  }
  while (waiting > 0) {
    const distance = load<f32>(heap);
    const nearest = load<u32>(heap, 4);
    if (size === effort && less(poolDistance(size - 1), poolNode(size - 1), distance, nearest)) break;
    waiting = heapPop(waiting);
    const neighbours = freshNeighbours(nearest, 0, mark);
    for (let i = 0; i < neighbours; i++) {
      const node = freshNode(i);
      const away = queryDistance(code, wide, codeOf(node));
      if (!poolTakes(away, node, size, effort)) continue;
      waiting = heapPush(away, node, waiting);
      if (!passes(node)) continue;
      poolInsert(away, node, size, effort);
      size = min(size + 1, effort);
    }
  }
  found = size;
}

/** Distance to the vector as it is stored, the query in full. */
function storedDistance(query: usize, node: u32): f32 {
  if (quantized) return floatDistance(query, exactRow(node));
  if (codeStorage === F32) return floatDistance(query, codeOf(node));
  decode(codeOf(node), row);
  return floatDistance(query, row);
}

function offerNode(query: usize, node: u32, k: i32): void {
  if (passes(node)) bestSize = offer(best, bestSize, k, storedDistance(query, node), labelOf(node));
}

function scan(query: usize, k: i32, allowed: i32): void {
  bestSize = 0;
  if (allow === 0 || allowed * 8 > count) {
    for (let node = 0; node < count; node++) offerNode(query, node, k);
    return;
  }
  for (let byte: usize = 0; byte < allowBytes; byte++) {
    let bits: u32 = load<u8>(allow + byte);
    while (bits !== 0) {
      const node = nodeOf(<u32>(byte << 3) + ctz<u32>(bits));
      if (node >= 0) offerNode(query, node, k);
      bits &= bits - 1;
    }
  }
}

/** Ranks the nearest that were found by the vectors as they are stored. */
function rank(query: usize, k: i32): void {
  const ranked = min(found, 2 * k + 16);
  for (let i = 0; i < ranked; i++) {
    const node = poolNode(i);
    bestSize = offer(best, bestSize, k, storedDistance(query, node), labelOf(node));
  }
}

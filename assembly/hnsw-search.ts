// Walks the graph of the index in use for one query at a time.
// Twin of native/core/hnsw_search.cpp: the same nodes in the same order on 8-bit codes.
import { codeBytes, encode, queryDistance, widen } from './codec';
import { codeOf } from './graph';
import { count, dim, freshMark, visit } from './graph-state';
import { descend } from './hnsw-build';
import {
  allowed,
  beginAnswer,
  beginSearch,
  byCodes,
  endSearch,
  filtered,
  mostLookedAt,
  passes,
  rankedCount,
  rankNode,
  scan,
  scanCodes,
  scanned,
  sureCount,
  writeAnswer,
} from './hnsw-scan';
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
import { less } from './top-k';

let effort: i32 = 0;
let found: i32 = 0;

/**
 * Searches the index in use. queries: f32 [n x dim], of length 1 under cosine; allow: bit a label from allowFirst on,
 * 0 for every label; exclude: u32, sorted; labels u32 and distances f32 [n x k].
 */
export function searchGraph(
  queries: usize,
  n: i32,
  k: i32,
  effortOf: i32,
  exactly: bool,
  allow: usize,
  allowBytes: usize,
  allowFirst: u32,
  exclude: usize,
  excludeCount: i32,
  labels: usize,
  distances: usize,
): i32 {
  effort = effortOf;
  const code = take(codeBytes() + 16);
  const wide = take((<usize>dim) << 1);
  let there =
    beginSearch(k, effort, exactly, allow, allowBytes, allowFirst, exclude, excludeCount) &&
    code !== 0 &&
    wide !== 0 &&
    (scanned || (poolReserve(effort) && freshReserve() && (!filtered || heapReserve(count))));
  for (let q = 0; q < n && there; q++) {
    const query = queries + ((<usize>q * <usize>dim) << 2);
    beginAnswer();
    if (allowed > 0) there = answer(query, code, wide);
    const at = (<usize>q * <usize>k) << 2;
    writeAnswer(labels + at, distances + at);
  }
  endSearch();
  release(code);
  release(wide);
  return there ? OK : OUT_OF_MEMORY;
}

/** False where memory is refused. */
function answer(query: usize, code: usize, wide: usize): bool {
  // A query beyond the range of 16 bits is answered by the scan in full.
  const encoded = (!scanned || byCodes) && encode(query, code);
  if (encoded) widen(code, wide);
  if (encoded && !scanned) {
    let done = true;
    if (filtered) done = walkFiltered(code, wide);
    else walk(code, wide);
    // The graph may not reach every node that is allowed.
    if (done && found >= sureCount()) {
      for (let i = 0; i < min(found, rankedCount()); i++) rankNode(query, poolNode(i));
      return true;
    }
  }
  return encoded && byCodes ? scanCodes(query, code, wide) : scan(query);
}

/** Keeps the `effort` nearest nodes sorted; looks at the nearest whose neighbours are not known yet. */
function walk(code: usize, wide: usize): void {
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

/**
 * As `walk`, but nodes that may not answer are walked through, by a heap of their own. False where more vectors were
 * looked at than a scan is worth.
 */
function walkFiltered(code: usize, wide: usize): bool {
  const mark = freshMark();
  const start = descend(code, wide, 0);
  visit(start, mark);
  let waiting = heapPush(queryDistance(code, wide, codeOf(start)), start, 0);
  let size = 0;
  let lookedAt: f64 = 1;
  if (passes(start)) {
    poolInsert(load<f32>(heap), start, 0, effort);
    size = 1;
  }
  while (waiting > 0) {
    const distance = load<f32>(heap);
    const nearest = load<u32>(heap, 4);
    if (size === effort && less(poolDistance(size - 1), poolNode(size - 1), distance, nearest)) break;
    if (lookedAt > mostLookedAt) return false;
    waiting = heapPop(waiting);
    const neighbours = freshNeighbours(nearest, 0, mark);
    lookedAt += neighbours;
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
  return true;
}

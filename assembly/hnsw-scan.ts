// Which vectors may answer, whether they are walked to or scanned, and the scans; the nearest are ranked in full.
// Twin of native/core/hnsw_scan.cpp; for the index in use, one search at a time.
import { decode, floatDistance, queryDistance } from './codec';
import { codeOf, exactRow, isRemoved, labelOf, nodeOf } from './graph';
import { codeStorage, count, dim, F32, quantized, removed } from './graph-state';
import { release, take } from './memory';
import { offer } from './top-k';
import { writeSorted } from './vectors';

/** Links of a node that a walk looks at for each node that it keeps: about M. */
const LOOKED_AT: f64 = 16;
/** Vectors that a scan, which misses none, may look at for each that a walk would. */
const SCANNED_A_STEP: i32 = 8;
/** A scan of so few vectors in full takes no time worth saving. */
const SCANNED_IN_FULL: i32 = 1024;

let allow: usize = 0;
let allowBytes: usize = 0;
let allowFirst: u32 = 0;
let exclude: usize = 0;
let excludeCount: i32 = 0;
/** Vectors that may answer, but for those excluded. */
export let allowed: i32 = 0;
export let filtered: bool = false;
/** Scanned from the start. */
export let scanned: bool = false;
/** A scan is one of the codes. */
export let byCodes: bool = false;
/** Vectors that a walk under a filter looks at before it gives up for a scan. */
export let mostLookedAt: f64 = 0;

let k: i32 = 0;
let best: usize = 0;
let bestSize: i32 = 0;
let row: usize = 0;
let nodes: usize = 0;
/** Nodes to rank: pairs of distance f32 and node u32. */
let candidates: usize = 0;

/** Sets the filter of a search, and decides between walking and scanning; false where memory is refused. */
export function beginSearch(
  kOf: i32,
  effort: i32,
  exactly: bool,
  allowOf: usize,
  allowBytesOf: usize,
  allowFirstOf: u32,
  excludeOf: usize,
  excludeCountOf: i32,
): bool {
  k = kOf;
  allow = allowOf;
  allowBytes = allowBytesOf;
  allowFirst = allowFirstOf;
  exclude = excludeOf;
  excludeCount = excludeCountOf;
  const live = count - removed;
  allowed = allow !== 0 ? min(live, countBits()) : live;
  filtered = allow !== 0 || excludeCount > 0 || removed > 0;
  const least = <f64>effort * LOOKED_AT;
  const share = max(1, min(live / max(1, allowed), SCANNED_A_STEP));
  scanned = exactly || <f64>allowed <= least * <f64>share;
  byCodes = !exactly && allowed > SCANNED_IN_FULL;
  mostLookedAt = byCodes ? 2 * least + <f64>(allowed / SCANNED_A_STEP) : Infinity;
  best = take((<usize>k) << 3);
  row = take((<usize>dim) << 2);
  // Only a search that scans needs room for what it scans.
  nodes = 0;
  candidates = byCodes ? take((<usize>rankedCount()) << 3) : 0;
  return best !== 0 && row !== 0 && (candidates !== 0 || !byCodes);
}

export function endSearch(): void {
  release(best);
  release(row);
  release(nodes);
  release(candidates);
}

/** Candidates that are ranked by exact distance: the 8-bit order errs among near ones only. */
export function rankedCount(): i32 {
  return 2 * k + 16;
}

/** How many of the vectors that are allowed must answer. */
export function sureCount(): i32 {
  return min(k, allowed - min(allowed, excludeCount));
}

function countBits(): i32 {
  let bits = 0;
  for (let i: usize = 0; i < allowBytes; i++) bits += popcnt<i32>(load<u8>(allow + i));
  return bits;
}

/** Whether a node may answer. */
export function passes(node: u32): bool {
  const label = labelOf(node);
  if (allow !== 0) {
    const place = label - allowFirst;
    const byte = <usize>(place >>> 3);
    if (byte >= allowBytes || ((load<u8>(allow + byte) >>> (place & 7)) & 1) === 0) return false;
  }
  if (isRemoved(node)) return false;
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

/** Nodes that may answer, to `nodes`, in the order of their labels or of their numbers; -1 where memory is refused. */
function gather(): i32 {
  if (nodes === 0) nodes = take((<usize>max(1, allowed)) << 2);
  if (nodes === 0) return -1;
  let found = 0;
  if (allow === 0 || <f64>allowed * 8 > <f64>count) {
    for (let node = 0; node < count; node++) {
      if (!passes(node)) continue;
      store<u32>(nodes + ((<usize>found) << 2), node);
      found++;
    }
    return found;
  }
  for (let byte: usize = 0; byte < allowBytes; byte++) {
    let bits: u32 = load<u8>(allow + byte);
    while (bits !== 0) {
      const node = nodeOf(allowFirst + <u32>(byte << 3) + ctz<u32>(bits));
      bits &= bits - 1;
      if (node < 0 || !passes(node)) continue;
      store<u32>(nodes + ((<usize>found) << 2), node);
      found++;
    }
  }
  return found;
}

/** Answers with the nearest by their codes, ranked in full; false where memory is refused. */
export function scanCodes(query: usize, code: usize, wide: usize): bool {
  const size = gather();
  if (size < 0) return false;
  const most = min(rankedCount(), size);
  let kept = 0;
  for (let i = 0; i < size; i++) {
    const node = load<u32>(nodes + ((<usize>i) << 2));
    kept = offer(candidates, kept, most, queryDistance(code, wide, codeOf(node)), node);
  }
  bestSize = 0;
  for (let i = 0; i < kept; i++) rankNode(query, load<u32>(candidates + ((<usize>i) << 3), 4));
  return true;
}

/** Answers with the nearest of all that may answer; false where memory is refused. */
export function scan(query: usize): bool {
  const size = gather();
  if (size < 0) return false;
  bestSize = 0;
  for (let i = 0; i < size; i++) rankNode(query, load<u32>(nodes + ((<usize>i) << 2)));
  return true;
}

/** Forgets the answer before the next query. */
export function beginAnswer(): void {
  bestSize = 0;
}

/** Ranks a node by its vector as it is stored. */
export function rankNode(query: usize, node: u32): void {
  bestSize = offer(best, bestSize, k, storedDistance(query, node), labelOf(node));
}

export function writeAnswer(labels: usize, distances: usize): void {
  writeSorted(best, bestSize, k, labels, distances);
}

/** Distance to the vector as it is stored, the query in full. */
function storedDistance(query: usize, node: u32): f32 {
  if (quantized) return floatDistance(query, exactRow(node));
  if (codeStorage === F32) return floatDistance(query, codeOf(node));
  decode(codeOf(node), row);
  return floatDistance(query, row);
}

// Growing the graph of the index in use, one node after another.
// Source: Malkov and Yashunin, arXiv 1603.09320, algorithms 1 and 4, with the choices of hnswlib.
import { codeDistance, encode, queryDistance, widen } from './codec';
import { appendNode, codeOf, exactRow, levelOf, linksOf, putLabel } from './graph';
import {
  buildEffort,
  count,
  dim,
  entry,
  freshMark,
  links,
  maxLevel,
  quantized,
  seed,
  setEntry,
  visit,
} from './graph-state';
import { release, take } from './memory';
import { freshNeighbours, freshNode, freshReserve } from './neighbours';
import { expanded, pool, poolInsert, poolNode, poolReserve, poolTakes } from './pool';
import { randomStart, randomUniform } from './random';

/** Adds one node; the caller has reserved room. False where memory is refused. */
export function insertNode(label: u32, vector: usize): bool {
  const level = drawnLevel(count);
  const node: u32 = count;
  if (!poolReserve(max(buildEffort, links) + 2 * links + 1)) return false;
  if (!appendNode(label, level)) return false;
  encode(vector, codeOf(node));
  if (quantized) memory.copy(exactRow(node), vector, (<usize>dim) << 2);
  putLabel(node);
  if (node === 0) {
    setEntry(node, level);
    return true;
  }
  const chosen = take((<usize>(2 * links + 1)) << 2);
  const wide = take((<usize>dim) << 1);
  if (chosen === 0 || wide === 0 || !freshReserve()) return false;
  widen(codeOf(node), wide);
  let from = descend(codeOf(node), wide, level);
  for (let at = min(level, maxLevel); at >= 0; at--) {
    const found = nearestOnLevel(codeOf(node), wide, node, from, at);
    const selected = select(found, links, chosen);
    from = load<u32>(chosen);
    connect(node, at, chosen, selected);
  }
  release(chosen);
  release(wide);
  if (level > maxLevel) setEntry(node, level);
  return true;
}

/** Level of the node that comes as number-th: the same as natively. */
function drawnLevel(number: i32): i32 {
  randomStart(seed, number);
  const u = 1.0 - randomUniform();
  return <i32>(-Math.log(u) / Math.log(<f64>links));
}

/** The nearest node that greedy steps reach above a level. */
export function descend(code: usize, wide: usize, above: i32): u32 {
  let node = entry;
  let least = queryDistance(code, wide, codeOf(node));
  for (let level = maxLevel; level > above; level--) {
    let moved = true;
    while (moved) {
      moved = false;
      const list = linksOf(node, level);
      const size = <i32>load<u16>(list);
      for (let i = 1; i <= size; i++) {
        const other = load<u32>(list + ((<usize>i) << 2));
        const distance = queryDistance(code, wide, codeOf(other));
        if (distance < least) {
          least = distance;
          node = other;
          moved = true;
        }
      }
    }
  }
  return node;
}

/** Fills the pool with the nearest nodes on a level, but for `self`; returns how many. */
function nearestOnLevel(code: usize, wide: usize, self: u32, from: u32, level: i32): i32 {
  const most = max(buildEffort, links);
  const mark = freshMark();
  visit(self, mark);
  visit(from, mark);
  poolInsert(queryDistance(code, wide, codeOf(from)), from, 0, most);
  let size = 1;
  let next = 0;
  while (next < size) {
    store<u8>(expanded + next, 1);
    const neighbours = freshNeighbours(poolNode(next), level, mark);
    let lowest = size;
    for (let i = 0; i < neighbours; i++) {
      const other = freshNode(i);
      const distance = queryDistance(code, wide, codeOf(other));
      if (!poolTakes(distance, other, size, most)) continue;
      lowest = min(lowest, poolInsert(distance, other, size, most));
      size = min(size + 1, most);
    }
    next = min(lowest, next + 1);
    while (next < size && load<u8>(expanded + next) !== 0) next++;
  }
  return size;
}

/**
 * Chooses at most `most` of the sorted pool: each nearer to the new node than to any chosen before, or all
 * where they are fewer than `most`. Returns how many.
 */
function select(found: i32, most: i32, chosen: usize): i32 {
  let size = 0;
  for (let i = 0; i < found && size < most; i++) {
    const node = poolNode(i);
    const distance = load<f32>(pool + ((<usize>i) << 3));
    let good = true;
    if (found >= most) {
      for (let j = 0; j < size && good; j++) {
        good = codeDistance(codeOf(load<u32>(chosen + ((<usize>j) << 2))), codeOf(node)) >= distance;
      }
    }
    if (!good) continue;
    store<u32>(chosen + ((<usize>size) << 2), node);
    size++;
  }
  return size;
}

/** Links a node with those chosen, both ways; full lists are chosen anew. */
function connect(node: u32, level: i32, chosen: usize, size: i32): void {
  const own = linksOf(node, level);
  store<u16>(own, <u16>size);
  memory.copy(own + 4, chosen, (<usize>size) << 2);
  const most = level === 0 ? 2 * links : links;
  for (let i = 0; i < size; i++) {
    const other = load<u32>(own + 4 + ((<usize>i) << 2));
    if (levelOf(other) < level) continue;
    const list = linksOf(other, level);
    const there = <i32>load<u16>(list);
    if (there < most) {
      store<u32>(list + 4 + ((<usize>there) << 2), node);
      store<u16>(list, <u16>(there + 1));
      continue;
    }
    const code = codeOf(other);
    poolInsert(codeDistance(codeOf(node), code), node, 0, most + 1);
    for (let j = 0; j < there; j++) {
      const neighbour = load<u32>(list + 4 + ((<usize>j) << 2));
      poolInsert(codeDistance(codeOf(neighbour), code), neighbour, j + 1, most + 1);
    }
    store<u16>(list, <u16>select(there + 1, most, list + 4));
  }
}

// The neighbours of a node that a walk has not seen yet.
import { codeOf, linksOf } from './graph';
import { dataAt, links, recordBytes, visit } from './graph-state';
import { release, take } from './memory';

/** Nodes that `freshNeighbours` found. */
export let fresh: usize = 0;
let freshRoom: i32 = 0;
let touched: u32 = 0;

/** Room for the neighbours of any node of the index in use; false where memory is refused. */
export function freshReserve(): bool {
  if (2 * links <= freshRoom) return true;
  release(fresh);
  fresh = take((<usize>links) << 3);
  freshRoom = fresh !== 0 ? 2 * links : 0;
  return freshRoom > 0;
}

/**
 * Collects the neighbours of a node that have no mark of this walk, marks them, and reads one byte of each
 * cache line of theirs: side by side those reads wait once, where distance after distance would wait each time.
 * Returns how many there are.
 */
export function freshNeighbours(node: u32, level: i32, with_: u32): i32 {
  const list = linksOf(node, level);
  const size = (<i32>load<u16>(list)) << 2;
  let found = 0;
  for (let at = 4; at <= size; at += 4) {
    const other = load<u32>(list + at);
    if (!visit(other, with_)) continue;
    store<u32>(fresh + ((<usize>found) << 2), other);
    found++;
  }
  let sum: u32 = 0;
  for (let i = 0; i < found; i++) {
    const from = codeOf(load<u32>(fresh + ((<usize>i) << 2)));
    const end = from + recordBytes - dataAt;
    for (let line = from; line < end; line += 64) sum += load<u8>(line);
  }
  touched = sum;
  return found;
}

export function freshNode(place: i32): u32 {
  return load<u32>(fresh + ((<usize>place) << 2));
}

/** Keeps the reads of `freshNeighbours` from being left out as useless. */
export function touchedBytes(): u32 {
  return touched;
}

// Nodes of the index in use: their records, their links, and the table from label to node.
import {
  capacity,
  count,
  countNode,
  countRemoved,
  dataAt,
  dim,
  exact,
  grow,
  labelAt,
  levels,
  links,
  recordBytes,
  records,
  table,
  tableMask,
  uppers,
} from './graph-state';
import { take } from './memory';

/** Room for so many nodes; false where memory is refused. */
export function reserve(wanted: i32): bool {
  const grown = grow(wanted);
  if (grown === 2) {
    for (let node = 0; node < count; node++) putLabel(node);
  }
  return grown !== 0;
}

export function record(node: u32): usize {
  return records + <usize>node * recordBytes;
}

/** The stored vector of a node. */
export function codeOf(node: u32): usize {
  return record(node) + dataAt;
}

/** The f32 vector of a node beside its 8-bit code. */
export function exactRow(node: u32): usize {
  return exact + ((<usize>node * <usize>dim) << 2);
}

export function labelOf(node: u32): u32 {
  return load<u32>(record(node) + labelAt);
}

export function levelOf(node: u32): i32 {
  return load<u8>(levels + node);
}

export function isRemoved(node: u32): bool {
  return load<u8>(record(node), 2) !== 0;
}

/** Links of a node on a level: count u16, flags u16, then nodes u32. */
export function linksOf(node: u32, level: i32): usize {
  if (level === 0) return record(node);
  return load<usize>(uppers + ((<usize>node) << 2)) + <usize>(level - 1) * upperListBytes();
}

export function upperListBytes(): usize {
  return ((<usize>links) << 2) + 4;
}

/** The lists of a node above the ground level, 0 where it has none. */
export function upperOf(node: u32): usize {
  return load<usize>(uppers + ((<usize>node) << 2));
}

/**
 * Takes the next node: an empty record with a label, and room for its upper lists. Returns false where memory
 * is refused. The caller has reserved room.
 */
export function appendNode(label: u32, level: i32): bool {
  const node: u32 = count;
  const bytes = <usize>level * upperListBytes();
  const lists: usize = level > 0 ? take(bytes) : 0;
  if (level > 0) {
    if (lists === 0) return false;
    memory.fill(lists, 0, bytes);
  }
  memory.fill(record(node), 0, recordBytes);
  store<u32>(record(node) + labelAt, label);
  store<u8>(levels + node, <u8>level);
  store<usize>(uppers + ((<usize>node) << 2), lists);
  countNode(bytes);
  return true;
}

/** Gives a node's label to that node, whoever had it. */
export function putLabel(node: u32): void {
  store<u32>(table + ((<usize>slotOf(labelOf(node))) << 2), node);
}

/** The newest node of a label, removed or not; -1 where there is none. */
export function nodeOf(label: u32): i32 {
  if (capacity === 0) return -1;
  return <i32>load<u32>(table + ((<usize>slotOf(label)) << 2));
}

/** The slot that holds a label's node, or the free one where it belongs; the table is never full. */
function slotOf(label: u32): u32 {
  let slot = hashed(label);
  let there = load<u32>(table + ((<usize>slot) << 2));
  while (there !== 0xffffffff && labelOf(there) !== label) {
    slot = (slot + 1) & tableMask;
    there = load<u32>(table + ((<usize>slot) << 2));
  }
  return slot;
}

function hashed(label: u32): u32 {
  const mixed = label * 0x9e3779b9;
  return (mixed ^ (mixed >>> 15)) & tableMask;
}

export function removeNode(node: u32): void {
  store<u8>(record(node), 1, 2);
  countRemoved();
}

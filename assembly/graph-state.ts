// The index in memory: its fields and its blocks.
// One index is in use at a time: `use` brings its fields into module variables, `keep` writes them back.
import { release, take } from './memory';

export const F32: i32 = 0;
export const F16: i32 = 1;
export const INT8: i32 = 2;

/** Before the codes of an 8-bit vector: scale f32, squared length f32, sum of the codes i32. */
export const INT8_HEADER: usize = 12;

/** An index; each field as the module variable of its name. */
@unmanaged
class Fields {
  metric: i32 = 0;
  storage: i32 = 0;
  quantized: i32 = 0;
  dim: i32 = 0;
  links: i32 = 0;
  buildEffort: i32 = 0;
  seed: u32 = 0;
  capacity: i32 = 0;
  count: i32 = 0;
  removed: i32 = 0;
  maxLevel: i32 = -1;
  entry: u32 = 0;
  records: usize = 0;
  exact: usize = 0;
  levels: usize = 0;
  uppers: usize = 0;
  upperBytes: usize = 0;
  table: usize = 0;
  tableMask: u32 = 0;
  marks: usize = 0;
  mark: u32 = 0;
}

export let metric: i32 = 0;
export let storage: i32 = 0;
/** The storage that the graph is walked on: 8-bit where f32 vectors are quantized. */
export let codeStorage: i32 = 0;
export let quantized: bool = false;
export let dim: i32 = 0;
export let links: i32 = 0;
export let buildEffort: i32 = 0;
export let seed: u32 = 0;
export let count: i32 = 0;
export let removed: i32 = 0;
export let maxLevel: i32 = -1;
export let entry: u32 = 0;
/** Record of a node: link count u16, flags u16, links u32; label u32; header and numbers, 16-aligned. */
export let records: usize = 0;
export let recordBytes: usize = 0;
export let labelAt: usize = 0;
/** Where the stored vector begins: its header, then its numbers. */
export let dataAt: usize = 0;
export let exact: usize = 0;
export let levels: usize = 0;
export let uppers: usize = 0;
let upperBytes: usize = 0;
export let table: usize = 0;
export let tableMask: u32 = 0;
let marks: usize = 0;
let mark: u32 = 0;
export let capacity: i32 = 0;
let current: usize = 0;

/** A new empty index; 0 where memory is refused. */
export function createGraph(
  metricOf: i32,
  storageOf: i32,
  dimOf: i32,
  linksOf: i32,
  effort: i32,
  seedOf: u32,
  quantizedOf: bool,
): usize {
  const at = take(offsetof<Fields>());
  if (at === 0) return 0;
  memory.fill(at, 0, offsetof<Fields>());
  const fields = changetype<Fields>(at);
  fields.metric = metricOf;
  fields.storage = storageOf;
  fields.quantized = quantizedOf ? 1 : 0;
  fields.dim = dimOf;
  fields.links = linksOf;
  fields.buildEffort = effort;
  fields.seed = seedOf;
  fields.maxLevel = -1;
  return at;
}

/** Makes an index the one in use. */
export function use(index: usize): void {
  const fields = changetype<Fields>(index);
  current = index;
  metric = fields.metric;
  storage = fields.storage;
  quantized = fields.quantized !== 0;
  codeStorage = quantized ? INT8 : storage;
  dim = fields.dim;
  links = fields.links;
  buildEffort = fields.buildEffort;
  seed = fields.seed;
  capacity = fields.capacity;
  count = fields.count;
  removed = fields.removed;
  maxLevel = fields.maxLevel;
  entry = fields.entry;
  records = fields.records;
  exact = fields.exact;
  levels = fields.levels;
  uppers = fields.uppers;
  upperBytes = fields.upperBytes;
  table = fields.table;
  tableMask = fields.tableMask;
  marks = fields.marks;
  mark = fields.mark;
  const header: usize = codeStorage === INT8 ? INT8_HEADER : 0;
  labelAt = ((<usize>links) << 3) + 4;
  dataAt = ((labelAt + 4 + header + 15) & ~15) - header;
  recordBytes =
    (dataAt + header + ((<usize>dim) << (codeStorage === F32 ? 2 : codeStorage === F16 ? 1 : 0)) + 15) & ~15;
}

/** Writes what changed back to the index in use. */
export function keep(): void {
  const fields = changetype<Fields>(current);
  fields.capacity = capacity;
  fields.count = count;
  fields.removed = removed;
  fields.maxLevel = maxLevel;
  fields.entry = entry;
  fields.records = records;
  fields.exact = exact;
  fields.levels = levels;
  fields.uppers = uppers;
  fields.upperBytes = upperBytes;
  fields.table = table;
  fields.tableMask = tableMask;
  fields.marks = marks;
  fields.mark = mark;
}

/** Frees the index in use. */
export function destroyGraph(): void {
  for (let node = 0; node < count; node++) release(load<usize>(uppers + ((<usize>node) << 2)));
  release(records);
  release(exact);
  release(levels);
  release(uppers);
  release(table);
  release(marks);
  release(current);
}

/** Bytes held for vectors and links. */
export function graphBytes(): f64 {
  return <f64>recordBytes * <f64>capacity + (quantized ? <f64>dim * 4 * <f64>capacity : 0) + <f64>upperBytes;
}

/**
 * Makes room for so many nodes, with an empty table of labels where that is new. Returns 0 where memory is
 * refused, 1 where there was room, 2 where all was moved.
 */
export function grow(wanted: i32): i32 {
  if (wanted <= capacity) return 1;
  const room = count > 0 ? max(wanted, capacity + (capacity >> 1)) : wanted;
  const slots = (<u32>1) << (32 - clz<u32>(<u32>room * 2));
  const newTable = take((<usize>slots) << 2);
  const newRecords = grown(records, <usize>count * recordBytes, <f64>room * <f64>recordBytes);
  const newExact = quantized ? grown(exact, (<usize>count * <usize>dim) << 2, <f64>room * <f64>dim * 4) : 0;
  const newLevels = grown(levels, count, room);
  const newUppers = grown(uppers, (<usize>count) << 2, <f64>room * 4);
  const newMarks = take((<usize>room) << 1);
  const there = newTable !== 0 && newRecords !== 0 && newLevels !== 0 && newUppers !== 0 && newMarks !== 0;
  if (!there || (quantized && newExact === 0)) {
    release(newTable);
    release(newRecords);
    release(newExact);
    release(newLevels);
    release(newUppers);
    release(newMarks);
    return 0;
  }
  release(table);
  release(records);
  release(exact);
  release(levels);
  release(uppers);
  release(marks);
  table = newTable;
  records = newRecords;
  exact = newExact;
  levels = newLevels;
  uppers = newUppers;
  marks = newMarks;
  mark = 0;
  memory.fill(marks, 0, (<usize>room) << 1);
  capacity = room;
  tableMask = slots - 1;
  memory.fill(table, 0xff, (<usize>slots) << 2);
  return 2;
}

/** A larger block that begins with the bytes of a smaller one; 0 where memory is refused. */
function grown(from: usize, used: usize, bytes: f64): usize {
  if (bytes > 1073741760.0) return 0;
  const to = take(<usize>bytes);
  if (to !== 0 && used > 0) memory.copy(to, from, used);
  return to;
}

export function setEntry(node: u32, level: i32): void {
  entry = node;
  maxLevel = level;
}

/** Counts one node more, with so many bytes of upper lists. */
export function countNode(bytes: usize): void {
  upperBytes += bytes;
  count++;
}

export function countRemoved(): void {
  removed++;
}

/** Begins a walk: returns the mark that visited nodes get. */
export function freshMark(): u32 {
  mark++;
  if (mark === 65536) {
    memory.fill(marks, 0, (<usize>capacity) << 1);
    mark = 1;
  }
  return mark;
}

/** Marks a node; true where it had no mark of this walk yet. */
export function visit(node: u32, with_: u32): bool {
  const at = marks + ((<usize>node) << 1);
  if (load<u16>(at) === <u16>with_) return false;
  store<u16>(at, <u16>with_);
  return true;
}

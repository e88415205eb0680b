// One training of prototypes: its inputs, and the blocks of one batch of it; twin of native/core/refine.cpp.
// Blocks live in module variables while a training runs; one training runs at a time.
import { release, take } from './memory';

export let d: i32 = 0;
export let prototypeCount: i32 = 0;
export let rowCount: i32 = 0;
let assignment: usize = 0;
export let query: usize = 0;
export let chosen: usize = 0;
export let rejected: usize = 0;
let historyStart: usize = 0;
export let historyQuery: usize = 0;
export let historyChosen: usize = 0;
export let historyRejected: usize = 0;

// Offsets of the weights in numbers: W_hist [d x 2d], b, W_q [d x d], b_q, W_s [d x d], b_s.
export let atHistoryBias: i32 = 0;
export let atQuery: i32 = 0;
export let atQueryBias: i32 = 0;
export let atSummary: i32 = 0;
export let atSummaryBias: i32 = 0;
export let weightCount: i32 = 0;

// AdamW's moments in the order of the weights, the prototypes' after them.
export let firstMoments: usize = 0;
export let secondMoments: usize = 0;

// One batch: rows b, their events e from eventsBegin(b); every matrix has rows of d numbers but x (2d).
let batch: usize = 0;
export let batchRows: i32 = 0;
let eventStart: usize = 0;
export let eventCount: i32 = 0;
export let x: usize = 0;
export let q: usize = 0;
export let gap: usize = 0;
export let o: usize = 0;
export let s: usize = 0;
export let alpha: usize = 0;
export let dAlpha: usize = 0;
export let fromQuery: usize = 0;
export let fromSummary: usize = 0;
export let dz: usize = 0;
export let ds: usize = 0;
export let dInner: usize = 0;
export let da: usize = 0;
export let gradient: usize = 0;
export let biasGradient: usize = 0;
export let dots: usize = 0;

// Blocks that are held: each begins with the address of the one taken before it.
const BLOCK_HEAD: usize = 16;
let held: usize = 0;
let refused: bool = false;

/** Gives the inputs of the next `refineTrain`: pointers to u32 or f32 arrays, as in src/kernels/refine.ts. */
export function refineData(
  dim: i32,
  prototypesGiven: i32,
  rows: i32,
  rowAssignment: usize,
  rowQuery: usize,
  rowChosen: usize,
  rowRejected: usize,
  starts: usize,
  eventQuery: usize,
  eventChosen: usize,
  eventRejected: usize,
): void {
  d = dim;
  prototypeCount = prototypesGiven;
  rowCount = rows;
  assignment = rowAssignment;
  query = rowQuery;
  chosen = rowChosen;
  rejected = rowRejected;
  historyStart = starts;
  historyQuery = eventQuery;
  historyChosen = eventChosen;
  historyRejected = eventRejected;
  atHistoryBias = 2 * d * d;
  atQuery = atHistoryBias + d;
  atQueryBias = atQuery + d * d;
  atSummary = atQueryBias + d;
  atSummaryBias = atSummary + d * d;
  weightCount = atSummaryBias + d;
}

export function bytes(numbers: i32): usize {
  return (<usize>numbers) << 2;
}

/** History events of all rows. */
export function eventsInAll(): i32 {
  return load<u32>(historyStart + bytes(rowCount));
}

/** The most events that any batch of rows of one prototype can hold. */
function mostEvents(batchSize: i32): i32 {
  let most = 0;
  for (let p = 0; p < prototypeCount; p++) {
    let rows = 0;
    let events = 0;
    for (let i = 0; i < rowCount; i++) {
      if (<i32>load<u32>(assignment + bytes(i)) !== p) continue;
      events += load<u32>(historyStart + bytes(i + 1)) - load<u32>(historyStart + bytes(i));
      rows++;
      most = max(most, events);
      if (rows === batchSize) {
        rows = 0;
        events = 0;
      }
    }
  }
  return most;
}

/** A block of so many bytes until `releaseBlocks`; 0 where memory is refused, now or before. */
function block(size: usize): usize {
  const at = refused ? 0 : take(size + BLOCK_HEAD);
  if (at === 0) {
    refused = true;
    return 0;
  }
  store<usize>(at, held);
  held = at;
  return at + BLOCK_HEAD;
}

/** Takes the blocks for batches of so many rows; false where memory is refused. `releaseBlocks` either way. */
export function takeBlocks(batchSize: i32): bool {
  const rows = min(batchSize, rowCount);
  const events = mostEvents(batchSize);
  const moments = bytes(weightCount + prototypeCount * d);
  const row = bytes(d);
  refused = false;
  firstMoments = block(moments);
  secondMoments = block(moments);
  batch = block(bytes(rows));
  eventStart = block(bytes(rows + 1));
  x = block(<usize>events * 2 * row);
  q = block(<usize>rows * row);
  gap = block(<usize>rows * row);
  o = block(<usize>events * row);
  s = block(<usize>rows * row);
  alpha = block((<usize>events) << 3);
  dAlpha = block((<usize>events) << 3);
  fromQuery = block(<usize>rows * row);
  fromSummary = block(<usize>rows * row);
  dz = block(<usize>rows * row);
  ds = block(<usize>rows * row);
  dInner = block(<usize>events * row);
  da = block(row);
  gradient = block(2 * row);
  biasGradient = block(row);
  dots = block(bytes(max(rows, events)));
  if (refused) return false;
  memory.fill(firstMoments, 0, moments);
  memory.fill(secondMoments, 0, moments);
  return true;
}

export function releaseBlocks(): void {
  while (held !== 0) {
    const before = load<usize>(held);
    release(held);
    held = before;
  }
}

/** Begins an empty batch. */
export function beginBatch(): void {
  batchRows = 0;
}

/** Takes row i into the batch where it is of the prototype. */
export function offerRow(i: i32, prototype: i32): void {
  if (<i32>load<u32>(assignment + bytes(i)) !== prototype) return;
  store<u32>(batch + bytes(batchRows), i);
  batchRows++;
}

/** X: [h ; c+ - c-] of every event of the batch; gap: r+ - r-. */
export function gather(): void {
  eventCount = 0;
  for (let b = 0; b < batchRows; b++) {
    const row = <i32>load<u32>(batch + bytes(b));
    store<u32>(eventStart + bytes(b), eventCount);
    memory.copy(q + bytes(b * d), query + bytes(row * d), bytes(d));
    subtract(chosen + bytes(row * d), rejected + bytes(row * d), gap + bytes(b * d));
    const end = <i32>load<u32>(historyStart + bytes(row + 1));
    for (let e = <i32>load<u32>(historyStart + bytes(row)); e < end; e++) {
      const to = x + bytes(eventCount * 2 * d);
      memory.copy(to, historyQuery + bytes(e * d), bytes(d));
      subtract(historyChosen + bytes(e * d), historyRejected + bytes(e * d), to + bytes(d));
      eventCount++;
    }
  }
  store<u32>(eventStart + bytes(batchRows), eventCount);
}

function subtract(from: usize, what: usize, to: usize): void {
  for (let i = 0; i < d; i++) {
    const at = bytes(i);
    store<f32>(to + at, load<f32>(from + at) - load<f32>(what + at));
  }
}

/** Where the events of row b of the batch begin. */
export function eventsBegin(b: i32): i32 {
  return load<u32>(eventStart + bytes(b));
}

// The index file: hnswlib's format for f32 vectors; for others the same behind a preface of its own.
// Twin of native/core/index_file.cpp: what it refuses there is refused here.
import { completeInt8, decode, encode, fileVectorBytes } from './codec';
import {
  appendNode,
  codeOf,
  exactRow,
  isRemoved,
  labelOf,
  levelOf,
  linksOf,
  nodeOf,
  putLabel,
  record,
  removeNode,
  reserve,
  upperListBytes,
  upperOf,
} from './graph';
import {
  buildEffort,
  count,
  createGraph,
  destroyGraph,
  dim,
  entry,
  F16,
  F32,
  INT8,
  INT8_HEADER,
  keep,
  links,
  maxLevel,
  metric,
  quantized,
  setEntry,
  storage,
  use,
} from './graph-state';
import { release, take } from './memory';
import { DAMAGED, FOREIGN, failed, NOT_UNIT, OK, OUT_OF_MEMORY, WRONG_DIMENSION } from './status';
import { COSINE } from './vectors';

/** 'pgenrmix' */
const MAGIC: u64 = ((<u64>0x78696d72) << 32) | <u64>0x6e656770;
const VERSION: u32 = 1;
const PREFACE_BYTES: usize = 24;
const HEADER_BYTES: usize = 96;
/** Levels of vectors that are added later are drawn from it; the file does not hold the first one. */
const SEED: u32 = 100;
const MOST_LEVELS: u32 = 64;

let file: usize = 0;
let fileBytes: usize = 0;
let position: usize = 0;
let loaded: usize = 0;

/** Bytes that the index in use takes as a file. */
export function indexFileBytes(): f64 {
  let bytes: f64 = <f64>HEADER_BYTES + (storage === F32 ? 0 : <f64>PREFACE_BYTES);
  bytes += <f64>count * (<f64>links * 8 + 4 + <f64>fileVectorBytes(dim) + 8 + 4);
  for (let node = 0; node < count; node++) bytes += <f64>levelOf(node) * <f64>upperListBytes();
  return bytes;
}

/** Writes the index in use to a block of `indexFileBytes` bytes. */
export function writeIndexFile(out: usize): void {
  if (storage !== F32) {
    store<u64>(out, MAGIC);
    store<u32>(out, VERSION, 8);
    store<u32>(out, storage, 12);
    store<u32>(out, metric, 16);
    store<u32>(out, dim, 20);
    out += PREFACE_BYTES;
  }
  const ground = ((<usize>links) << 3) + 4;
  const vectorBytes = fileVectorBytes(dim);
  store<u64>(out, 0);
  store<u64>(out, count, 8);
  store<u64>(out, count, 16);
  store<u64>(out, ground + vectorBytes + 8, 24);
  store<u64>(out, ground + vectorBytes, 32);
  store<u64>(out, ground, 40);
  store<i32>(out, maxLevel, 48);
  store<u32>(out, count > 0 ? entry : 0xffffffff, 52);
  store<u64>(out, links, 56);
  store<u64>(out, 2 * links, 64);
  store<u64>(out, links, 72);
  store<f64>(out, 1.0 / Math.log(<f64>links), 80);
  store<u64>(out, max(buildEffort, links), 88);
  out += HEADER_BYTES;
  for (let node = 0; node < count; node++) {
    memory.copy(out, record(node), ground);
    out += ground;
    if (quantized) {
      memory.copy(out, exactRow(node), vectorBytes);
    } else if (storage === INT8) {
      memory.copy(out, codeOf(node), 4);
      memory.copy(out + 4, codeOf(node) + INT8_HEADER, dim);
    } else {
      memory.copy(out, codeOf(node), vectorBytes);
    }
    out += vectorBytes;
    store<u64>(out, labelOf(node));
    out += 8;
  }
  for (let node = 0; node < count; node++) {
    const bytes = <usize>levelOf(node) * upperListBytes();
    store<u32>(out, bytes);
    if (bytes > 0) memory.copy(out + 4, upperOf(node), bytes);
    out += 4 + bytes;
  }
}

/** Loads an index from bytes; `dimOf` 0 takes the file's. The index is then had from `loadedIndex`. */
export function readIndexFile(bytes: usize, size: usize, metricOf: i32, dimOf: i32, quantizedOf: bool): i32 {
  file = bytes;
  fileBytes = size;
  position = 0;
  loaded = 0;
  const status = readAll(metricOf, dimOf, quantizedOf);
  if (loaded !== 0) {
    if (status === OK) {
      keep();
    } else {
      destroyGraph();
      loaded = 0;
    }
  }
  return status;
}

/** The index that the last `readIndexFile` made. */
export function loadedIndex(): usize {
  return loaded;
}

function damaged(): i32 {
  return failed(DAMAGED, <f64>position);
}

function left(): usize {
  return fileBytes - position;
}

function readAll(metricOf: i32, dimOf: i32, quantizedOf: bool): i32 {
  let kind = F32;
  let prefaceDim: u32 = 0;
  if (left() < HEADER_BYTES) return damaged();
  if (load<u64>(file) === MAGIC) {
    if (load<u32>(file, 8) !== VERSION || load<u32>(file, 16) !== <u32>metricOf) return failed(FOREIGN, 0);
    kind = load<u32>(file, 12);
    if (kind !== F16 && kind !== INT8) return damaged();
    prefaceDim = load<u32>(file, 20);
    position = PREFACE_BYTES;
    if (left() < HEADER_BYTES) return damaged();
  }
  const header = file + position;
  const most = load<u64>(header, 8);
  const nodes = load<u64>(header, 16);
  const recordSize = load<u64>(header, 24);
  const labelFrom = load<u64>(header, 32);
  const dataFrom = load<u64>(header, 40);
  const topLevel = load<i32>(header, 48);
  const first = load<u32>(header, 52);
  const width = load<u64>(header, 72);
  const effort = load<u64>(header, 88);
  if (load<u64>(header) !== 0 || width < 2 || width > 10000) return damaged();
  if (load<u64>(header, 56) !== width || load<u64>(header, 64) !== 2 * width) return damaged();
  if (effort < 1 || effort > 1 << 20) return damaged();
  if (!(Math.abs(load<f64>(header, 80) * Math.log(<f64>width) - 1.0) < 1e-6)) return damaged();
  if (dataFrom !== width * 8 + 4 || labelFrom <= dataFrom || labelFrom - dataFrom > 4 * 65536)
    return damaged();
  if (recordSize !== labelFrom + 8) return damaged();
  const vectorBytes = labelFrom - dataFrom;
  const wide: u64 = kind === F32 ? vectorBytes >> 2 : <u64>prefaceDim;
  if (wide < 1 || wide > 65536) return damaged();
  if (vectorBytes !== (kind === F32 ? wide * 4 : kind === F16 ? wide * 2 : wide + 4)) return damaged();
  position += HEADER_BYTES;
  if (nodes >= 0xffffffff || nodes > most || nodes > <u64>left() / (recordSize + 4)) return damaged();
  if (nodes === 0 ? topLevel !== -1 : topLevel < 0 || <u64>first >= nodes) return damaged();
  if (dimOf !== 0 && wide !== <u64>dimOf) return failed(WRONG_DIMENSION, <f64>wide);

  loaded = createGraph(metricOf, kind, <i32>wide, <i32>width, <i32>effort, SEED, quantizedOf && kind === F32);
  if (loaded === 0) return OUT_OF_MEMORY;
  use(loaded);
  if (!reserve(max(<i32>nodes, 1))) return OUT_OF_MEMORY;
  let status = readNodes(<i32>nodes, <usize>recordSize, <usize>dataFrom, <usize>labelFrom, topLevel, first);
  if (status === OK) status = checkLinks();
  if (status === OK) status = takeLabels();
  return status;
}

/** Reads records and upper lists side by side: a node's level is known only from the latter. */
function readNodes(
  nodes: i32,
  recordSize: usize,
  dataFrom: usize,
  labelFrom: usize,
  topLevel: i32,
  first: u32,
): i32 {
  const vector = take((<usize>dim) << 2);
  if (vector === 0) return OUT_OF_MEMORY;
  let from = file + position;
  position += <usize>nodes * recordSize;
  let highest = -1;
  let status = OK;
  for (let node = 0; node < nodes && status === OK; node++) {
    if (left() < 4) {
      status = damaged();
      break;
    }
    const bytes = load<u32>(file + position);
    position += 4;
    const level = bytes / <u32>upperListBytes();
    if (bytes % <u32>upperListBytes() !== 0 || level > MOST_LEVELS || <usize>bytes > left()) {
      status = damaged();
      break;
    }
    const label = load<u64>(from + labelFrom);
    if (label >= 0xffffffff) {
      status = failed(DAMAGED, <f64>(from + labelFrom - file));
      break;
    }
    if (!appendNode(<u32>label, level)) {
      status = OUT_OF_MEMORY;
      break;
    }
    if (bytes > 0) memory.copy(upperOf(node), file + position, bytes);
    position += bytes;
    highest = max(highest, <i32>level);
    memory.copy(record(node), from, dataFrom);
    status = readVector(node, from + dataFrom, vector);
    from += recordSize;
  }
  release(vector);
  if (status !== OK) return status;
  if (left() !== 0 || highest !== topLevel) return damaged();
  if (nodes > 0 && levelOf(first) !== highest) return damaged();
  setEntry(first, topLevel);
  return OK;
}

function readVector(node: u32, from: usize, vector: usize): i32 {
  const stored = codeOf(node);
  if (storage === INT8) {
    memory.copy(stored, from, 4);
    memory.copy(stored + INT8_HEADER, from + 4, dim);
    for (let i = 0; i < dim; i++) {
      if (load<u8>(from + 4 + i) === 0x80) return failed(DAMAGED, <f64>(from + 4 + i - file));
    }
    if (!(load<f32>(stored) >= 0)) return failed(DAMAGED, <f64>(from - file));
    completeInt8(stored);
    decode(stored, vector);
  } else if (storage === F16) {
    // Infinity and NaN have no place in the conversion of finite numbers.
    for (let i = 0; i < dim; i++) {
      if ((load<u16>(from + ((<usize>i) << 1)) & 0x7c00) === 0x7c00)
        return failed(DAMAGED, <f64>(from - file));
    }
    memory.copy(stored, from, (<usize>dim) << 1);
    decode(stored, vector);
  } else {
    memory.copy(vector, from, (<usize>dim) << 2);
  }
  let squares: f64 = 0;
  for (let i = 0; i < dim; i++) {
    const value = load<f32>(vector + ((<usize>i) << 2));
    if (value - value !== 0) return failed(DAMAGED, <f64>(from - file));
    squares += <f64>value * <f64>value;
  }
  const tolerance: f64 = storage === INT8 ? 0.1 : 0.01;
  if (metric === COSINE && !(Math.abs(squares - 1) <= tolerance)) return failed(NOT_UNIT, <f64>node);
  if (storage === F32) {
    encode(vector, stored);
    if (quantized) memory.copy(exactRow(node), vector, (<usize>dim) << 2);
  }
  return OK;
}

/** Every link leads to another node that reaches as high. */
function checkLinks(): i32 {
  for (let node = 0; node < count; node++) {
    for (let level = 0; level <= levelOf(node); level++) {
      const list = linksOf(node, level);
      const size = <i32>load<u16>(list);
      const flags = load<u16>(list, 2);
      if (size > (level === 0 ? 2 * links : links) || flags > <u16>(level === 0 ? 1 : 0))
        return failed(DAMAGED, node);
      if (flags !== 0) removeNode(node);
      for (let i = 1; i <= size; i++) {
        const other = load<u32>(list + ((<usize>i) << 2));
        if (other >= <u32>count || other === <u32>node || levelOf(other) < level)
          return failed(DAMAGED, node);
      }
    }
  }
  return OK;
}

/** A label may come again only where all but the last of its nodes are removed. */
function takeLabels(): i32 {
  for (let node = 0; node < count; node++) {
    const before = nodeOf(labelOf(node));
    if (before >= 0 && !isRemoved(before)) return failed(DAMAGED, node);
    putLabel(node);
  }
  return OK;
}

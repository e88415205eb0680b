// Reads and writes index files in plain TypeScript: hnswlib's format, and the preface of the other storages.
// Reads labels, vectors and removal marks, and checks the links; it does not keep the graph.
import { PgenrmError } from '../../errors.js';
import { METRICS, type OpenOptions, STORAGES, type Storage, storageName } from '../vector-index.js';
import { NO_LABEL } from '../vectors.js';
import { f16ToNumber, int8Codes, numberToF16 } from './codec.js';
import { distance } from './vectors.js';

/** One vector of an index file, in file order. */
export interface FileEntry {
  readonly label: number;
  readonly vector: Float32Array;
  readonly removed: boolean;
}

/** What an index file holds. */
export interface FileContents {
  readonly storage: Storage;
  readonly dim: number;
  readonly links: number;
  readonly entries: FileEntry[];
}

const MAGIC = 'pgenrmix';
const HEADER_BYTES = 96;
const PREFACE_BYTES = 24;

/** Errors: `BANK_DAMAGED`, `INVALID_VECTOR` where the dimension is not the one asked for. */
export function parseIndexFile(bytes: Uint8Array, options: OpenOptions): FileContents {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  const sure = (good: boolean): void => {
    if (!good) {
      throw new PgenrmError(
        'BANK_DAMAGED',
        `the index file is damaged: what stands at byte ${at} cannot be; build it anew`,
      );
    }
  };
  const number = (offset: number): number => Number(view.getBigUint64(at + offset, true));
  sure(bytes.length >= HEADER_BYTES);
  let storage: Storage = 'f32';
  let prefaceDim = 0;
  if (String.fromCharCode(...bytes.subarray(0, 8)) === MAGIC) {
    if (view.getUint32(8, true) !== 1 || view.getUint32(16, true) !== METRICS[options.metric]) {
      throw new PgenrmError(
        'BANK_DAMAGED',
        'the index file is of another version or metric; open it with the metric it was built with',
      );
    }
    sure([STORAGES.f16, STORAGES.int8].includes(view.getUint32(12, true) as 1 | 2));
    storage = storageName(view.getUint32(12, true));
    prefaceDim = view.getUint32(20, true);
    at = PREFACE_BYTES;
    sure(bytes.length >= PREFACE_BYTES + HEADER_BYTES);
  }
  const links = number(72);
  const count = number(16);
  const vectorBytes = number(32) - number(40);
  sure(number(0) === 0 && links >= 2 && links <= 10000 && number(56) === links && number(64) === 2 * links);
  sure(number(88) >= 1 && number(88) <= 1 << 20);
  sure(Math.abs(view.getFloat64(at + 80, true) * Math.log(links) - 1) < 1e-6);
  sure(
    number(40) === links * 8 + 4 && number(24) === number(32) + 8 && count <= number(8) && count < NO_LABEL,
  );
  const dim = storage === 'f32' ? vectorBytes / 4 : prefaceDim;
  sure(Number.isInteger(dim) && dim >= 1 && dim <= 65536 && vectorBytes === bytesOfVector(storage, dim));
  const maxLevel = view.getInt32(at + 48, true);
  const entry = view.getUint32(at + 52, true);
  if (options.dim !== undefined && options.dim !== dim) {
    throw new PgenrmError(
      'INVALID_VECTOR',
      `the index file holds vectors of dimension ${dim}, not of the dimension asked for`,
    );
  }
  const ground = links * 8 + 4;
  const recordBytes = ground + vectorBytes + 8;
  const records = at + HEADER_BYTES;
  at = records;
  sure(count <= (bytes.length - records) / (recordBytes + 4));

  const upperBytes = links * 4 + 4;
  const uppers: number[] = [];
  const levels: number[] = [];
  at = records + count * recordBytes;
  for (let node = 0; node < count; node++) {
    sure(at + 4 <= bytes.length);
    const size = view.getUint32(at, true);
    sure(size % upperBytes === 0 && size / upperBytes <= 64 && at + 4 + size <= bytes.length);
    uppers.push(at + 4);
    levels.push(size / upperBytes);
    at += 4 + size;
  }
  sure(at === bytes.length && maxLevel === levels.reduce((most, level) => Math.max(most, level), -1));
  sure(count === 0 || (entry < count && levels[entry] === maxLevel));

  const entries: FileEntry[] = [];
  const taken = new Map<number, number>();
  for (let node = 0; node < count; node++) {
    for (let level = 0; level <= levels[node]!; level++) {
      at = level === 0 ? records + node * recordBytes : uppers[node]! + (level - 1) * upperBytes;
      const size = view.getUint16(at, true);
      sure(
        size <= (level === 0 ? 2 * links : links) && view.getUint16(at + 2, true) <= (level === 0 ? 1 : 0),
      );
      for (let i = 1; i <= size; i++) {
        const other = view.getUint32(at + 4 * i, true);
        sure(other < count && other !== node && levels[other]! >= level);
      }
    }
    at = records + node * recordBytes;
    const removed = view.getUint16(at + 2, true) === 1;
    const label = Number(view.getBigUint64(at + ground + vectorBytes, true));
    sure(label < NO_LABEL);
    const before = taken.get(label);
    sure(before === undefined || entries[before]!.removed);
    taken.set(label, node);
    at += ground;
    const vector = readVector(view, at, storage, dim);
    sure(vector?.every(Number.isFinite) === true);
    const squares = vector!.reduce((sum, value) => sum + value * value, 0);
    if (options.metric === 'cosine' && Math.abs(squares - 1) > (storage === 'int8' ? 0.1 : 0.01)) {
      throw new PgenrmError(
        'BANK_DAMAGED',
        `the index file holds a vector (number ${node}) that is not of length 1: it is damaged, or is no cosine index`,
      );
    }
    entries.push({ label, vector: vector!, removed });
  }
  return { storage, dim, links, entries };
}

/** A valid file with one level: each node linked to its nearest, and to the next so that all are reached. */
export function formatIndexFile(contents: FileContents, metric: OpenOptions['metric']): Uint8Array {
  const { storage, dim, links, entries } = contents;
  const ground = links * 8 + 4;
  const vectorBytes = bytesOfVector(storage, dim);
  const recordBytes = ground + vectorBytes + 8;
  const preface = storage === 'f32' ? 0 : PREFACE_BYTES;
  const bytes = new Uint8Array(preface + HEADER_BYTES + entries.length * (recordBytes + 4));
  const view = new DataView(bytes.buffer);
  if (preface > 0) {
    bytes.set(new TextEncoder().encode(MAGIC));
    [1, STORAGES[storage], METRICS[metric], dim].forEach((value, i) => {
      view.setUint32(8 + 4 * i, value, true);
    });
  }
  const count = entries.length;
  const sizes = [0, count, count, recordBytes, ground + vectorBytes, ground];
  sizes.forEach((value, i) => {
    view.setBigUint64(preface + 8 * i, BigInt(value), true);
  });
  view.setInt32(preface + 48, count === 0 ? -1 : 0, true);
  view.setUint32(preface + 52, count === 0 ? 0xffffffff : 0, true);
  [links, 2 * links, links].forEach((value, i) => {
    view.setBigUint64(preface + 56 + 8 * i, BigInt(value), true);
  });
  view.setFloat64(preface + 80, 1 / Math.log(links), true);
  view.setBigUint64(preface + 88, 200n, true);
  entries.forEach((entry, node) => {
    const at = preface + HEADER_BYTES + node * recordBytes;
    const others = entries
      .map((other, i) => ({ i, apart: distance(metric, entry.vector, other.vector) }))
      .filter(({ i }) => i !== node && i !== (node + 1) % count)
      .sort((a, b) => a.apart - b.apart || a.i - b.i)
      .map(({ i }) => i);
    const linked = count > 1 ? [(node + 1) % count, ...others].slice(0, 2 * links) : [];
    view.setUint16(at, linked.length, true);
    view.setUint16(at + 2, entry.removed ? 1 : 0, true);
    linked.forEach((other, i) => {
      view.setUint32(at + 4 + 4 * i, other, true);
    });
    writeVector(view, at + ground, storage, entry.vector);
    view.setBigUint64(at + ground + vectorBytes, BigInt(entry.label), true);
  });
  return bytes;
}

function bytesOfVector(storage: Storage, dim: number): number {
  return storage === 'f32' ? dim * 4 : storage === 'f16' ? dim * 2 : dim + 4;
}

/** Undefined where a code is one that is never written. */
function readVector(view: DataView, at: number, storage: Storage, dim: number): Float32Array | undefined {
  const places = Array.from({ length: dim }, (_, i) => i);
  if (storage === 'f32') return Float32Array.from(places, (i) => view.getFloat32(at + 4 * i, true));
  if (storage === 'f16')
    return Float32Array.from(places, (i) => f16ToNumber(view.getUint16(at + 2 * i, true)));
  const scale = view.getFloat32(at, true);
  const codes = places.map((i) => view.getInt8(at + 4 + i));
  if (!(scale >= 0) || codes.includes(-128)) return undefined;
  return Float32Array.from(codes, (code) => Math.fround(scale * code));
}

function writeVector(view: DataView, at: number, storage: Storage, vector: Float32Array): void {
  if (storage === 'int8') {
    const { scale, codes } = int8Codes(vector);
    view.setFloat32(at, scale, true);
    codes.forEach((code, i) => {
      view.setInt8(at + 4 + i, code);
    });
    return;
  }
  vector.forEach((value, i) => {
    if (storage === 'f32') view.setFloat32(at + 4 * i, value, true);
    else view.setUint16(at + 2 * i, numberToF16(value), true);
  });
}

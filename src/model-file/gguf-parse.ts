// The header of a GGUF file from its bytes: metadata, and the name, type and place of every tensor.
// Knows the file format only: where bytes come from is the caller's, and what a model is good for.
import { PgenrmError } from '../errors.js';
import { checkByteTokens, checkGgufLimits, checkTokensUnique } from './gguf-limits.js';

/** A metadata value; arrays other than the vocabulary's are given by their length only. */
export type GgufValue =
  | string
  | number
  | bigint
  | boolean
  | readonly (string | number)[]
  | { length: number };

/** One tensor as the header states it. */
export interface GgufTensor {
  readonly name: string;
  /** Elements along each dimension, fastest first. */
  readonly shape: readonly number[];
  /** ggml type number. */
  readonly type: number;
  /** Bytes from the start of the file. */
  readonly offset: number;
  /** Bytes, or null where the type is not known here. */
  readonly bytes: number | null;
}

/** The header of one GGUF file. */
export interface GgufHeader {
  readonly version: number;
  readonly metadata: ReadonlyMap<string, GgufValue>;
  readonly tensors: readonly GgufTensor[];
  /** Bytes of the whole file as found on disk. */
  readonly fileBytes: number;
}

// Elements and bytes of one block by ggml type number.
const BLOCKS: Readonly<Record<number, readonly [elements: number, bytes: number]>> = {
  0: [1, 4],
  1: [1, 2],
  2: [32, 18],
  3: [32, 20],
  6: [32, 22],
  7: [32, 24],
  8: [32, 34],
  9: [32, 36],
  10: [256, 84],
  11: [256, 110],
  12: [256, 144],
  13: [256, 176],
  14: [256, 210],
  15: [256, 292],
  16: [256, 66],
  17: [256, 74],
  18: [256, 98],
  19: [256, 50],
  20: [32, 18],
  21: [256, 110],
  22: [256, 82],
  23: [256, 136],
  24: [1, 1],
  25: [1, 2],
  26: [1, 4],
  27: [1, 8],
  28: [1, 8],
  29: [256, 56],
  30: [1, 2],
  34: [256, 54],
  35: [256, 66],
  39: [32, 17],
  40: [64, 36],
  41: [128, 18],
  42: [64, 18],
};

const TOKENS = 'tokenizer.ggml.tokens';
const KEPT_ARRAYS = new Set([TOKENS, 'tokenizer.ggml.token_type']);
const FIRST_READ = 1 << 20;
const LARGEST_HEADER = 1 << 29;
const MOST_ENTRIES = 1 << 24;
const UTF8 = new TextDecoder('utf-8', { ignoreBOM: true });
// One character a byte.
const LATIN = new TextDecoder('windows-1252');

// Thrown while parsing a prefix of the file that ends within the header.
class NeedMore extends Error {}

class Cursor {
  private readonly view: DataView;
  position = 0;

  constructor(private readonly bytes: Uint8Array) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  private advance(count: number): number {
    const start = this.position;
    if (start + count > this.bytes.length) throw new NeedMore();
    this.position += count;
    return start;
  }

  skip(count: number): void {
    this.advance(count);
  }

  u32(): number {
    return this.view.getUint32(this.advance(4), true);
  }

  u64(): bigint {
    return this.view.getBigUint64(this.advance(8), true);
  }

  count(what: string, most: number): number {
    const value = this.u64();
    if (value > BigInt(most)) throw damaged(`${what} is ${value}, more than any model has`);
    return Number(value);
  }

  string(what: string): string {
    const length = this.count(`the length of ${what}`, LARGEST_HEADER);
    const start = this.advance(length);
    return UTF8.decode(this.bytes.subarray(start, start + length));
  }

  /** Bytes of the file from `start` to `end`, one character a byte. */
  raw(start: number, end: number): string {
    return LATIN.decode(this.bytes.subarray(start, end));
  }

  scalar(type: number, what: string): string | number | bigint | boolean {
    switch (type) {
      case 0:
        return this.view.getUint8(this.advance(1));
      case 1:
        return this.view.getInt8(this.advance(1));
      case 2:
        return this.view.getUint16(this.advance(2), true);
      case 3:
        return this.view.getInt16(this.advance(2), true);
      case 4:
        return this.u32();
      case 5:
        return this.view.getInt32(this.advance(4), true);
      case 6:
        return this.view.getFloat32(this.advance(4), true);
      case 7:
        return this.view.getUint8(this.advance(1)) !== 0;
      case 8:
        return this.string(what);
      case 10:
        return this.u64();
      case 11:
        return this.view.getBigInt64(this.advance(8), true);
      case 12:
        return this.view.getFloat64(this.advance(8), true);
      default:
        throw damaged(`${what} has value type ${type}, expected 0 to 12`);
    }
  }
}

const SCALAR_BYTES: Readonly<Record<number, number>> = {
  0: 1,
  1: 1,
  2: 2,
  3: 2,
  4: 4,
  5: 4,
  6: 4,
  7: 1,
  10: 8,
  11: 8,
  12: 8,
};

function damaged(found: string): PgenrmError {
  return new PgenrmError('MODEL_UNUSABLE', found);
}

function readArray(cursor: Cursor, key: string): GgufValue {
  const type = cursor.u32();
  const length = cursor.count(`the length of ${key}`, LARGEST_HEADER);
  if (KEPT_ARRAYS.has(key)) {
    const values: (string | number)[] = [];
    // Where each string begins, its length of 8 bytes included; and where the last one ends.
    const starts = [cursor.position];
    for (let index = 0; index < length; index++) {
      const value = cursor.scalar(type, key);
      values.push(typeof value === 'string' ? value : Number(value));
      starts.push(cursor.position);
    }
    if (key === TOKENS && type === 8) {
      checkTokensUnique(values as string[], (index) => cursor.raw(starts[index]! + 8, starts[index + 1]!));
    }
    return values;
  }
  const size = SCALAR_BYTES[type];
  if (size !== undefined) {
    cursor.skip(size * length);
  } else if (type === 8) {
    for (let index = 0; index < length; index++)
      cursor.skip(cursor.count(`a string of ${key}`, LARGEST_HEADER));
  } else if (type === 9) {
    for (let index = 0; index < length; index++) readArray(cursor, key);
  } else {
    throw damaged(`${key} has element type ${type}, expected 0 to 12`);
  }
  return { length };
}

function tensorBytes(type: number, shape: readonly number[]): number | null {
  const block = BLOCKS[type];
  if (block === undefined) return null;
  const elements = shape.reduce((product, count) => product * count, 1);
  return Math.ceil(elements / block[0]) * block[1];
}

function parse(bytes: Uint8Array, fileBytes: number): GgufHeader {
  const cursor = new Cursor(bytes);
  const magic = cursor.u32();
  if (magic !== 0x46554747) throw damaged(notGguf(bytes));
  const version = cursor.u32();
  if (version !== 2 && version !== 3) {
    const swapped = version !== 0 && (version & 0xffff) === 0;
    throw damaged(swapped ? 'it is a big-endian GGUF' : `its GGUF version is ${version}, expected 2 or 3`);
  }
  const tensorCount = cursor.count('the number of tensors', MOST_ENTRIES);
  const metadataCount = cursor.count('the number of metadata entries', MOST_ENTRIES);
  const metadata = new Map<string, GgufValue>();
  for (let index = 0; index < metadataCount; index++) {
    const key = cursor.string(`metadata key ${index + 1}`);
    const type = cursor.u32();
    metadata.set(key, type === 9 ? readArray(cursor, key) : cursor.scalar(type, key || 'a metadata entry'));
  }
  const listed: { name: string; shape: number[]; type: number; offset: number }[] = [];
  for (let index = 0; index < tensorCount; index++) {
    const name = cursor.string(`the name of tensor ${index + 1}`);
    const dimensions = cursor.u32();
    if (dimensions > 4) throw damaged(`tensor ${name} has ${dimensions} dimensions, expected at most 4`);
    const shape: number[] = [];
    for (let axis = 0; axis < dimensions; axis++) {
      shape.push(cursor.count(`dimension ${axis + 1} of tensor ${name}`, 2 ** 48));
    }
    const type = cursor.u32();
    listed.push({ name, shape, type, offset: cursor.count(`the offset of tensor ${name}`, 2 ** 52) });
  }
  const alignment = Number(metadata.get('general.alignment') ?? 32);
  if (!Number.isInteger(alignment) || alignment < 1) throw damaged(`its alignment is ${alignment}`);
  const dataStart = Math.ceil(cursor.position / alignment) * alignment;
  const tensors = listed.map(({ name, shape, type, offset }) => {
    return { name, shape, type, offset: dataStart + offset, bytes: tensorBytes(type, shape) };
  });
  return { version, metadata, tensors, fileBytes };
}

function notGguf(bytes: Uint8Array): string {
  const start = LATIN.decode(bytes.subarray(0, 64));
  if (start.startsWith('version https://git-lfs')) {
    return 'it is a Git LFS pointer, not the model itself; fetch the file with git lfs pull';
  }
  if (/^\s*<(?:!doctype|html)/i.test(start)) return 'it is a web page; the download went wrong';
  if (start.startsWith('PK')) return 'it is a zip archive such as a PyTorch checkpoint; convert it to GGUF';
  if (/^[\s\S]{8}\{"/.test(start)) return 'it looks like a safetensors file; convert it to GGUF';
  if (/^(?:lmgg|tjgg|fmgg|algg)/.test(start)) return 'it is in a format older than GGUF; convert it to GGUF';
  return `it does not begin with the letters GGUF but with ${JSON.stringify(start.slice(0, 4))}`;
}

/** The first `length` bytes of a file, fewer where it ends before. */
export type ReadStart = (length: number) => Promise<Uint8Array>;

/**
 * Reads a header and checks that every tensor lies within the file of `fileBytes` bytes; `name` is what errors call it.
 * Throws `MODEL_UNUSABLE` where it is no GGUF file, is damaged or cut short; the message names what was found.
 * Source: the GGUF specification, versions 2 and 3.
 */
export async function parseGgufHeader(
  name: string,
  fileBytes: number,
  readStart: ReadStart,
): Promise<GgufHeader> {
  for (let size = FIRST_READ; ; size *= 4) {
    const wanted = Math.min(size, fileBytes);
    const bytes = await readStart(wanted);
    try {
      const header = parse(bytes, fileBytes);
      checkExtent(header);
      checkGgufLimits(header.metadata);
      checkByteTokens(header.metadata);
      return header;
    } catch (error) {
      if (error instanceof NeedMore && wanted < fileBytes && size < LARGEST_HEADER) continue;
      throw unusable(name, fileBytes, error);
    }
  }
}

function checkExtent({ tensors, fileBytes }: GgufHeader): void {
  let end = 0;
  let last = '';
  for (const tensor of tensors) {
    const tensorEnd = tensor.offset + (tensor.bytes ?? 1);
    if (tensorEnd > end) [end, last] = [tensorEnd, tensor.name];
  }
  if (end > fileBytes) {
    throw damaged(`it is cut short: tensor ${last} ends at byte ${end}, the file at byte ${fileBytes}`);
  }
}

function unusable(name: string, bytes: number, error: unknown): unknown {
  if (error instanceof NeedMore) {
    const found = bytes < 24 ? `it has only ${bytes} bytes` : 'it ends within its own header';
    return new PgenrmError(
      'MODEL_UNUSABLE',
      `${name} is not a usable GGUF file: ${found}; download or copy it again.`,
    );
  }
  if (!(error instanceof PgenrmError)) return error;
  return new PgenrmError(
    error.code,
    `${name} is not a usable GGUF file: ${error.message}${error.message.includes(';') ? '' : '; download or copy it again'}.`,
  );
}

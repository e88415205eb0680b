// Writes GGUF files with made-up weights, tensor by tensor, so that memory stays bounded at any size.
// Knows the file format and how to fill a tensor; not which tensors a model needs.
import { createWriteStream } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { finished } from 'node:stream/promises';

/** A metadata value; `u32` is what llama.cpp wants for counts and ids. */
export type MetadataValue =
  | { readonly string: string }
  | { readonly u32: number }
  | { readonly i32: readonly number[] }
  | { readonly f32: number }
  | { readonly f32s: readonly number[] }
  | { readonly bool: boolean }
  | { readonly strings: readonly string[] };

/** Storage of a tensor's elements. */
export type TensorType = 'F32' | 'F16' | 'Q8_0';

/** One tensor: every element is `mean` plus a uniform draw of standard deviation `deviation`. */
export interface TensorSpec {
  readonly name: string;
  /** Elements along each dimension, fastest first. */
  readonly shape: readonly number[];
  readonly type: TensorType;
  readonly mean: number;
  readonly deviation: number;
}

const ALIGNMENT = 32;
const CHUNK_BLOCKS = 1 << 15;
const TYPES = { F32: [0, 1, 4], F16: [1, 1, 2], Q8_0: [8, 32, 34] } as const;

/** Elements of a shape. */
export function elementsOf(shape: readonly number[]): number {
  return shape.reduce((product, count) => product * count, 1);
}

function bytesOf({ shape, type }: TensorSpec): number {
  const [, elements, bytes] = TYPES[type];
  return (elementsOf(shape) / elements) * bytes;
}

class ByteList {
  private readonly parts: Buffer[] = [];
  length = 0;

  bytes(part: Buffer): this {
    this.parts.push(part);
    this.length += part.length;
    return this;
  }

  u32(value: number): this {
    const part = Buffer.alloc(4);
    part.writeUInt32LE(value);
    return this.bytes(part);
  }

  u64(value: number): this {
    const part = Buffer.alloc(8);
    part.writeBigUInt64LE(BigInt(value));
    return this.bytes(part);
  }

  string(text: string): this {
    const part = Buffer.from(text);
    return this.u64(part.length).bytes(part);
  }

  value(value: MetadataValue): this {
    if ('string' in value) return this.u32(8).string(value.string);
    if ('u32' in value) return this.u32(4).u32(value.u32);
    if ('bool' in value) return this.u32(7).bytes(Buffer.from([value.bool ? 1 : 0]));
    if ('f32' in value) {
      const part = Buffer.alloc(4);
      part.writeFloatLE(value.f32);
      return this.u32(6).bytes(part);
    }
    if ('strings' in value) {
      this.u32(9).u32(8).u64(value.strings.length);
      for (const text of value.strings) this.string(text);
      return this;
    }
    if ('f32s' in value) {
      const floats = Buffer.from(Float32Array.from(value.f32s).buffer);
      return this.u32(9).u32(6).u64(value.f32s.length).bytes(floats);
    }
    const part = Buffer.from(Int32Array.from(value.i32).buffer);
    return this.u32(9).u32(5).u64(value.i32.length).bytes(part);
  }

  join(): Buffer {
    return Buffer.concat(this.parts);
  }
}

/** Pads `bytes` with zeros to the format's alignment. */
function padding(bytes: number): Buffer {
  return Buffer.alloc((ALIGNMENT - (bytes % ALIGNMENT)) % ALIGNMENT);
}

/** The 16-bit float nearest to `value`, as its bits; halves below the smallest normal become 0. */
export function halfBits(value: number): number {
  const bits = new DataView(new ArrayBuffer(4));
  bits.setFloat32(0, value);
  const word = bits.getUint32(0);
  const sign = (word >>> 16) & 0x8000;
  const exponent = ((word >>> 23) & 0xff) - 112;
  if (exponent <= 0) return sign;
  if (exponent >= 31) return sign | 0x7c00;
  // A carry out of the mantissa rightly raises the exponent.
  return sign | ((exponent << 10) + (((word & 0x7fffff) + 0x1000) >>> 13));
}

// Marsaglia's xorshift: fast, and good enough for weights that mean nothing.
class Draws {
  #state: number;

  constructor(seed: number) {
    this.#state = seed ^ 0x9e3779b9 || 1;
  }

  /** Fills `words` with random 32-bit integers. */
  fill(words: Uint32Array): void {
    let x = this.#state;
    for (let index = 0; index < words.length; index++) {
      x ^= x << 13;
      x ^= x >>> 17;
      x ^= x << 5;
      words[index] = x;
    }
    this.#state = x;
  }
}

// The typed arrays below lie in memory as the format wants them on little-endian machines, which all are that
// llama.cpp's prebuilt libraries run on.
function* chunksOf(tensor: TensorSpec, draws: Draws): Generator<Buffer> {
  const { mean, deviation, type } = tensor;
  const perBlock = TYPES[type][1];
  // A uniform draw on [-w, w] has the standard deviation w / sqrt(3).
  const width = deviation * Math.sqrt(3);
  const halves = new Uint16Array(type === 'F16' ? 1 << 16 : 0);
  for (let index = 0; index < halves.length; index++) {
    halves[index] = halfBits(mean + width * ((index + 0.5) / (1 << 15) - 1));
  }
  const scale = halfBits(width / 127);
  const words = new Uint32Array(CHUNK_BLOCKS * (type === 'Q8_0' ? 8 : 1));
  for (let left = elementsOf(tensor.shape) / perBlock; left > 0; left -= CHUNK_BLOCKS) {
    const blocks = Math.min(left, CHUNK_BLOCKS);
    draws.fill(words);
    if (type === 'F32') {
      const floats = Float32Array.from(
        words.subarray(0, blocks),
        (word) => mean + width * (word / 2 ** 31 - 1),
      );
      yield Buffer.from(floats.buffer);
    } else if (type === 'F16') {
      const chunk = Uint16Array.from(words.subarray(0, blocks), (word) => halves[word >>> 16]!);
      yield Buffer.from(chunk.buffer);
    } else {
      // A block is its scale, a half, and 32 signed bytes: 17 halves in all.
      const chunk = new Uint16Array(blocks * 17);
      for (let block = 0, from = 0, to = 0; block < blocks; block++) {
        chunk[to++] = scale;
        for (let word = 0; word < 8; word++) {
          const bits = words[from++]!;
          chunk[to++] = bits;
          chunk[to++] = bits >>> 16;
        }
      }
      yield Buffer.from(chunk.buffer);
    }
  }
}

/** Writes a GGUF (version 3) file; the file appears under its name only when it is whole. */
export async function writeGguf(
  path: string,
  metadata: Readonly<Record<string, MetadataValue>>,
  tensors: readonly TensorSpec[],
  seed: number,
): Promise<{ bytes: number; parameters: number }> {
  const entries = Object.entries(metadata);
  const header = new ByteList().u32(0x46554747).u32(3).u64(tensors.length).u64(entries.length);
  for (const [key, value] of entries) header.string(key).value(value);
  let offset = 0;
  for (const tensor of tensors) {
    header.string(tensor.name).u32(tensor.shape.length);
    for (const count of tensor.shape) header.u64(count);
    header.u32(TYPES[tensor.type][0]).u64(offset);
    offset += bytesOf(tensor) + padding(bytesOf(tensor)).length;
  }
  await mkdir(dirname(path), { recursive: true });
  const draft = `${path}.${process.pid}.part`;
  const out = createWriteStream(draft);
  const done = finished(out);
  const write = async (part: Buffer): Promise<void> => {
    if (!out.write(part))
      await Promise.race([done, new Promise<void>((ready) => out.once('drain', () => ready()))]);
  };
  try {
    await write(header.join());
    await write(padding(header.length));
    const draws = new Draws(seed);
    for (const tensor of tensors) {
      for (const chunk of chunksOf(tensor, draws)) await write(chunk);
      await write(padding(bytesOf(tensor)));
    }
    out.end();
    await done;
    await rename(draft, path);
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
  const parameters = tensors.reduce((sum, { shape }) => sum + elementsOf(shape), 0);
  return { bytes: header.length + padding(header.length).length + offset, parameters };
}

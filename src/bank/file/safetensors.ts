// Reads and writes safetensors files: named arrays behind a JSON header.
// Knows the format and its checks; nothing of what the arrays mean.

import { type FileHandle, open } from 'node:fs/promises';
import { endianness } from 'node:os';
import { PgenrmError } from '../../errors.js';
import { outputFailed } from '../../output/output-error.js';
import { damaged, unreadable } from './damage.js';
import {
  type ArrayOf,
  DTYPES,
  type Dtype,
  elements,
  parseHeader,
  type TensorPlace,
} from './safetensors-header.js';

export type { ArrayOf, Dtype } from './safetensors-header.js';

/** A tensor to write, row-major; `chunks` gives its elements in order, so that not all need to be in memory. */
export interface TensorSource<D extends Dtype = Dtype> {
  readonly dtype: D;
  readonly shape: readonly number[];
  readonly chunks: Iterable<ArrayOf<D>>;
}

const HEADER_LIMIT = 100_000_000;
const PREFIX = 8;

/** A tensor of one array. */
export function tensorOf<D extends Dtype>(
  dtype: D,
  shape: readonly number[],
  data: ArrayOf<D>,
): TensorSource<D> {
  return { dtype, shape, chunks: [data] };
}

/**
 * Writes a safetensors file and flushes it to the disk; tensors stand in the order given.
 *
 * Errors: `OUTPUT_FAILED`; `INTERNAL` where chunks do not fill their shape. Source of the format: the safetensors
 * README (8 bytes of header length, JSON header, then the tensors without gaps, all little-endian).
 */
export async function writeSafetensors(
  path: string,
  tensors: Readonly<Record<string, TensorSource>>,
  metadata: Readonly<Record<string, string>> = {},
): Promise<void> {
  requireLittleEndian();
  const header: Record<string, unknown> =
    Object.keys(metadata).length === 0 ? {} : { __metadata__: metadata };
  let at = 0;
  for (const [name, { dtype, shape }] of Object.entries(tensors)) {
    const bytes = elements(shape) * DTYPES[dtype].BYTES_PER_ELEMENT;
    header[name] = { dtype, shape, data_offsets: [at, at + bytes] };
    at += bytes;
  }
  const json = Buffer.from(JSON.stringify(header), 'utf8');
  // Spaces at the end align the first tensor to 8 bytes.
  const padded = Buffer.alloc(Math.ceil(json.length / 8) * 8, ' ');
  json.copy(padded);
  const prefix = Buffer.alloc(PREFIX);
  prefix.writeBigUInt64LE(BigInt(padded.length));
  try {
    const file = await open(path, 'w');
    try {
      await file.writeFile(prefix);
      await file.writeFile(padded);
      for (const [name, { shape, chunks }] of Object.entries(tensors)) {
        let count = 0;
        for (const chunk of chunks) {
          await file.writeFile(new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength));
          count += chunk.length;
        }
        if (count !== elements(shape)) {
          throw new PgenrmError(
            'INTERNAL',
            `tensor ${name} has ${count} elements, expected ${elements(shape)}; please report it`,
          );
        }
      }
      await file.sync();
    } finally {
      await file.close();
    }
  } catch (error) {
    throw outputFailed(path, error);
  }
}

/**
 * An open safetensors file whose header was checked: types, shapes, and that the tensors fill the file without
 * gaps or overlaps. Reads whole tensors or runs of rows; every read is positioned, so calls may overlap.
 */
export class SafetensorsFile implements AsyncDisposable {
  readonly path: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly #handle: FileHandle;
  readonly #places: ReadonlyMap<string, TensorPlace>;

  private constructor(
    path: string,
    handle: FileHandle,
    places: ReadonlyMap<string, TensorPlace>,
    metadata: Readonly<Record<string, string>>,
  ) {
    this.path = path;
    this.#handle = handle;
    this.#places = places;
    this.metadata = metadata;
  }

  /** Opens and checks. Errors: `BANK_DAMAGED` for all that is not a whole safetensors file. */
  static async open(path: string): Promise<SafetensorsFile> {
    requireLittleEndian();
    let handle: FileHandle | undefined;
    try {
      handle = await open(path, 'r');
      const { size } = await handle.stat();
      const prefix = await readExactly(handle, path, 0, Math.min(PREFIX, size));
      if (size < PREFIX) throw damaged(path, `it has ${size} bytes, too few for a safetensors file`);
      const length = Number(prefix.readBigUInt64LE(0));
      if (length > HEADER_LIMIT || PREFIX + length > size) {
        throw damaged(path, `its header claims ${length} bytes in a file of ${size}`);
      }
      const header = (await readExactly(handle, path, PREFIX, length)).toString('utf8');
      const { places, metadata } = parseHeader(path, header, PREFIX + length, size);
      return new SafetensorsFile(path, handle, places, metadata);
    } catch (error) {
      await handle?.close();
      throw unreadable(path, error);
    }
  }

  /** Names of the tensors. */
  get names(): readonly string[] {
    return [...this.#places.keys()];
  }

  /** The shape of a tensor. Errors: `BANK_DAMAGED` where it is not there. */
  shape(name: string): readonly number[] {
    return this.#place(name).shape;
  }

  /** A whole tensor. Errors: `BANK_DAMAGED` where it is not there, is of another type or shape, or cannot be read. */
  async read<D extends Dtype>(name: string, dtype: D, shape?: readonly number[]): Promise<ArrayOf<D>> {
    const place = this.#place(name, dtype);
    if (shape !== undefined && JSON.stringify(shape) !== JSON.stringify(place.shape)) {
      throw damaged(
        this.path,
        `tensor ${name} has the shape [${place.shape.join(', ')}], expected [${shape.join(', ')}]`,
      );
    }
    return this.#elements(place, dtype, 0, elements(place.shape));
  }

  /** Rows `from` up to `to` (exclusive) of a matrix, row after row. Errors: `BANK_DAMAGED`, `INVALID_OPTION`. */
  async rows<D extends Dtype>(name: string, dtype: D, from: number, to: number): Promise<ArrayOf<D>> {
    const place = this.#place(name, dtype);
    const [rows = 0, columns = 1] = place.shape;
    if (!(from >= 0 && to >= from && to <= rows)) {
      throw new PgenrmError('INVALID_OPTION', `rows must lie in 0 to ${rows}; got ${from} to ${to}`);
    }
    return this.#elements(place, dtype, from * columns, (to - from) * columns);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#handle.close();
  }

  #place(name: string, dtype?: Dtype): TensorPlace {
    const place = this.#places.get(name);
    if (place === undefined) throw damaged(this.path, `the tensor ${name} is missing`);
    if (dtype !== undefined && place.dtype !== dtype) {
      throw damaged(this.path, `tensor ${name} is of type ${place.dtype}, expected ${dtype}`);
    }
    return place;
  }

  async #elements<D extends Dtype>(
    place: TensorPlace,
    dtype: D,
    first: number,
    count: number,
  ): Promise<ArrayOf<D>> {
    const size = DTYPES[dtype].BYTES_PER_ELEMENT;
    const array = new DTYPES[dtype](count) as ArrayOf<D>;
    const bytes = new Uint8Array(array.buffer, 0, array.byteLength);
    try {
      await fill(this.#handle, this.path, bytes, place.begin + first * size);
    } catch (error) {
      throw unreadable(this.path, error);
    }
    return array;
  }
}

function requireLittleEndian(): void {
  if (endianness() === 'LE') return;
  throw new PgenrmError('KERNELS_UNAVAILABLE', 'prototype banks need a little-endian machine');
}

async function readExactly(
  handle: FileHandle,
  path: string,
  position: number,
  length: number,
): Promise<Buffer> {
  const buffer = Buffer.alloc(length);
  await fill(handle, path, buffer, position);
  return buffer;
}

// Reads are cut into pieces: one read call takes no more than 2 GiB.
const PIECE = 1 << 28;

async function fill(handle: FileHandle, path: string, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const length = Math.min(PIECE, bytes.length - done);
    const { bytesRead } = await handle.read(bytes, done, length, position + done);
    if (bytesRead === 0) throw damaged(path, `it ends at byte ${position + done}, within a tensor`);
    done += bytesRead;
  }
}

// The second stage of a build: every text that is needed embedded once, in a file that a later session goes on from.
// Knows texts by their hashes and the embedder; not what the vectors are for.

import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import { unitVector } from '../bank/file/damage.js';
import { PgenrmError } from '../errors.js';
import type { Embedder } from '../generator/embedder.js';
import { outputFailed } from '../output/output-error.js';

/** Texts embedded in one call; a session goes on at a multiple of it, so that batches do not depend on stops. */
const BATCH = 32;
const MAGIC = 0x50474556;
const HEADER_BYTES = 8;
const HASH_BYTES = 32;
const FLAG_BYTES = 4;
const CHECK_BYTES = 4;

/** Numbers texts in the order of their first appearance; equal texts have one number. */
export class TextNumbers {
  readonly hashes: Buffer[] = [];
  readonly #numbers = new Map<string, number>();

  /** The number of a text, or null where it is blank and cannot be embedded. */
  of(text: string): number | null {
    if (text.trim() === '') return null;
    const hash = createHash('sha256').update(text, 'utf8').digest();
    const key = hash.toString('latin1');
    let number = this.#numbers.get(key);
    if (number === undefined) {
      number = this.hashes.length;
      this.#numbers.set(key, number);
      this.hashes.push(hash);
    }
    return number;
  }
}

/** How texts are embedded. */
export interface EmbedTexts {
  readonly path: string;
  /** Every text that is needed, by its number. */
  readonly numbers: TextNumbers;
  /** All texts again, in the order in which they were numbered; repeats are passed over. */
  readonly texts: () => AsyncIterable<string>;
  readonly load: () => Promise<Embedder>;
  readonly signal: AbortSignal | undefined;
  readonly onProgress: (done: number, total: number) => void;
}

/** Unit vectors of texts by number. */
export interface TextVectors {
  readonly dimension: number;
  /** Texts that were cut to what the embedder takes. */
  readonly shortened: number;
  /** Rows of the texts with these numbers. Shape [numbers, dimension]. */
  rows(numbers: Iterable<number>): Promise<Float32Array>;
  close(): Promise<void>;
}

/**
 * Embeds the texts that the file does not hold yet. A text over the embedder's limit is cut at its end until it fits.
 *
 * Errors: those of the embedder; `INVALID_VECTOR` where it gives NaN, zero or another dimension; `OUTPUT_FAILED`.
 */
export async function embedTexts(task: EmbedTexts): Promise<TextVectors> {
  const { path, numbers, signal, onProgress } = task;
  const total = numbers.hashes.length;
  let handle: FileHandle | undefined;
  try {
    handle = await open(path, 'r+').catch(() => open(path, 'w+'));
    const file = await VectorFile.survey(path, handle, numbers.hashes);
    if (file.count < total) {
      await file.cut(file.count - (file.count % BATCH));
      onProgress(file.count, total);
      await using embedder = await task.load();
      signal?.throwIfAborted();
      const seen = new TextNumbers();
      let batch: string[] = [];
      const flush = async (): Promise<void> => {
        await file.append(await embedBatch(embedder, batch, signal), numbers.hashes);
        batch = [];
        onProgress(file.count, total);
      };
      for await (const text of task.texts()) {
        const number = seen.of(text);
        if (number !== file.count + batch.length) continue;
        batch.push(text);
        if (batch.length === BATCH) await flush();
      }
      if (batch.length > 0) await flush();
      await handle.sync();
    } else {
      onProgress(total, total);
    }
    return {
      dimension: file.dimension,
      shortened: file.shortened,
      rows: (wanted) => file.rows(wanted),
      close: () => handle!.close(),
    };
  } catch (error) {
    await handle?.close();
    if (signal?.aborted && error === signal.reason) throw error;
    throw outputFailed(path, error);
  }
}

/** A text's unit vector. */
export interface EmbeddedText {
  readonly vector: Float32Array;
  readonly shortened: boolean;
}

/** Unit vectors of a few texts; one over the embedder's limit is cut. Errors: those of {@link embedTexts}. */
export async function embedBatch(
  embedder: Embedder,
  texts: readonly string[],
  signal: AbortSignal | undefined,
): Promise<EmbeddedText[]> {
  const options = signal === undefined ? {} : { signal };
  const asRows = ({ vectors, dimension }: { vectors: Float32Array; dimension: number }): Float32Array[] =>
    texts.map((text, row) => {
      const vector = vectors.subarray(row * dimension, (row + 1) * dimension);
      return unitVector(`the embedding of the text '${text.slice(0, 60)}'`, vector, dimension);
    });
  try {
    return asRows(await embedder.embed(texts, options)).map((vector) => ({ vector, shortened: false }));
  } catch (error) {
    if (!(error instanceof PgenrmError) || error.code !== 'CONTEXT_OVERFLOW') throw error;
    if (texts.length > 1) {
      const found: EmbeddedText[] = [];
      for (const text of texts) found.push(...(await embedBatch(embedder, [text], signal)));
      return found;
    }
    const shorter = cutEnd(texts[0]!);
    if (shorter.trim() === '') throw error;
    const [first] = await embedBatch(embedder, [shorter], signal);
    return [{ ...first!, shortened: true }];
  }
}

/** The first nine tenths of a text, no character cut in two. */
function cutEnd(text: string): string {
  return text.slice(0, Math.floor(text.length * 0.9)).replace(/[\ud800-\udbff]$/, '');
}

/** A file of records: hash of the text, flags (1: shortened), vector, CRC-32 of all that. Little-endian. */
class VectorFile {
  dimension: number;
  count: number;
  shortened: number;
  readonly #path: string;
  readonly #handle: FileHandle;

  private constructor(path: string, handle: FileHandle, dimension: number) {
    this.#path = path;
    this.#handle = handle;
    this.dimension = dimension;
    this.count = 0;
    this.shortened = 0;
  }

  /** Takes the records that are whole and of the texts wanted, from the start. */
  static async survey(path: string, handle: FileHandle, hashes: readonly Buffer[]): Promise<VectorFile> {
    const header = Buffer.alloc(HEADER_BYTES);
    const { bytesRead } = await handle.read(header, 0, HEADER_BYTES, 0);
    const known = bytesRead === HEADER_BYTES && header.readUInt32LE(0) === MAGIC;
    const file = new VectorFile(path, handle, known ? header.readUInt32LE(4) : 0);
    while (file.dimension > 0 && file.count < hashes.length) {
      const record = await file.#record(file.count);
      if (record === null || !record.subarray(0, HASH_BYTES).equals(hashes[file.count]!)) break;
      file.shortened += record.readUInt32LE(HASH_BYTES) & 1;
      file.count += 1;
    }
    return file;
  }

  /** Forgets the records from `count` on. */
  async cut(count: number): Promise<void> {
    for (let number = count; number < this.count; number += 1) {
      this.shortened -= (await this.#record(number))!.readUInt32LE(HASH_BYTES) & 1;
    }
    this.count = count;
    if (count === 0) this.dimension = 0;
    await this.#handle.truncate(count === 0 ? 0 : HEADER_BYTES + count * this.#recordBytes);
  }

  async append(texts: readonly EmbeddedText[], hashes: readonly Buffer[]): Promise<void> {
    const parts: Buffer[] = [];
    if (this.dimension === 0) {
      this.dimension = texts[0]!.vector.length;
      const header = Buffer.alloc(HEADER_BYTES);
      header.writeUInt32LE(MAGIC, 0);
      header.writeUInt32LE(this.dimension, 4);
      parts.push(header);
    }
    const at = this.count === 0 ? 0 : HEADER_BYTES + this.count * this.#recordBytes;
    for (const [index, { vector, shortened }] of texts.entries()) {
      if (vector.length !== this.dimension) {
        throw new PgenrmError(
          'INVALID_VECTOR',
          `the embedder gave ${vector.length} numbers after ${this.dimension}; use one embedder`,
        );
      }
      const flags = Buffer.alloc(FLAG_BYTES);
      flags.writeUInt32LE(shortened ? 1 : 0);
      const body = Buffer.concat([
        hashes[this.count + index]!,
        flags,
        Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength),
      ]);
      const check = Buffer.alloc(CHECK_BYTES);
      check.writeUInt32LE(crc32(body));
      parts.push(body, check);
    }
    const bytes = Buffer.concat(parts);
    for (let done = 0; done < bytes.length; ) {
      const { bytesWritten } = await this.#handle.write(bytes, done, bytes.length - done, at + done);
      done += bytesWritten;
    }
    this.count += texts.length;
    this.shortened += texts.filter(({ shortened }) => shortened).length;
  }

  async rows(numbers: Iterable<number>): Promise<Float32Array> {
    const wanted = Uint32Array.from(numbers);
    const rows = new Float32Array(wanted.length * this.dimension);
    const bytes = new Uint8Array(rows.buffer);
    for (const [row, number] of wanted.entries()) {
      const record = await this.#record(number);
      if (record === null) {
        throw new PgenrmError(
          'RUN_MISMATCH',
          `${this.#path}: the vector of text ${number} is damaged; start anew with --force`,
        );
      }
      const start = HASH_BYTES + FLAG_BYTES;
      bytes.set(record.subarray(start, start + this.dimension * 4), row * this.dimension * 4);
    }
    return rows;
  }

  get #recordBytes(): number {
    return HASH_BYTES + FLAG_BYTES + this.dimension * 4 + CHECK_BYTES;
  }

  /** A record, or null where it is not whole. */
  async #record(number: number): Promise<Buffer | null> {
    const bytes = Buffer.alloc(this.#recordBytes);
    const { bytesRead } = await this.#handle.read(
      bytes,
      0,
      bytes.length,
      HEADER_BYTES + number * bytes.length,
    );
    const body = bytes.subarray(0, -CHECK_BYTES);
    if (bytesRead < bytes.length || crc32(body) !== bytes.readUInt32LE(body.length)) return null;
    return bytes;
  }
}

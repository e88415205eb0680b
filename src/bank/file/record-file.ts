// Many JSON records in one file with random access: one line each, offsets and checksums kept by the owner.
// Knows lines and checksums; nothing of what the records say.

import { read as readBytes } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import { outputFailed } from '../../output/output-error.js';
import { damaged, unreadable } from './damage.js';

/** Where the records of a file lie, and their checksums. */
export interface RecordTable {
  /** Byte where each record begins, and last the length of the file. Shape [records + 1]. */
  readonly offsets: BigUint64Array;
  /** CRC-32 of each line, newline included. Shape [records]. */
  readonly checksums: Uint32Array;
}

const FLUSH_BYTES = 1 << 20;

/** Writes records as lines, flushes to the disk, and gives their table. Errors: `OUTPUT_FAILED`. */
export async function writeRecords(path: string, records: Iterable<object>): Promise<RecordTable> {
  const offsets: bigint[] = [0n];
  const checksums: number[] = [];
  let at = 0;
  let pending: Buffer[] = [];
  let pendingBytes = 0;
  try {
    const file = await open(path, 'w');
    try {
      for (const record of records) {
        const line = Buffer.from(`${JSON.stringify(record)}\n`, 'utf8');
        at += line.length;
        offsets.push(BigInt(at));
        checksums.push(crc32(line));
        pending.push(line);
        pendingBytes += line.length;
        if (pendingBytes >= FLUSH_BYTES) {
          await file.writeFile(Buffer.concat(pending));
          pending = [];
          pendingBytes = 0;
        }
      }
      await file.writeFile(Buffer.concat(pending));
      await file.sync();
    } finally {
      await file.close();
    }
  } catch (error) {
    throw outputFailed(path, error);
  }
  return { offsets: BigUint64Array.from(offsets), checksums: Uint32Array.from(checksums) };
}

/** A file of records, open for reading. Nothing of it is kept in memory but its table. */
export class RecordFile implements AsyncDisposable {
  readonly path: string;
  readonly #handle: FileHandle;
  readonly #table: RecordTable;
  /** Reads under way. */
  readonly #reads = new Set<Promise<void>>();

  private constructor(path: string, handle: FileHandle, table: RecordTable) {
    this.path = path;
    this.#handle = handle;
    this.#table = table;
  }

  /** Opens; checks the table against the length of the file. Errors: `BANK_DAMAGED`. */
  static async open(path: string, table: RecordTable): Promise<RecordFile> {
    const { offsets, checksums } = table;
    let handle: FileHandle | undefined;
    try {
      handle = await open(path, 'r');
      const { size } = await handle.stat();
      let last = -1n;
      for (const offset of offsets) {
        if (offset <= last) throw damaged(path, 'the offsets of its records do not rise');
        last = offset;
      }
      if (offsets.length !== checksums.length + 1 || offsets[0] !== 0n || last !== BigInt(size)) {
        throw damaged(path, `it has ${size} bytes, and its table of records says ${last}`);
      }
      return new RecordFile(path, handle, table);
    } catch (error) {
      await handle?.close();
      throw unreadable(path, error);
    }
  }

  get count(): number {
    return this.#table.checksums.length;
  }

  /** One record, parsed. Errors: `BANK_DAMAGED` where its bytes fail their checksum. */
  async read(index: number): Promise<unknown> {
    return (await this.readMany([index]))[0];
  }

  /** Records in the order asked for, read side by side. Errors: as {@link read}. */
  async readMany(indices: readonly number[]): Promise<unknown[]> {
    const { offsets, checksums } = this.#table;
    const begins = indices.map((index) => Number(offsets[index]!));
    const lengths = indices.map((index, place) => Number(offsets[index + 1]!) - begins[place]!);
    const bytes = Buffer.allocUnsafe(lengths.reduce((sum, length) => sum + length, 0));
    let end = 0;
    const lines = lengths.map((length) => {
      end += length;
      return bytes.subarray(end - length, end);
    });
    await this.#fill(lines, begins);
    return lines.map((line, place) => {
      const record = indices[place]! + 1;
      if (crc32(line) !== checksums[record - 1]) {
        throw damaged(this.path, `record ${record} fails its checksum`);
      }
      try {
        return JSON.parse(line.toString('utf8'));
      } catch (error) {
        throw damaged(this.path, `record ${record} is not JSON`, error);
      }
    });
  }

  /** Closes the file after the reads under way. */
  async [Symbol.asyncDispose](): Promise<void> {
    while (this.#reads.size > 0) await Promise.allSettled(this.#reads);
    await this.#handle.close();
  }

  /**
   * Fills each buffer from its place in the file. By descriptor and with callbacks, for a query reads many small
   * records and a promise for each costs more than its reading; so the handle must be kept open meanwhile.
   */
  async #fill(buffers: readonly Buffer[], places: readonly number[]): Promise<void> {
    const { fd } = this.#handle;
    const reading = new Promise<void>((done, fail) => {
      let left = buffers.length;
      let failure: unknown;
      const end = (error?: unknown): void => {
        failure ??= error;
        left -= 1;
        if (left > 0) return;
        if (failure === undefined) done();
        else fail(failure);
      };
      const fill = (buffer: Buffer, place: number, filled: number): void => {
        readBytes(fd, buffer, filled, buffer.length - filled, place + filled, (error, bytesRead) => {
          if (error !== null) end(error);
          else if (filled + bytesRead === buffer.length) end();
          else if (bytesRead === 0) end(damaged(this.path, `it ends within the record at byte ${place}`));
          else fill(buffer, place, filled + bytesRead);
        });
      };
      if (left === 0) done();
      buffers.forEach((buffer, index) => {
        fill(buffer, places[index]!, 0);
      });
    });
    this.#reads.add(reading);
    try {
      await reading;
    } catch (error) {
      throw unreadable(this.path, error);
    } finally {
      this.#reads.delete(reading);
    }
  }
}

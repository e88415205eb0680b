// Many JSON records in one file with random access: one line each, offsets and checksums kept by the owner.
// Knows lines and checksums; nothing of what the records say.

import { type FileHandle, open } from 'node:fs/promises';
import { outputFailed } from '../output/output-error.js';
import { crc32 } from './crc32.js';
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
    const begin = Number(this.#table.offsets[index]!);
    const line = Buffer.alloc(Number(this.#table.offsets[index + 1]!) - begin);
    let done = 0;
    try {
      while (done < line.length) {
        const { bytesRead } = await this.#handle.read(line, done, line.length - done, begin + done);
        if (bytesRead === 0) break;
        done += bytesRead;
      }
    } catch (error) {
      throw unreadable(this.path, error);
    }
    if (done < line.length || crc32(line) !== this.#table.checksums[index]) {
      throw damaged(this.path, `record ${index + 1} fails its checksum`);
    }
    try {
      return JSON.parse(line.toString('utf8'));
    } catch (error) {
      throw damaged(this.path, `record ${index + 1} is not JSON`, error);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#handle.close();
  }
}

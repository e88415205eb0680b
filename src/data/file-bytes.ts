// The bytes of an input file: its checks, its fingerprint, its content unpacked and cut into lines.
// Knows gzip and line ends; not what a line holds.

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createGunzip } from 'node:zlib';
import { messageOf, PgenrmError } from '../errors.js';

/** What must stay the same between two passes over a file. */
export interface FileState {
  readonly size: number;
  readonly modifiedMs: number;
}

/** The files that are read, in words for a message. */
export const FILES_READ = 'parquet, .jsonl, .jsonl.gz, .json and .json.gz';

const LINE_FEED = 0x0a;
const BLOCK_BYTES = 1 << 18;
const HEAD_BYTES = 4096;

function unreadable(path: string, error: unknown): PgenrmError {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'ENOENT' || code === 'ENOTDIR') {
    return new PgenrmError('INPUT_NOT_FOUND', `${path}: no such file; check the path`, { cause: error });
  }
  return new PgenrmError('INPUT_NOT_FOUND', `${path} cannot be read: ${messageOf(error)}`, { cause: error });
}

/**
 * Checks that a path is a file that is there and not empty.
 * @throws PgenrmError INPUT_NOT_FOUND, INPUT_MALFORMED (empty)
 */
export async function fileState(path: string): Promise<FileState> {
  const found = await stat(path).catch((error: unknown) => {
    throw unreadable(path, error);
  });
  if (found.isDirectory()) {
    throw new PgenrmError('INPUT_NOT_FOUND', `${path} is a directory: expected a file (${FILES_READ})`);
  }
  if (!found.isFile()) {
    throw new PgenrmError(
      'INPUT_NOT_FOUND',
      `${path} is not a regular file, and the data is read twice: save it to a file first (${FILES_READ})`,
    );
  }
  if (found.size === 0) {
    throw new PgenrmError('INPUT_MALFORMED', `${path} is empty (0 bytes): expected rows of preference data`);
  }
  return { size: found.size, modifiedMs: found.mtimeMs };
}

/** Bytes of a file as they stand on disk. */
async function* storedBytes(path: string, end?: number): AsyncGenerator<Buffer> {
  try {
    const options = { highWaterMark: BLOCK_BYTES, ...(end === undefined ? {} : { end }) };
    for await (const block of createReadStream(path, options)) yield block as Buffer;
  } catch (error) {
    throw unreadable(path, error);
  }
}

/** SHA-256 of a file's bytes in hexadecimal; the file is streamed. */
export async function fingerprintOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const block of storedBytes(path)) hash.update(block);
  return hash.digest('hex');
}

/** The first bytes of a file as they stand on disk, at most {@link HEAD_BYTES}. */
export async function headOf(path: string): Promise<Buffer> {
  const blocks: Buffer[] = [];
  for await (const block of storedBytes(path, HEAD_BYTES - 1)) blocks.push(block);
  return Buffer.concat(blocks);
}

/** Whether bytes begin as gzip does. */
export function isGzip(head: Buffer): boolean {
  return head[0] === 0x1f && head[1] === 0x8b;
}

/**
 * Unpacks a gzip file, one stored block at a time.
 * Where the file is cut short or damaged, all that could be unpacked comes before the error.
 */
async function* gunzippedBytes(path: string): AsyncGenerator<Buffer> {
  const gunzip = createGunzip();
  const ready: Buffer[] = [];
  let failure: Error | undefined;
  gunzip.on('data', (block: Buffer) => ready.push(block));
  gunzip.on('error', (error) => {
    failure ??= error;
  });
  const settled = (start: (done: () => void) => void): Promise<void> =>
    new Promise((resolve) => {
      const done = (): void => {
        gunzip.off('close', done);
        resolve();
      };
      gunzip.once('close', done);
      start(done);
    });
  try {
    for await (const block of storedBytes(path)) {
      await settled((done) => gunzip.write(block, done));
      yield* ready.splice(0);
      if (failure !== undefined) break;
    }
    if (failure === undefined) await settled(() => gunzip.end());
    yield* ready.splice(0);
  } finally {
    gunzip.destroy();
  }
  if (failure !== undefined) {
    const reason = messageOf(failure);
    const what = reason.includes('unexpected end')
      ? 'the gzip file is cut short'
      : `the gzip file is damaged (${reason})`;
    throw new PgenrmError('INPUT_MALFORMED', what, { cause: failure });
  }
}

/** The content of a file, unpacked where it is gzip. */
export function contentBytes(path: string, gzip: boolean): AsyncGenerator<Buffer> {
  return gzip ? gunzippedBytes(path) : storedBytes(path);
}

/** The first bytes of the content, at most {@link HEAD_BYTES}. */
export async function contentHeadOf(path: string, gzip: boolean): Promise<Buffer> {
  for await (const block of contentBytes(path, gzip)) return block.subarray(0, HEAD_BYTES);
  return Buffer.alloc(0);
}

/** Cuts content into lines without their ends; a last line needs no end. Lines may be of any length. */
export async function* linesOf(content: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let pending: Buffer[] = [];
  for await (const block of content) {
    let start = 0;
    for (let end = block.indexOf(LINE_FEED); end >= 0; end = block.indexOf(LINE_FEED, start)) {
      const piece = block.subarray(start, end);
      yield pending.length === 0 ? piece : Buffer.concat([...pending, piece]);
      pending = [];
      start = end + 1;
    }
    if (start < block.length) pending.push(block.subarray(start));
  }
  if (pending.length > 0) yield Buffer.concat(pending);
}

// The bytes of an input file: its checks, its first bytes, its content unpacked, its fingerprint.
// Knows gzip; not lines, nor what the content means.

import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createGunzip } from 'node:zlib';
import { messageOf, PgenrmError } from '../../errors.js';

/** What must stay the same between two passes over a file. */
export interface FileState {
  readonly size: number;
  readonly modifiedMs: number;
}

/** How a file's content is read. */
export interface ContentOptions {
  /** Gets every stored byte that is read, packed as it stands on disk. */
  readonly hash?: Hash | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A file that was found and looked into. */
export interface InputFile {
  readonly path: string;
  readonly state: FileState;
  /** The first bytes of the content, unpacked, at most {@link HEAD_BYTES}. */
  readonly head: Buffer;
  readonly gzip: boolean;
}

/** The files that are read, in words for a message. */
export const FILES_READ = 'parquet, .jsonl, .jsonl.gz, .json and .json.gz';

const BLOCK_BYTES = 1 << 18;
/** A stored block of gzip can unpack to a thousand times its size, which is held at once. */
const PACKED_BLOCK_BYTES = 1 << 14;
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
async function* storedBytes(
  path: string,
  blockBytes: number,
  { hash, signal }: ContentOptions,
): AsyncGenerator<Buffer> {
  const stream = createReadStream(path, { highWaterMark: blockBytes });
  try {
    for await (const block of stream as AsyncIterable<Buffer>) {
      signal?.throwIfAborted();
      hash?.update(block);
      yield block;
    }
  } catch (error) {
    if (signal?.aborted === true) throw error;
    throw unreadable(path, error);
  }
}

/** SHA-256 of a file's bytes in hexadecimal; the file is streamed. */
export async function fingerprintOf(path: string, signal?: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  for await (const _ of storedBytes(path, BLOCK_BYTES, { hash, signal }));
  return hash.digest('hex');
}

/**
 * Unpacks a gzip file, one stored block at a time.
 * Where the file is cut short or damaged, all that could be unpacked comes before the error.
 */
async function* gunzippedBytes(path: string, options: ContentOptions): AsyncGenerator<Buffer> {
  const gunzip = createGunzip({ chunkSize: BLOCK_BYTES });
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
    for await (const block of storedBytes(path, PACKED_BLOCK_BYTES, options)) {
      if (failure !== undefined) continue; // the rest is read for its hash alone
      await settled((done) => gunzip.write(block, done));
      yield* ready.splice(0);
      if (failure !== undefined && options.hash === undefined) break;
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
export function contentBytes(
  { path, gzip }: Pick<InputFile, 'path' | 'gzip'>,
  options: ContentOptions = {},
): AsyncGenerator<Buffer> {
  return gzip ? gunzippedBytes(path, options) : storedBytes(path, BLOCK_BYTES, options);
}

/** Looks into a file: what is there, whether it is packed, and its first bytes. Errors: as `fileState`; damage to gzip. */
export async function openInput(path: string): Promise<InputFile> {
  const state = await fileState(path);
  const stored = await firstBytes({ path, gzip: false });
  const gzip = stored[0] === 0x1f && stored[1] === 0x8b;
  return { path, state, gzip, head: gzip ? await firstBytes({ path, gzip }) : stored };
}

async function firstBytes(file: Pick<InputFile, 'path' | 'gzip'>): Promise<Buffer> {
  const blocks: Buffer[] = [];
  let length = 0;
  try {
    for await (const block of contentBytes(file)) {
      blocks.push(block);
      length += block.length;
      if (length >= HEAD_BYTES) break;
    }
  } catch (error) {
    // What could be unpacked tells the kind of the file; its damage is met again where rows are read.
    if (length === 0) throw error;
  }
  return Buffer.concat(blocks).subarray(0, HEAD_BYTES);
}

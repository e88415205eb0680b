// SHA-256 of large files, remembered so that a model is not read whole at every start.
// Knows files, not what is in them.
import { createHash, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { messageOf, PgenrmError } from '../errors.js';

/** How to hash. */
export interface HashOptions {
  /** Folder that remembers hashes; null remembers none. */
  readonly cacheFolder: string | null;
  readonly signal?: AbortSignal;
}

interface Remembered {
  readonly files: readonly { readonly path: string; readonly bytes: number; readonly mtimeMs: number }[];
  readonly sha256: string;
}

/**
 * The SHA-256 (lower-case hexadecimal) of the files' bytes, one after another. A remembered hash is used
 * where path, size and time of change of every file are as they were. Throws `MODEL_NOT_FOUND` where a file
 * cannot be read; rejects with the signal's reason when aborted.
 */
export async function hashFiles(paths: readonly string[], options: HashOptions): Promise<string> {
  const { cacheFolder, signal } = options;
  signal?.throwIfAborted();
  const files = await Promise.all(
    paths.map(async (path) => {
      const found = await stat(path).catch((error: unknown) => {
        throw unreadable(path, error);
      });
      return { path: resolve(path), bytes: found.size, mtimeMs: found.mtimeMs };
    }),
  );
  const memory = cacheFolder === null ? null : memoryPath(cacheFolder, files[0]?.path ?? '');
  const remembered = memory === null ? null : await recall(memory);
  if (remembered !== null && JSON.stringify(remembered.files) === JSON.stringify(files))
    return remembered.sha256;
  const hash = createHash('sha256');
  for (const path of paths) await feed(hash, path, signal);
  const sha256 = hash.digest('hex');
  if (memory !== null) await remember(memory, { files, sha256 });
  return sha256;
}

async function feed(hash: ReturnType<typeof createHash>, path: string, signal?: AbortSignal): Promise<void> {
  const stream = createReadStream(path, { highWaterMark: 1 << 20 });
  try {
    for await (const chunk of stream) {
      signal?.throwIfAborted();
      hash.update(chunk as Buffer);
    }
  } catch (error) {
    if (signal?.aborted === true) throw signal.reason;
    throw unreadable(path, error);
  } finally {
    stream.destroy();
  }
}

function unreadable(path: string, error: unknown): PgenrmError {
  return new PgenrmError('MODEL_NOT_FOUND', `Cannot read the model file ${path}: ${messageOf(error)}.`, {
    cause: error,
  });
}

function memoryPath(cacheFolder: string, path: string): string {
  return join(cacheFolder, 'hashes', `${createHash('sha256').update(path).digest('hex').slice(0, 32)}.json`);
}

// A memory that is missing or broken is the same as none: the file is then hashed again.
async function recall(memory: string): Promise<Remembered | null> {
  try {
    const value = JSON.parse(await readFile(memory, 'utf8')) as Partial<Remembered>;
    const whole = Array.isArray(value.files) && /^[0-9a-f]{64}$/.test(String(value.sha256));
    return whole ? (value as Remembered) : null;
  } catch {
    return null;
  }
}

// The memory only saves time, so that a folder which cannot be written is no failure.
async function remember(memory: string, value: Remembered): Promise<void> {
  const draft = `${memory}.${randomUUID()}.part`;
  try {
    await mkdir(join(memory, '..'), { recursive: true });
    await writeFile(draft, JSON.stringify(value));
    await rename(draft, memory);
  } catch {
    await rm(draft, { force: true }).catch(() => undefined);
  }
}

// Appends whole lines to a file: a line is there in full or not at all.
// Knows nothing of what the lines say.

import { type FileHandle, open } from 'node:fs/promises';
import { outputFailed } from './output-error.js';

/** Data is flushed to the disk at most this often, in milliseconds, and when the file is closed. */
export const SYNC_INTERVAL_MS = 1000;

/**
 * A file that grows by whole lines.
 *
 * Each line goes to the system with its newline before `append` resolves, so killing the process loses no line;
 * a power cut may lose those of the last {@link SYNC_INTERVAL_MS}. Where the system takes only a part of a line
 * (disk full), that part is cut off again and `append` rejects with `OUTPUT_FAILED`.
 */
export class LineFile implements AsyncDisposable {
  readonly path: string;
  readonly #handle: FileHandle;
  #end: number;
  #syncedAt = performance.now();
  #closed = false;

  private constructor(path: string, handle: FileHandle, end: number) {
    this.path = path;
    this.#handle = handle;
    this.#end = end;
  }

  /** Opens for appending; what stands past `end` bytes is cut off. Without `end` the file must not exist yet. */
  static async open(path: string, end?: number): Promise<LineFile> {
    let handle: FileHandle | undefined;
    try {
      handle = await open(path, end === undefined ? 'wx' : 'r+');
      if (end !== undefined) await handle.truncate(end);
      return new LineFile(path, handle, end ?? 0);
    } catch (error) {
      await handle?.close();
      throw outputFailed(path, error);
    }
  }

  /** Writes one line; calls must not overlap. */
  async append(line: string): Promise<void> {
    const bytes = Buffer.from(`${line}\n`, 'utf8');
    try {
      for (let written = 0; written < bytes.length; ) {
        const step = await this.#handle.write(bytes, written, bytes.length - written, this.#end + written);
        written += step.bytesWritten;
      }
      this.#end += bytes.length;
      if (performance.now() - this.#syncedAt >= SYNC_INTERVAL_MS) {
        await this.#handle.datasync();
        this.#syncedAt = performance.now();
      }
    } catch (error) {
      // Where even this is refused, the part that stays has no newline and is cut off on resume.
      await this.#handle.truncate(this.#end).catch(() => undefined);
      throw outputFailed(this.path, error);
    }
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    try {
      await this.#handle.sync();
    } catch (error) {
      throw outputFailed(this.path, error);
    } finally {
      await this.#handle.close();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

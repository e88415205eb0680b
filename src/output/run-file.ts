// The file of a run: JSON lines after a first one that says whose they are; locked, durable, resumable.
// Knows when a file may be begun, replaced or gone on with; what its lines say is its owner's.

import { mkdir, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { PgenrmError } from '../errors.js';
import { LineFile } from './line-file.js';
import { outputFailed, systemCode } from './output-error.js';
import { printableJson } from './printable.js';
import { RunLock } from './run-lock.js';

/** `new` refuses a file that exists, `overwrite` replaces it, `resume` goes on with it or begins it. */
export type RunFileMode = 'new' | 'overwrite' | 'resume';

/** A file that is being written, locked against other processes. */
export class RunFile implements AsyncDisposable {
  readonly path: string;
  readonly #mode: RunFileMode;
  readonly #lock: RunLock;
  readonly #toLine: (value: object) => string;
  #file: LineFile | undefined;

  private constructor(path: string, mode: RunFileMode, lock: RunLock, toLine: (value: object) => string) {
    this.path = path;
    this.#mode = mode;
    this.#lock = lock;
    this.#toLine = toLine;
  }

  /**
   * Takes hold of a file, its folder made where it is missing; nothing is written yet. Errors: `INVALID_OPTION` where
   * it exists under `new`, `otherwise` saying what to do; `OUTPUT_FAILED`. `toLine` makes a line of a value, plain JSON by default.
   */
  static async open(
    path: string,
    mode: RunFileMode,
    otherwise: string,
    toLine: (value: object) => string = printableJson,
  ): Promise<RunFile> {
    try {
      await mkdir(dirname(path), { recursive: true });
    } catch (error) {
      throw outputFailed(dirname(path), error);
    }
    const lock = await RunLock.acquire(path);
    try {
      if ((await isFile(path)) && mode === 'new')
        throw new PgenrmError('INVALID_OPTION', `${path} exists; ${otherwise}`);
      return new RunFile(path, mode, lock, toLine);
    } catch (error) {
      await lock.release();
      throw error;
    }
  }

  /** Whether there are lines to go on after. Errors: `OUTPUT_FAILED`. */
  async goesOn(): Promise<boolean> {
    return this.#mode === 'resume' && (await isFile(this.path));
  }

  /** Goes on after `end` bytes; what stands behind is cut off. Errors: `OUTPUT_FAILED`. */
  async goOn(end: number): Promise<void> {
    this.#file = await LineFile.open(this.path, end);
  }

  /** Begins the file with a first line in place of all that stands in it. Errors: `OUTPUT_FAILED`. */
  async begin(first: object): Promise<void> {
    try {
      await rm(this.path, { force: true });
    } catch (error) {
      throw outputFailed(this.path, error);
    }
    this.#file = await LineFile.open(this.path);
    await this.append(first);
  }

  /** Writes a value as a line; calls must not overlap. Errors: `OUTPUT_FAILED`. */
  async append(value: object): Promise<void> {
    if (this.#file === undefined)
      throw new PgenrmError('INTERNAL', `a line of ${this.path} was written before its first one`);
    await this.#file.append(this.#toLine(value));
  }

  /** Closes the file, which keeps its lock until this is disposed. */
  async close(): Promise<void> {
    await this.#file?.close();
    this.#file = undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.close();
    } finally {
      await this.#lock.release();
    }
  }
}

/** Whether there is a regular file. Errors: `OUTPUT_FAILED` where something else is there, or it cannot be told. */
export async function isFile(path: string): Promise<boolean> {
  try {
    if ((await stat(path)).isFile()) return true;
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return false;
    throw outputFailed(path, error);
  }
  throw new PgenrmError('OUTPUT_FAILED', `${path} is not a regular file; choose another folder`);
}

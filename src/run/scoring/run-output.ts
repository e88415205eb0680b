// Where a run writes: a file that can be resumed, or a stream that cannot.
// Owns the lock, the lines and the manifest of an output; knows nothing of models or data.

import { rm, stat } from 'node:fs/promises';
import type { Writable } from 'node:stream';
import { PgenrmError } from '../../errors.js';
import { LineFile } from '../../output/line-file.js';
import { outputFailed, systemCode } from '../../output/output-error.js';
import { printableJson } from '../../output/printable.js';
import { RunLock } from '../../output/run-lock.js';
import { type ExistingLine, type ExistingOutput, existingLines, surveyOutput } from './existing-output.js';
import { hasRetries, mergeRetries, type RetryLine, retryPath } from './retry-file.js';
import type { RowRecord } from './row-record.js';
import { checkSameRun, manifestPath, type RunManifest, readManifest, writeManifest } from './run-manifest.js';
import { Tally } from './tally.js';

/**
 * What to do with an output: `new` refuses one that exists, `overwrite` replaces it, `existing` needs one to go on
 * with, `resume` goes on with one or begins it.
 */
export type OutputMode = 'new' | 'overwrite' | 'existing' | 'resume';

/** What stands in an output as a session begins. */
export interface OutputStart {
  readonly existing: ExistingOutput;
  /** The earlier sessions' manifest, where the run is resumed. */
  readonly earlier: RunManifest | null;
}

/** An output that a run can write to: a file with its manifest, or a stream. */
export interface RunOutput extends AsyncDisposable {
  /** The path, or `standard output`. */
  readonly name: string;
  /** The file's path; null for a stream. */
  readonly path: string | null;
  /**
   * @internal Makes ready for rows: writes `manifest` and an empty output, or compares it with the one that is resumed.
   * Errors: `RUN_MISMATCH`, `OUTPUT_FAILED`.
   */
  start(manifest: RunManifest): Promise<OutputStart>;
  /** @internal */
  append(record: RowRecord): Promise<void>;
  /** @internal */
  writeManifest(manifest: RunManifest): Promise<void>;
  /** @internal All whole lines, in order. */
  earlierLines(): AsyncIterable<ExistingLine>;
  /** @internal The lines of rows that failed, in order. */
  failedLines(): AsyncIterable<ExistingLine>;
  /** @internal Keeps a second try of a failed row; it counts from {@link mergeRetries} on. */
  appendRetry(line: RetryLine): Promise<void>;
  /** @internal Puts all second tries in place of the first ones, in one step. */
  mergeRetries(): Promise<ExistingOutput>;
}

/**
 * Takes hold of an output file: checks it against `mode` and locks it. Nothing is written before `start`.
 *
 * Errors: `INVALID_OPTION` where it exists under `new` or is missing under `existing`; `OUTPUT_FAILED` where it is no regular file, its
 * directory is missing or not writable, or another process writes to it.
 */
export async function openRunOutput(path: string, mode: OutputMode): Promise<RunOutput> {
  const lock = await RunLock.acquire(path);
  try {
    const exists = await isFile(path);
    if (exists && mode === 'new') {
      throw new PgenrmError(
        'INVALID_OPTION',
        `the output ${path} exists; go on with it by --resume, replace it by --force, or choose another`,
      );
    }
    if (!exists && mode === 'existing') {
      throw new PgenrmError(
        'INVALID_OPTION',
        `the output ${path} does not exist, so there is nothing in it to go on with`,
      );
    }
    return new FileOutput(path, mode, lock);
  } catch (error) {
    await lock.release();
    throw error;
  }
}

/** An output to a stream such as standard output: no manifest, no resuming. */
export function streamOutput(stream: Writable, name = 'standard output'): RunOutput {
  return new StreamOutput(stream, name);
}

class FileOutput implements RunOutput {
  readonly name: string;
  readonly path: string;
  readonly #mode: OutputMode;
  readonly #lock: RunLock;
  #lines: LineFile | undefined;
  #retries: LineFile | undefined;

  constructor(path: string, mode: OutputMode, lock: RunLock) {
    this.name = path;
    this.path = path;
    this.#mode = mode;
    this.#lock = lock;
  }

  async start(manifest: RunManifest): Promise<OutputStart> {
    const goesOn = this.#mode === 'resume' || this.#mode === 'existing';
    if (goesOn && (await isFile(this.path))) return this.#resume(manifest);
    // The manifest comes before the first row and after the last of an earlier run, so no rows ever stand
    // beside a manifest that is not theirs, whenever the process is killed.
    await removeFile(this.path);
    await removeFile(retryPath(this.path));
    await writeManifest(this.path, manifest);
    this.#lines = await LineFile.open(this.path);
    return { existing: nothingYet(), earlier: null };
  }

  async #resume(manifest: RunManifest): Promise<OutputStart> {
    const earlier = await readManifest(this.path);
    if (earlier === null) {
      throw new PgenrmError(
        'RUN_MISMATCH',
        `${this.path} has no manifest (${manifestPath(this.path)}), so it cannot be told whether it belongs to this run; choose another output or start anew with --force`,
      );
    }
    checkSameRun(this.path, earlier, manifest.identity, manifest.limit);
    if (await hasRetries(this.path)) await mergeRetries(this.path);
    return { existing: await this.#openLines(), earlier };
  }

  async #openLines(): Promise<ExistingOutput> {
    const existing = await surveyOutput(this.path);
    this.#lines = await LineFile.open(this.path, existing.end);
    return existing;
  }

  async append(record: RowRecord): Promise<void> {
    if (this.#lines === undefined)
      throw new PgenrmError('INTERNAL', 'a row was written before its output was started');
    await this.#lines.append(printableJson(record));
  }

  async writeManifest(manifest: RunManifest): Promise<void> {
    await writeManifest(this.path, manifest);
  }

  earlierLines(): AsyncIterable<ExistingLine> {
    return existingLines(this.path);
  }

  async *failedLines(): AsyncGenerator<ExistingLine, void, undefined> {
    for await (const line of this.earlierLines()) if (line.record.status === 'failed') yield line;
  }

  async appendRetry(line: RetryLine): Promise<void> {
    this.#retries ??= await LineFile.open(retryPath(this.path));
    await this.#retries.append(JSON.stringify(line));
  }

  async mergeRetries(): Promise<ExistingOutput> {
    await this.#retries?.close();
    await this.#lines?.close();
    if (this.#retries !== undefined) await mergeRetries(this.path);
    this.#retries = undefined;
    return this.#openLines();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.#retries?.close();
      await this.#lines?.close();
    } finally {
      await this.#lock.release();
    }
  }
}

class StreamOutput implements RunOutput {
  readonly name: string;
  readonly path = null;
  readonly #stream: Writable;
  #error: Error | undefined;
  readonly #onError = (error: Error): void => {
    this.#error ??= error;
  };

  constructor(stream: Writable, name: string) {
    this.#stream = stream;
    this.name = name;
    stream.on('error', this.#onError);
  }

  async start(): Promise<OutputStart> {
    return { existing: nothingYet(), earlier: null };
  }

  async append(record: RowRecord): Promise<void> {
    if (this.#error !== undefined) throw outputFailed(this.name, this.#error);
    await new Promise<void>((resolve, reject) => {
      this.#stream.write(`${printableJson(record)}\n`, (error) => {
        if (error === null || error === undefined) resolve();
        else reject(outputFailed(this.name, error));
      });
    });
  }

  async writeManifest(): Promise<void> {}

  async *earlierLines(): AsyncGenerator<ExistingLine, void, undefined> {}

  failedLines(): AsyncIterable<ExistingLine> {
    throw this.#noRetries();
  }

  async appendRetry(): Promise<void> {
    throw this.#noRetries();
  }

  async mergeRetries(): Promise<ExistingOutput> {
    throw this.#noRetries();
  }

  #noRetries(): PgenrmError {
    return new PgenrmError(
      'INVALID_OPTION',
      `failed rows can be tried again in a file only, not on ${this.name}`,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // The listener stays: a stream may report a broken pipe after the last write.
  }
}

function nothingYet(): ExistingOutput {
  return { end: 0, lines: 0, tally: new Tally() };
}

async function isFile(path: string): Promise<boolean> {
  try {
    const facts = await stat(path);
    if (facts.isFile()) return true;
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return false;
    throw outputFailed(path, error);
  }
  throw new PgenrmError(
    'OUTPUT_FAILED',
    `the output ${path} is not a regular file; name a file, or - for standard output`,
  );
}

async function removeFile(path: string): Promise<void> {
  try {
    await rm(path, { force: true });
  } catch (error) {
    throw outputFailed(path, error);
  }
}

// The file of a bench: a header and a line for every block, durable, locked, resumable.
// Knows lines; what they mean is `bench-record.ts`, what is computed from them `figures.ts`.

import { mkdir, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { PgenrmError } from '../errors.js';
import { jsonLines } from '../output/json-lines.js';
import { LineFile } from '../output/line-file.js';
import { outputFailed, systemCode } from '../output/output-error.js';
import { RunLock } from '../output/run-lock.js';
import { asBlock, type BenchHeader, type BlockRecord, identityDifferences } from './bench-record.js';

/** `new` refuses a file that exists, `overwrite` replaces it, `resume` goes on with it or begins it. */
export type StoreMode = 'new' | 'overwrite' | 'resume';

/** A bench as far as it is written. */
export interface StoredBench {
  readonly header: BenchHeader;
  readonly blocks: readonly BlockRecord[];
}

/** The file of a bench that is at work. */
export class BenchStore implements AsyncDisposable {
  readonly path: string;
  readonly #mode: StoreMode;
  readonly #lock: RunLock;
  #file: LineFile | undefined;

  private constructor(path: string, mode: StoreMode, lock: RunLock) {
    this.path = path;
    this.#mode = mode;
    this.#lock = lock;
  }

  /**
   * Takes hold of a bench's file, its folder made where it is missing; nothing is written before {@link start}.
   * Errors: `INVALID_OPTION` where it exists under `new`; `OUTPUT_FAILED`.
   */
  static async open(path: string, mode: StoreMode): Promise<BenchStore> {
    try {
      await mkdir(dirname(path), { recursive: true });
    } catch (error) {
      throw outputFailed(dirname(path), error);
    }
    const lock = await RunLock.acquire(path);
    if (mode !== 'new' || !(await exists(path))) return new BenchStore(path, mode, lock);
    await lock.release();
    throw new PgenrmError(
      'INVALID_OPTION',
      `${path} exists; go on with it by --resume, replace it by --force, or choose another folder`,
    );
  }

  /**
   * Begins the file, or goes on with it: gives the header that it has and the blocks that stand in it.
   * Errors: `RUN_MISMATCH` where it is of another bench, each difference named; `OUTPUT_FAILED`.
   */
  async start(header: BenchHeader): Promise<StoredBench> {
    if (this.#mode === 'resume' && (await exists(this.path))) {
      const { stored, end } = await readFrom(this.path);
      if (stored !== null) {
        const differences = identityDifferences(stored.header.identity, header.identity);
        if (differences.length > 0) {
          throw new PgenrmError(
            'RUN_MISMATCH',
            `${this.path} was measured under conditions that differ from these: ${differences.join('; ')}; repeat that bench's machine, model, data and options, choose another folder, or start anew with --force`,
          );
        }
        this.#file = await LineFile.open(this.path, end);
        return stored;
      }
    }
    try {
      await rm(this.path, { force: true });
    } catch (error) {
      throw outputFailed(this.path, error);
    }
    this.#file = await LineFile.open(this.path);
    await this.#file.append(JSON.stringify(header));
    return { header, blocks: [] };
  }

  async append(block: BlockRecord): Promise<void> {
    if (this.#file === undefined)
      throw new PgenrmError('INTERNAL', 'a block was written before its file was started');
    await this.#file.append(JSON.stringify(block));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.#file?.close();
    } finally {
      await this.#lock.release();
    }
  }
}

/**
 * Reads the file of a bench; a last line that was half written is left out.
 * Errors: `INPUT_NOT_FOUND`, `RUN_MISMATCH` where it is not such a file.
 */
export async function readBench(path: string): Promise<StoredBench> {
  if (!(await exists(path))) throw new PgenrmError('INPUT_NOT_FOUND', `there is no file ${path}`);
  const { stored } = await readFrom(path);
  if (stored !== null) return stored;
  throw new PgenrmError('RUN_MISMATCH', `${path} does not begin with the header of a bench`);
}

async function readFrom(path: string): Promise<{ stored: StoredBench | null; end: number }> {
  let header: BenchHeader | null = null;
  const blocks: BlockRecord[] = [];
  let end = 0;
  for await (const line of jsonLines(path)) {
    if (line.index === 0) header = asHeader(path, line.value);
    else {
      const block = asBlock(line.value);
      if (block === null) {
        throw new PgenrmError(
          'RUN_MISMATCH',
          `${path}, line ${line.index + 1} is no block of a bench of this version; start anew with --force or choose another folder`,
        );
      }
      blocks.push(block);
    }
    end = line.end;
  }
  return { stored: header === null ? null : { header, blocks }, end };
}

function asHeader(path: string, value: unknown): BenchHeader {
  const header = value as Partial<BenchHeader> | null;
  if (header?.pgenrmBench === 1 && typeof header.identity === 'object') return header as BenchHeader;
  throw new PgenrmError(
    'RUN_MISMATCH',
    `${path} does not begin with the header of a bench of this version; start anew with --force or choose another folder`,
  );
}

async function exists(path: string): Promise<boolean> {
  try {
    if ((await stat(path)).isFile()) return true;
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return false;
    throw outputFailed(path, error);
  }
  throw new PgenrmError('OUTPUT_FAILED', `${path} is not a regular file; choose another folder`);
}

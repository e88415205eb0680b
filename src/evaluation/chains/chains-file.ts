// Reads and writes chains files: durable, resumable, one row in memory at a time.
// Knows lines and runs; nothing of models or of what is computed from chains.

import { stat } from 'node:fs/promises';
import { isDeepStrictEqual } from 'node:util';
import { messageOf, PgenrmError } from '../../errors.js';
import { wholeLines } from '../../output/json-lines.js';
import { RunFile, type RunFileMode } from '../../output/run-file.js';
import { damaged, sealedLine, unsealed } from '../../output/sealed-lines.js';
import { identityDifferences } from '../../run/identity.js';
import {
  asChainsRow,
  asHeader,
  CHAINS_FORMAT,
  type ChainsHeader,
  type ChainsRow,
  notAsWritten,
} from './chains-record.js';

/** A chains file to compute from. */
export interface StoredChains {
  readonly path: string;
  readonly header: ChainsHeader;
  /** Rows that the evaluation was asked for, as far as the file has been read: the most that a header names. */
  readonly asked: number;
  /** Bytes behind the last whole line, as far as the file has been read: of a line that was half written, or cut off. */
  readonly cutBytes: number;
  /**
   * The rows in the order of the file, one in memory at a time, and the ids of those read, which must not repeat; a last
   * line that was half written is left out.
   * Errors: `RUN_MISMATCH` where a line is not as it was written or is of another run than the header;
   * `DUPLICATE_ID` where a row comes twice.
   */
  rows(): AsyncGenerator<ChainsRow, void, undefined>;
}

/** Names a row within its data; `id` is absent of rows that fit no shape. */
export function rowKey(row: number, id: string | undefined): string {
  return `${row} ${id ?? ''}`;
}

/**
 * Opens a chains file. Files of one run may stand one after another in it, each with its header.
 * Errors: `INPUT_NOT_FOUND`; `INPUT_MALFORMED` where it has no header.
 */
export async function openChains(path: string): Promise<StoredChains> {
  await checkReadable(path);
  for await (const { value, index } of lines(path)) {
    const header = asHeader(path, index, value);
    if (header === null) break;
    let asked = header.rows;
    let cutBytes = 0;
    const onHeader = (another: ChainsHeader): void => {
      asked = Math.max(asked, another.rows);
    };
    return {
      path,
      header,
      get asked() {
        return asked;
      },
      get cutBytes() {
        return cutBytes;
      },
      rows: () =>
        rowsOf(path, header, onHeader, (bytes) => {
          cutBytes = bytes;
        }),
    };
  }
  throw new PgenrmError(
    'INPUT_MALFORMED',
    `${path} does not begin with the header of a chains file; give the chains.jsonl that pgenrm eval wrote`,
  );
}

async function* rowsOf(
  path: string,
  header: ChainsHeader,
  onHeader: (another: ChainsHeader) => void,
  onCut: (bytes: number) => void,
): AsyncGenerator<ChainsRow, void, undefined> {
  const seen = new Set<string>();
  for await (const { value, index } of lines(path, onCut)) {
    const another = asHeader(path, index, value);
    if (another !== null) {
      checkSameRun(path, index, header, another);
      onHeader(another);
      continue;
    }
    const row = asChainsRow(path, index, value);
    if (row.run !== header.run) {
      throw mixed(path, index, `the row is of run ${row.run} and the header of run ${header.run}`);
    }
    const key = rowKey(row.row, row.id);
    if (seen.has(key) && row.status !== 'invalid') {
      throw new PgenrmError(
        'DUPLICATE_ID',
        `${path}, line ${index + 1}: row ${row.row} (${row.id ?? 'no id'}) comes a second time; keep each row once`,
      );
    }
    seen.add(key);
    yield row;
  }
}

function checkSameRun(path: string, line: number, header: ChainsHeader, another: ChainsHeader): void {
  const differences = identityDifferences(header.identity, another.identity);
  if (differences.length > 0) throw mixed(path, line, differences.join('; '));
}

function mixed(path: string, line: number, how: string): PgenrmError {
  return new PgenrmError(
    'RUN_MISMATCH',
    `${path} mixes chains of different runs, from line ${line + 1} on: ${how}; evaluate each run's file alone`,
  );
}

interface ChainsLine {
  readonly value: object;
  readonly index: number;
  readonly end: number;
}

/**
 * The whole lines of a file, their checksums compared. A header of another version is given as it stands, for its
 * version to be refused. Errors: `RUN_MISMATCH` for a line that was changed.
 */
async function* sealedLines(
  path: string,
  onCut: (bytes: number) => void = () => undefined,
): AsyncGenerator<ChainsLine, void, undefined> {
  const lines = wholeLines(path);
  for (let index = 0; ; index += 1) {
    const step = await lines.next();
    if (step.done === true) return onCut(step.value);
    const { text, end } = step.value;
    const where = `${path}, line ${index + 1}`;
    const value = unsealed(text, where) ?? otherVersion(text);
    if (value === null && index > 0) throw damaged(where, 'it has no checksum');
    // A first line that is nothing of ours is for the caller to name.
    yield { value: value ?? {}, index, end };
  }
}

/** The header of a chains file of another version, whose lines may have no checksum; null where the line is none. */
function otherVersion(text: string): object | null {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null || !('pgenrmChains' in value)) return null;
    return value.pgenrmChains === CHAINS_FORMAT ? null : value;
  } catch {
    return null;
  }
}

/** A file that is being read is an input: what cannot be read is not found. */
async function* lines(
  path: string,
  onCut?: (bytes: number) => void,
): AsyncGenerator<ChainsLine, void, undefined> {
  try {
    yield* sealedLines(path, onCut);
  } catch (error) {
    if (error instanceof PgenrmError && error.code === 'OUTPUT_FAILED') throw notFound(path, error);
    throw error;
  }
}

async function checkReadable(path: string): Promise<void> {
  try {
    if ((await stat(path)).isFile()) return;
  } catch (error) {
    throw notFound(path, error);
  }
  throw new PgenrmError(
    'INPUT_NOT_FOUND',
    `${path} is not a file; give the chains.jsonl that pgenrm eval wrote`,
  );
}

function notFound(path: string, error: unknown): PgenrmError {
  return new PgenrmError('INPUT_NOT_FOUND', `cannot read the chains file ${path}: ${messageOf(error)}`, {
    cause: error,
  });
}

/** A chains file that is being written, locked against other processes. */
export class ChainsWriter implements AsyncDisposable {
  readonly #file: RunFile;

  private constructor(file: RunFile) {
    this.#file = file;
  }

  /**
   * Takes hold of a chains file, its folder made where it is missing; nothing is written before {@link start}.
   * Errors: `INVALID_OPTION` where it exists under `new`; `OUTPUT_FAILED`.
   */
  static async open(path: string, mode: RunFileMode): Promise<ChainsWriter> {
    const otherwise = `go on with it by --resume, compute from it with --from ${path}, replace it by --force, or choose another folder`;
    return new ChainsWriter(await RunFile.open(path, mode, otherwise, sealedLine));
  }

  get path(): string {
    return this.#file.path;
  }

  /**
   * Writes the header, or compares it with that of the file to go on with; where that was asked for another number of
   * rows, or kept its KV cache otherwise, the header is written again behind its rows. Gives the keys of the rows that
   * stand in it (the row's number and its id, with a space between).
   * Errors: `RUN_MISMATCH` where the file is of another run, each difference named; `OUTPUT_FAILED`.
   */
  async start(header: ChainsHeader): Promise<ReadonlySet<string>> {
    if (await this.#file.goesOn()) {
      const { end, keys, last } = await this.#existing(header);
      await this.#file.goOn(end);
      const same = last?.rows === header.rows && isDeepStrictEqual(last.kvCache, header.kvCache);
      if (!same) await this.#file.append(header);
      return keys;
    }
    await this.#file.begin(header);
    return new Set();
  }

  async append(row: ChainsRow): Promise<void> {
    await this.#file.append(row);
  }

  /** Closes the file, which keeps its lock until this is disposed. */
  async close(): Promise<void> {
    await this.#file.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file[Symbol.asyncDispose]();
  }

  async #existing(
    header: ChainsHeader,
  ): Promise<{ end: number; keys: ReadonlySet<string>; last: ChainsHeader | null }> {
    let end = 0;
    let last: ChainsHeader | null = null;
    const keys = new Set<string>();
    for await (const line of sealedLines(this.path)) {
      const earlier = asHeader(this.path, line.index, line.value);
      if (earlier !== null) {
        this.#checkGoesOn(earlier, header);
        last = earlier;
      } else if (line.index === 0) {
        throw notAsWritten(this.path, 0, 'it is not a header');
      } else {
        const { row, id, run } = asChainsRow(this.path, line.index, line.value);
        if (run !== header.run) throw mixed(this.path, line.index, `the row is of run ${run}`);
        keys.add(rowKey(row, id));
      }
      end = line.end;
    }
    return { end, keys, last };
  }

  #checkGoesOn(earlier: ChainsHeader, header: ChainsHeader): void {
    const differences = identityDifferences(earlier.identity, header.identity);
    if (differences.length === 0) return;
    throw new PgenrmError(
      'RUN_MISMATCH',
      `${this.path} was made by an evaluation that differs from this one: ${differences.join('; ')}; repeat that one's data, model, bank and options, choose another folder, or start anew with --force`,
    );
  }
}

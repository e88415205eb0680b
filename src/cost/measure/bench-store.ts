// The file of a bench: a header and a line for every block, durable, locked, resumable.
// Knows lines; what they mean is `bench-record.ts`, what is computed from them `figures.ts`.

import { PgenrmError } from '../../errors.js';
import { jsonLines } from '../../output/json-lines.js';
import { RunFile, type RunFileMode } from '../../output/run-file.js';
import { asBlock, type BenchHeader, type BlockRecord, identityDifferences } from './bench-record.js';

/** A bench as far as it is written. */
export interface StoredBench {
  readonly header: BenchHeader;
  readonly blocks: readonly BlockRecord[];
}

/** The file of a bench that is at work. */
export class BenchStore implements AsyncDisposable {
  readonly #file: RunFile;

  private constructor(file: RunFile) {
    this.#file = file;
  }

  /**
   * Takes hold of a bench's file, its folder made where it is missing; nothing is written before {@link start}.
   * Errors: `INVALID_OPTION` where it exists under `new`; `OUTPUT_FAILED`.
   */
  static async open(path: string, mode: RunFileMode): Promise<BenchStore> {
    const otherwise = 'go on with it by --resume, replace it by --force, or choose another folder';
    return new BenchStore(await RunFile.open(path, mode, otherwise));
  }

  get path(): string {
    return this.#file.path;
  }

  /**
   * Begins the file, or goes on with it: gives the header that it has and the blocks that stand in it.
   * Errors: `RUN_MISMATCH` where it is of another bench, each difference named; `OUTPUT_FAILED`.
   */
  async start(header: BenchHeader): Promise<StoredBench> {
    if (await this.#file.goesOn()) {
      const { stored, end } = await readFrom(this.path);
      if (stored !== null) {
        const differences = identityDifferences(stored.header.identity, header.identity);
        if (differences.length > 0) {
          throw new PgenrmError(
            'RUN_MISMATCH',
            `${this.path} was measured under conditions that differ from these: ${differences.join('; ')}; repeat that bench's machine, model, data and options, choose another folder, or start anew with --force`,
          );
        }
        await this.#file.goOn(end);
        return stored;
      }
    }
    await this.#file.begin(header);
    return { header, blocks: [] };
  }

  async append(block: BlockRecord): Promise<void> {
    await this.#file.append(block);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file[Symbol.asyncDispose]();
  }
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

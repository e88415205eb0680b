// The vector index over any implementation: arguments and disposal are checked here, once for all of them.
// Knows nothing of how an implementation searches.
import { PgenrmError } from '../errors.js';
import { checkThreads } from './checks.js';
import type { IndexFiles } from './kernels.js';
import {
  type CheckedSearch,
  checkAddition,
  checkSearch,
  type SearchOptions,
  type Storage,
  type VectorIndex,
} from './vector-index.js';
import type { Matrix, Metric, Neighbours } from './vectors.js';

/** What an index is and holds, as in {@link VectorIndex}. */
export interface IndexFacts {
  readonly dim: number;
  readonly storage: Storage;
  readonly size: number;
  readonly removed: number;
  readonly memoryBytes: number;
}

/** An index of one implementation. Arguments are checked; `threads` 0 stands for all of the machine's. */
export interface IndexOperations {
  /** As of the last change that ended. */
  readonly facts: IndexFacts;
  add(vectors: Matrix, labels: Uint32Array, threads: number): Promise<void>;
  /** The labels are all different. */
  remove(labels: Uint32Array): Promise<void>;
  vector(label: number): Promise<Float32Array | undefined>;
  search(queries: Matrix, checked: CheckedSearch): Promise<Neighbours>;
  toBytes(): Promise<Uint8Array>;
  /** Absent where the bytes are all that the implementation knows. */
  save?(path: string): Promise<void>;
  /** Called once; calls under way still end. */
  release(): void;
}

/** The index over `operations`; `files` serves paths where the operations know only bytes. */
export function checkedIndex(metric: Metric, operations: IndexOperations, files: IndexFiles): VectorIndex {
  return new CheckedVectorIndex(metric, operations, files);
}

/** Stands where kernels were given no files: every path is refused. */
export const NO_FILES: IndexFiles = { read: noFiles, write: noFiles };

async function noFiles(path: string): Promise<never> {
  throw new PgenrmError(
    'INVALID_OPTION',
    `these kernels were given no access to files, but are to use ${path}: use indexFromBytes and toBytes, or hand in files`,
  );
}

class CheckedVectorIndex implements VectorIndex {
  readonly metric: Metric;
  readonly #operations: IndexOperations;
  readonly #files: IndexFiles;
  #disposed = false;

  constructor(metric: Metric, operations: IndexOperations, files: IndexFiles) {
    this.metric = metric;
    this.#operations = operations;
    this.#files = files;
  }

  get dim(): number {
    return this.#operations.facts.dim;
  }

  get storage(): Storage {
    return this.#operations.facts.storage;
  }

  get size(): number {
    return this.#operations.facts.size;
  }

  get removed(): number {
    return this.#operations.facts.removed;
  }

  get memoryBytes(): number {
    return this.#disposed ? 0 : this.#operations.facts.memoryBytes;
  }

  async add(
    vectors: Matrix,
    labels: Uint32Array,
    options: { readonly threads?: number } = {},
  ): Promise<void> {
    const operations = this.#open();
    checkAddition(vectors, labels, this.dim);
    await operations.add(vectors, labels, checkThreads(options.threads));
  }

  async remove(labels: Uint32Array): Promise<void> {
    await this.#open().remove(Uint32Array.from(new Set(labels)));
  }

  async has(label: number): Promise<boolean> {
    return (await this.vector(label)) !== undefined;
  }

  async vector(label: number): Promise<Float32Array | undefined> {
    return this.#open().vector(label);
  }

  async search(queries: Matrix, options: SearchOptions): Promise<Neighbours> {
    const operations = this.#open();
    return operations.search(queries, checkSearch(queries, options, this.dim));
  }

  async toBytes(): Promise<Uint8Array> {
    return this.#open().toBytes();
  }

  async save(path: string): Promise<void> {
    const operations = this.#open();
    if (operations.save) return operations.save(path);
    await this.#files.write(path, await operations.toBytes());
  }

  dispose(): void {
    if (!this.#disposed) this.#operations.release();
    this.#disposed = true;
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  #open(): IndexOperations {
    if (this.#disposed) {
      throw new PgenrmError('DISPOSED', 'the index was disposed; open or build it anew');
    }
    return this.#operations;
  }
}

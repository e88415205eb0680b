// The vector index in plain TypeScript: a list of vectors, searched whole. The oracle for the graph.
import { PgenrmError } from '../../errors.js';
import {
  type CheckedIndex,
  checkAddition,
  checkOpen,
  checkSearch,
  type OpenOptions,
  type SearchOptions,
  type Storage,
  type VectorIndex,
} from '../vector-index.js';
import type { Matrix, Metric, Neighbours } from '../vectors.js';
import { stored } from './codec.js';
import { type FileEntry, formatIndexFile, parseIndexFile } from './index-file.js';
import { checkFinite, distance, nearest, normaliseRows, rowOf } from './vectors.js';

export class ReferenceVectorIndex implements VectorIndex {
  readonly dim: number;
  readonly metric: Metric;
  readonly storage: Storage;
  readonly links: number;
  entries: FileEntry[];
  private disposed = false;

  constructor(
    about: { dim: number; metric: Metric; storage: Storage; links: number },
    entries: FileEntry[] = [],
  ) {
    this.dim = about.dim;
    this.metric = about.metric;
    this.storage = about.storage;
    this.links = about.links;
    this.entries = entries;
  }

  get size(): number {
    return this.entries.filter((entry) => !entry.removed).length;
  }

  get removed(): number {
    return this.entries.length - this.size;
  }

  get memoryBytes(): number {
    return this.disposed ? 0 : this.entries.length * this.dim * 4;
  }

  async add(vectors: Matrix, labels: Uint32Array): Promise<void> {
    this.open();
    checkAddition(vectors, labels, this.dim);
    const rows = { data: this.prepared('vectors', vectors), dim: this.dim };
    const added = [...labels].map((label, row) => ({
      label,
      vector: stored(this.storage, rowOf(rows, row), row),
      removed: false,
    }));
    const taken = added.find(({ label }) => this.find(label));
    if (taken) {
      throw new PgenrmError(
        'DUPLICATE_ID',
        `label ${taken.label} is taken already; remove it first or choose another`,
      );
    }
    this.entries.push(...added);
  }

  async remove(labels: Uint32Array): Promise<void> {
    this.open();
    const unknown = labels.find((label) => !this.find(label));
    if (unknown !== undefined) {
      throw new PgenrmError('INVALID_OPTION', `label ${unknown} is not in the index`);
    }
    const gone = new Set(labels);
    this.entries = this.entries.map((entry) => (gone.has(entry.label) ? { ...entry, removed: true } : entry));
  }

  async has(label: number): Promise<boolean> {
    return (await this.vector(label)) !== undefined;
  }

  async vector(label: number): Promise<Float32Array | undefined> {
    this.open();
    return this.find(label)?.vector.slice();
  }

  async search(queries: Matrix, options: SearchOptions): Promise<Neighbours> {
    this.open();
    const checked = checkSearch(queries, options, this.dim);
    const excluded = new Set(checked.exclude);
    const allowed = this.entries.filter(
      ({ label, removed }) => !removed && (options.allow?.has(label) ?? true) && !excluded.has(label),
    );
    const rows = { data: this.prepared('queries', queries), dim: this.dim };
    const found = Array.from({ length: checked.queries }, (_, q) =>
      allowed.map(({ label, vector }) => ({
        label,
        distance: distance(this.metric, rowOf(rows, q), vector),
      })),
    );
    return nearest(found, checked.k);
  }

  async toBytes(): Promise<Uint8Array> {
    this.open();
    return formatIndexFile(this, this.metric);
  }

  async save(path: string): Promise<void> {
    const { writeIndexFile } = await import('../index-path.js');
    await writeIndexFile(path, await this.toBytes());
  }

  dispose(): void {
    this.disposed = true;
    this.entries = [];
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  private find(label: number): FileEntry | undefined {
    return this.entries.find((entry) => entry.label === label && !entry.removed);
  }

  private prepared(name: string, matrix: Matrix): Float32Array {
    if (this.metric === 'cosine') return normaliseRows(name, matrix);
    checkFinite(name, matrix);
    return matrix.data;
  }

  private open(): void {
    if (this.disposed) throw new PgenrmError('DISPOSED', 'the index was disposed; open or build it anew');
  }
}

/** Errors: those of `Kernels.buildIndex`. */
export async function buildReferenceIndex(
  vectors: Matrix,
  checked: CheckedIndex,
): Promise<ReferenceVectorIndex> {
  const index = new ReferenceVectorIndex({ ...checked, dim: vectors.dim });
  await index.add(vectors, checked.labels);
  return index;
}

/** Errors: those of `Kernels.indexFromBytes`. */
export function loadReferenceIndex(bytes: Uint8Array, options: OpenOptions): ReferenceVectorIndex {
  checkOpen(options);
  const contents = parseIndexFile(bytes, options);
  return new ReferenceVectorIndex({ ...contents, metric: options.metric }, contents.entries);
}

// The vector index in plain TypeScript: a list of vectors, searched whole. The oracle for the graph.
import { PgenrmError } from '../../errors.js';
import type { IndexFacts, IndexOperations } from '../checked-index.js';
import type { CheckedIndex, CheckedSearch, OpenOptions, Storage } from '../vector-index.js';
import type { Matrix, Metric, Neighbours } from '../vectors.js';
import { stored } from './codec.js';
import { type FileEntry, formatIndexFile, parseIndexFile } from './index-file.js';
import { distance, nearest, preparedRows, rowOf } from './vectors.js';

class ReferenceIndex implements IndexOperations {
  readonly dim: number;
  readonly metric: Metric;
  readonly storage: Storage;
  readonly links: number;
  entries: FileEntry[];

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

  get facts(): IndexFacts {
    const { dim, storage, entries } = this;
    const size = entries.filter((entry) => !entry.removed).length;
    return { dim, storage, size, removed: entries.length - size, memoryBytes: entries.length * dim * 4 };
  }

  async add(vectors: Matrix, labels: Uint32Array): Promise<void> {
    const rows = preparedRows('vectors', vectors, this.metric);
    const added = [...labels].map((label, row) => ({
      label,
      vector: stored(this.storage, rowOf(rows, row), row),
      removed: false,
    }));
    const taken = added.find(({ label }) => this.#find(label));
    if (taken) {
      throw new PgenrmError(
        'DUPLICATE_ID',
        `label ${taken.label} is taken already; remove it first or choose another`,
      );
    }
    this.entries.push(...added);
  }

  async remove(labels: Uint32Array): Promise<void> {
    const unknown = labels.find((label) => !this.#find(label));
    if (unknown !== undefined) {
      throw new PgenrmError('INVALID_OPTION', `label ${unknown} is not in the index`);
    }
    const gone = new Set(labels);
    this.entries = this.entries.map((entry) => (gone.has(entry.label) ? { ...entry, removed: true } : entry));
  }

  async vector(label: number): Promise<Float32Array | undefined> {
    return this.#find(label)?.vector.slice();
  }

  async search(queries: Matrix, checked: CheckedSearch): Promise<Neighbours> {
    const excluded = new Set(checked.exclude);
    const { allow } = checked;
    const allowed = this.entries.filter(
      ({ label, removed }) => !removed && !excluded.has(label) && (allow === undefined || allow.has(label)),
    );
    const rows = preparedRows('queries', queries, this.metric);
    const found = Array.from({ length: checked.queries }, (_, q) =>
      allowed.map(({ label, vector }) => ({
        label,
        distance: distance(this.metric, rowOf(rows, q), vector),
      })),
    );
    return nearest(found, checked.k);
  }

  async toBytes(): Promise<Uint8Array> {
    return formatIndexFile(this, this.metric);
  }

  release(): void {
    this.entries = [];
  }

  #find(label: number): FileEntry | undefined {
    return this.entries.find((entry) => entry.label === label && !entry.removed);
  }
}

/** Errors: those of `Kernels.buildIndex`. */
export async function buildReferenceIndex(vectors: Matrix, checked: CheckedIndex): Promise<IndexOperations> {
  const index = new ReferenceIndex({ ...checked, dim: vectors.dim });
  await index.add(vectors, checked.labels);
  return index;
}

/** Errors: those of `Kernels.indexFromBytes`. */
export function loadReferenceIndex(bytes: Uint8Array, options: OpenOptions): IndexOperations {
  const contents = parseIndexFile(bytes, options);
  return new ReferenceIndex({ ...contents, metric: options.metric }, contents.entries);
}

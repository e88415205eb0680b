// The vector index on the native kernels.
// Holds a handle; the addon keeps the index alive while its jobs run.
import { PgenrmError } from '../../errors.js';
import { checkThreads } from '../checks.js';
import { checkStatus } from '../status.js';
import {
  type CheckedIndex,
  checkAddition,
  checkOpen,
  checkSearch,
  METRICS,
  type OpenOptions,
  type SearchOptions,
  STORAGES,
  type Storage,
  storageName,
  type VectorIndex,
} from '../vector-index.js';
import type { Matrix, Metric, Neighbours } from '../vectors.js';
import type { IndexFacts, IndexHandle, NativeKernelsBinding } from './binding.js';

export class NativeVectorIndex implements VectorIndex {
  readonly metric: Metric;
  readonly storage: Storage;
  private readonly binding: NativeKernelsBinding;
  private handle: IndexHandle | undefined;
  private facts: IndexFacts;

  constructor(
    binding: NativeKernelsBinding,
    metric: Metric,
    opened: IndexFacts & { readonly handle: IndexHandle },
  ) {
    this.binding = binding;
    this.metric = metric;
    this.handle = opened.handle;
    this.facts = opened;
    this.storage = storageName(opened.storage);
  }

  get dim(): number {
    return this.facts.dim;
  }

  get size(): number {
    return this.facts.size;
  }

  get removed(): number {
    return this.facts.removed;
  }

  get memoryBytes(): number {
    return this.handle ? this.facts.memoryBytes : 0;
  }

  async add(
    vectors: Matrix,
    labels: Uint32Array,
    options: { readonly threads?: number } = {},
  ): Promise<void> {
    const handle = this.open();
    checkAddition(vectors, labels, this.dim);
    const added = await this.binding.indexAdd(handle, vectors.data, labels, checkThreads(options.threads));
    checkStatus(added, 'vectors');
    this.facts = added;
  }

  async remove(labels: Uint32Array): Promise<void> {
    const removed = await this.binding.indexRemove(this.open(), Uint32Array.from(new Set(labels)));
    checkStatus(removed, 'labels');
    this.facts = removed;
  }

  async has(label: number): Promise<boolean> {
    return (await this.vector(label)) !== undefined;
  }

  async vector(label: number): Promise<Float32Array | undefined> {
    return this.binding.indexVector(this.open(), label);
  }

  async search(queries: Matrix, options: SearchOptions): Promise<Neighbours> {
    const handle = this.open();
    const checked = checkSearch(queries, options, this.dim);
    const found = await this.binding.indexSearch(
      handle,
      queries.data,
      checked.k,
      checked.effort,
      checked.exact,
      checkThreads(options.threads),
      options.allow?.bits,
      checked.exclude,
    );
    checkStatus(found, 'queries');
    return { k: checked.k, labels: found.labels, distances: found.distances };
  }

  async toBytes(): Promise<Uint8Array> {
    const saved = await this.binding.indexSave(this.open(), undefined);
    checkStatus(saved, 'the index');
    return saved.bytes;
  }

  async save(path: string): Promise<void> {
    checkStatus(await this.binding.indexSave(this.open(), path), path);
  }

  dispose(): void {
    if (this.handle) this.binding.indexRelease(this.handle);
    this.handle = undefined;
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  private open(): IndexHandle {
    if (!this.handle) throw new PgenrmError('DISPOSED', 'the index was disposed; open or build it anew');
    return this.handle;
  }
}

/** Errors: those of `Kernels.buildIndex`. */
export async function buildNativeIndex(
  binding: NativeKernelsBinding,
  vectors: Matrix,
  checked: CheckedIndex,
  threads: number,
): Promise<NativeVectorIndex> {
  const built = await binding.indexBuild(
    vectors.data,
    checked.labels,
    vectors.dim,
    METRICS[checked.metric],
    STORAGES[checked.storage],
    checked.links,
    checked.buildEffort,
    checked.seed,
    checked.quantized,
    threads,
  );
  checkStatus(built, 'vectors');
  return new NativeVectorIndex(binding, checked.metric, built);
}

/** Errors: those of `Kernels.openIndex` and `Kernels.indexFromBytes`. */
export async function loadNativeIndex(
  binding: NativeKernelsBinding,
  source: string | Uint8Array,
  options: OpenOptions,
): Promise<NativeVectorIndex> {
  checkOpen(options);
  const loaded = await binding.indexLoad(
    source,
    METRICS[options.metric],
    options.dim ?? 0,
    options.quantized ?? true,
  );
  checkStatus(loaded, typeof source === 'string' ? source : 'the bytes');
  return new NativeVectorIndex(binding, options.metric, loaded);
}

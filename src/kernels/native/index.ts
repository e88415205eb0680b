// The vector index on the native kernels.
// Holds a handle; the addon keeps the index alive while its jobs run.
import type { IndexFacts, IndexOperations } from '../checked-index.js';
import { checkStatus } from '../status.js';
import {
  type CheckedIndex,
  type CheckedSearch,
  METRICS,
  type OpenOptions,
  STORAGES,
  storageName,
} from '../vector-index.js';
import type { Matrix, Neighbours } from '../vectors.js';
import type { IndexHandle, NativeIndexFacts, NativeKernelsBinding } from './binding.js';

class NativeIndex implements IndexOperations {
  facts: IndexFacts;
  readonly #binding: NativeKernelsBinding;
  readonly #handle: IndexHandle;

  constructor(binding: NativeKernelsBinding, opened: NativeIndexFacts & { readonly handle: IndexHandle }) {
    this.#binding = binding;
    this.#handle = opened.handle;
    this.facts = factsOf(opened);
  }

  async add({ data }: Matrix, labels: Uint32Array, threads: number): Promise<void> {
    const added = await this.#binding.indexAdd(this.#handle, data, labels, threads);
    checkStatus(added, 'vectors');
    this.facts = factsOf(added);
  }

  async remove(labels: Uint32Array): Promise<void> {
    const removed = await this.#binding.indexRemove(this.#handle, labels);
    checkStatus(removed, 'labels');
    this.facts = factsOf(removed);
  }

  async vector(label: number): Promise<Float32Array | undefined> {
    return this.#binding.indexVector(this.#handle, label);
  }

  async search({ data }: Matrix, checked: CheckedSearch): Promise<Neighbours> {
    const { k, effort, exact, threads, allow, exclude } = checked;
    const found = await this.#binding.indexSearch(
      this.#handle,
      data,
      k,
      effort,
      exact,
      threads,
      allow?.bits,
      allow?.first ?? 0,
      exclude,
    );
    checkStatus(found, 'queries');
    return { k, labels: found.labels, distances: found.distances };
  }

  async toBytes(): Promise<Uint8Array> {
    const saved = await this.#binding.indexSave(this.#handle, undefined);
    checkStatus(saved, 'the index');
    return saved.bytes;
  }

  async save(path: string): Promise<void> {
    checkStatus(await this.#binding.indexSave(this.#handle, path), path);
  }

  release(): void {
    this.#binding.indexRelease(this.#handle);
  }
}

function factsOf({ dim, storage, size, removed, memoryBytes }: NativeIndexFacts): IndexFacts {
  return { dim, storage: storageName(storage), size, removed, memoryBytes };
}

/** Errors: those of `Kernels.buildIndex`. */
export async function buildNativeIndex(
  binding: NativeKernelsBinding,
  vectors: Matrix,
  checked: CheckedIndex,
  threads: number,
): Promise<IndexOperations> {
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
  return new NativeIndex(binding, built);
}

/** Errors: those of `Kernels.openIndex` and `Kernels.indexFromBytes`. */
export async function loadNativeIndex(
  binding: NativeKernelsBinding,
  source: string | Uint8Array,
  options: OpenOptions,
): Promise<IndexOperations> {
  const loaded = await binding.indexLoad(
    source,
    METRICS[options.metric],
    options.dim ?? 0,
    options.quantized ?? true,
  );
  checkStatus(loaded, typeof source === 'string' ? source : 'the bytes');
  return new NativeIndex(binding, loaded);
}

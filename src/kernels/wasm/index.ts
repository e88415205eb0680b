// The vector index on the WASM kernels: a pointer into the module's memory.
// Works on the calling thread inside its promises.
import { PgenrmError } from '../../errors.js';
import type { IndexFacts, IndexOperations } from '../checked-index.js';
import {
  type CheckedIndex,
  type CheckedSearch,
  METRICS,
  type OpenOptions,
  STORAGES,
  storageName,
} from '../vector-index.js';
import type { Matrix, Neighbours } from '../vectors.js';
import { type WasmExports, withWasm } from './module.js';

class WasmIndex implements IndexOperations {
  facts: IndexFacts;
  readonly #exports: WasmExports;
  readonly #pointer: number;

  constructor(exports: WasmExports, pointer: number) {
    this.#exports = exports;
    this.#pointer = pointer;
    this.facts = this.#readFacts();
  }

  async add(vectors: Matrix, labels: Uint32Array): Promise<void> {
    this.addNow(vectors, labels);
  }

  /** Adds at once. */
  addNow({ data }: Matrix, labels: Uint32Array): void {
    withWasm(this.#exports, (call) => {
      const rows = call.copied(labels);
      const code = this.#exports.indexAdd(this.#pointer, rows, call.copied(data), labels.length);
      call.check(code, 'vectors');
    });
    this.facts = this.#readFacts();
  }

  async remove(labels: Uint32Array): Promise<void> {
    withWasm(this.#exports, (call) => {
      call.check(this.#exports.indexRemove(this.#pointer, call.copied(labels), labels.length), 'labels');
    });
    this.facts = this.#readFacts();
  }

  async vector(label: number): Promise<Float32Array | undefined> {
    const { dim } = this.facts;
    return withWasm(this.#exports, (call) => {
      const out = call.room(dim * 4);
      return this.#exports.indexVector(this.#pointer, label, out) !== 0 ? call.float32(out, dim) : undefined;
    });
  }

  async search({ data }: Matrix, checked: CheckedSearch): Promise<Neighbours> {
    const { k, allow, exclude } = checked;
    return withWasm(this.#exports, (call) => {
      const places = checked.queries * k;
      const labels = call.room(places * 4);
      const distances = call.room(places * 4);
      const code = this.#exports.indexSearch(
        this.#pointer,
        call.copied(data),
        checked.queries,
        k,
        checked.effort,
        checked.exact ? 1 : 0,
        allow ? call.copied(allow.bits) : 0,
        allow?.bits.length ?? 0,
        allow?.first ?? 0,
        call.copied(exclude),
        exclude.length,
        labels,
        distances,
      );
      call.check(code, 'queries');
      return { k, labels: call.uint32(labels, places), distances: call.float32(distances, places) };
    });
  }

  async toBytes(): Promise<Uint8Array> {
    return withWasm(this.#exports, (call) => {
      const size = this.#exports.indexSize(this.#pointer);
      const out = call.room(size);
      this.#exports.indexWrite(this.#pointer, out);
      return call.bytes(out, size);
    });
  }

  release(): void {
    this.#exports.indexDestroy(this.#pointer);
  }

  #readFacts(): IndexFacts {
    return withWasm(this.#exports, (call) => {
      const out = call.room(40);
      this.#exports.indexFacts(this.#pointer, out);
      const [dim, storage, size, removed, memoryBytes] = call.float64(out, 5) as unknown as [
        number,
        number,
        number,
        number,
        number,
      ];
      return { dim, storage: storageName(storage), size, removed, memoryBytes };
    });
  }
}

/** Errors: those of `Kernels.buildIndex`. */
export function buildWasmIndex(
  exports: WasmExports,
  vectors: Matrix,
  checked: CheckedIndex,
): IndexOperations {
  const pointer = exports.indexCreate(
    METRICS[checked.metric],
    STORAGES[checked.storage],
    vectors.dim,
    checked.links,
    checked.buildEffort,
    checked.seed,
    checked.quantized ? 1 : 0,
  );
  if (pointer === 0)
    throw new PgenrmError('OUT_OF_MEMORY', 'the WASM kernels have no memory left for an index');
  const index = new WasmIndex(exports, pointer);
  try {
    index.addNow(vectors, checked.labels);
  } catch (error) {
    index.release();
    throw error;
  }
  return index;
}

/** Errors: those of `Kernels.indexFromBytes`. */
export function loadWasmIndex(
  exports: WasmExports,
  bytes: Uint8Array,
  options: OpenOptions,
): IndexOperations {
  const pointer = withWasm(exports, (call) => {
    const code = exports.readIndexFile(
      call.copied(bytes),
      bytes.length,
      METRICS[options.metric],
      options.dim ?? 0,
      (options.quantized ?? true) ? 1 : 0,
    );
    call.check(code, 'the bytes');
    return exports.loadedIndex();
  });
  return new WasmIndex(exports, pointer);
}

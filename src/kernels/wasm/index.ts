// The vector index on the WASM kernels: a pointer into the module's memory.
// Works on the calling thread inside its promises.
import { PgenrmError } from '../../errors.js';
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
import { type WasmCall, type WasmExports, withWasm } from './module.js';

export class WasmVectorIndex implements VectorIndex {
  readonly dim: number;
  readonly metric: Metric;
  readonly storage: Storage;
  private readonly exports: WasmExports;
  private pointer: number;
  private counts = { size: 0, removed: 0, memoryBytes: 0 };

  constructor(exports: WasmExports, metric: Metric, pointer: number) {
    this.exports = exports;
    this.metric = metric;
    this.pointer = pointer;
    const [dim, storage] = this.readFacts();
    this.dim = dim!;
    this.storage = storageName(storage!);
  }

  get size(): number {
    return this.counts.size;
  }

  get removed(): number {
    return this.counts.removed;
  }

  get memoryBytes(): number {
    return this.pointer === 0 ? 0 : this.counts.memoryBytes;
  }

  async add(vectors: Matrix, labels: Uint32Array): Promise<void> {
    this.addNow(vectors, labels);
  }

  /** Adds at once; see {@link VectorIndex.add}. */
  addNow(vectors: Matrix, labels: Uint32Array): void {
    this.run((call, index) => {
      checkAddition(vectors, labels, this.dim);
      const code = this.exports.indexAdd(
        index,
        call.copied(labels),
        call.copied(vectors.data),
        labels.length,
      );
      call.check(code, 'vectors');
    });
    this.readFacts();
  }

  async remove(labels: Uint32Array): Promise<void> {
    const all = Uint32Array.from(new Set(labels));
    this.run((call, index) => {
      call.check(this.exports.indexRemove(index, call.copied(all), all.length), 'labels');
    });
    this.readFacts();
  }

  async has(label: number): Promise<boolean> {
    return (await this.vector(label)) !== undefined;
  }

  async vector(label: number): Promise<Float32Array | undefined> {
    return this.run((call, index) => {
      const out = call.room(this.dim * 4);
      return this.exports.indexVector(index, label, out) !== 0 ? call.float32(out, this.dim) : undefined;
    });
  }

  async search(queries: Matrix, options: SearchOptions): Promise<Neighbours> {
    return this.run((call, index) => {
      const checked = checkSearch(queries, options, this.dim);
      const { k } = checked;
      const places = checked.queries * k;
      const labels = call.room(places * 4);
      const distances = call.room(places * 4);
      const allow = options.allow?.bits;
      const code = this.exports.indexSearch(
        index,
        call.copied(queries.data),
        checked.queries,
        k,
        checked.effort,
        checked.exact ? 1 : 0,
        allow ? call.copied(allow) : 0,
        allow?.length ?? 0,
        call.copied(checked.exclude),
        checked.exclude.length,
        labels,
        distances,
      );
      call.check(code, 'queries');
      return { k, labels: call.uint32(labels, places), distances: call.float32(distances, places) };
    });
  }

  async toBytes(): Promise<Uint8Array> {
    return this.run((call, index) => {
      const size = this.exports.indexSize(index);
      const out = call.room(size);
      this.exports.indexWrite(index, out);
      return call.bytes(out, size);
    });
  }

  async save(path: string): Promise<void> {
    const bytes = await this.toBytes();
    const { writeIndexFile } = await import('../index-path.js');
    await writeIndexFile(path, bytes);
  }

  dispose(): void {
    if (this.pointer !== 0) this.exports.indexDestroy(this.pointer);
    this.pointer = 0;
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  private run<Result>(work: (call: WasmCall, index: number) => Result): Result {
    if (this.pointer === 0)
      throw new PgenrmError('DISPOSED', 'the index was disposed; open or build it anew');
    return withWasm(this.exports, (call) => work(call, this.pointer));
  }

  private readFacts(): Float64Array {
    return this.run((call, index) => {
      const out = call.room(40);
      this.exports.indexFacts(index, out);
      const facts = call.float64(out, 5);
      this.counts = { size: facts[2]!, removed: facts[3]!, memoryBytes: facts[4]! };
      return facts;
    });
  }
}

/** Errors: those of `Kernels.buildIndex`. */
export function buildWasmIndex(
  exports: WasmExports,
  vectors: Matrix,
  checked: CheckedIndex,
): WasmVectorIndex {
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
  const index = new WasmVectorIndex(exports, checked.metric, pointer);
  try {
    index.addNow(vectors, checked.labels);
  } catch (error) {
    index.dispose();
    throw error;
  }
  return index;
}

/** Errors: those of `Kernels.indexFromBytes`. */
export function loadWasmIndex(
  exports: WasmExports,
  bytes: Uint8Array,
  options: OpenOptions,
): WasmVectorIndex {
  checkOpen(options);
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
  return new WasmVectorIndex(exports, options.metric, pointer);
}

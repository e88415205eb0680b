// The boundary to build/wasm/kernels.wasm, typed, and the memory that crosses it.
// Every block that a call takes is freed when the call ends, whatever its outcome.
import { messageOf, PgenrmError } from '../../errors.js';
import { checkStatus } from '../status.js';

/** What the module exports; pointers are byte offsets into its memory. */
export interface WasmExports {
  readonly memory: { readonly buffer: ArrayBuffer };
  allocate(bytes: number): number;
  release(block: number): void;
  statusAt(): number;
  normaliseRows(rows: number, count: number, dim: number): number;
  distances(
    metric: number,
    queries: number,
    queryCount: number,
    rows: number,
    count: number,
    dim: number,
    out: number,
  ): void;
  exactSearch(
    metric: number,
    queries: number,
    queryCount: number,
    rows: number,
    count: number,
    dim: number,
    k: number,
    labels: number,
    distances: number,
  ): number;
  kmeansFit(
    rows: number,
    count: number,
    dim: number,
    k: number,
    seed: number,
    restarts: number,
    maxIterations: number,
    tolerance: number,
    centres: number,
    assignment: number,
    result: number,
  ): number;
  refineData(
    dim: number,
    prototypes: number,
    rows: number,
    assignment: number,
    query: number,
    chosen: number,
    rejected: number,
    starts: number,
    historyQuery: number,
    historyChosen: number,
    historyRejected: number,
  ): void;
  refineTrain(
    epochs: number,
    batchSize: number,
    learningRate: number,
    weightDecay: number,
    queryPull: number,
    queryWeight: number,
    summaryWeight: number,
    prototypes: number,
    weights: number,
    losses: number,
  ): number;
  aggregateScores(
    individual: number,
    individualWeights: number,
    individualChains: number,
    prototype: number,
    prototypeWeights: number,
    prototypeChains: number,
    candidates: number,
    method: number,
    trim: number,
    individualShare: number,
    out: number,
  ): number;
  countWins(scores: number, chains: number, candidates: number, tolerance: number, out: number): void;
  bootstrapMeans(
    sums: number,
    counts: number,
    clusters: number,
    resamples: number,
    seed: number,
    means: number,
  ): void;
  permutationTest(
    sums: number,
    counts: number,
    clusters: number,
    permutations: number,
    seed: number,
    out: number,
  ): void;
  indexCreate(
    metric: number,
    storage: number,
    dim: number,
    links: number,
    buildEffort: number,
    seed: number,
    quantized: number,
  ): number;
  indexAdd(index: number, labels: number, vectors: number, count: number): number;
  indexRemove(index: number, labels: number, count: number): number;
  indexVector(index: number, label: number, out: number): number;
  indexSearch(
    index: number,
    queries: number,
    count: number,
    k: number,
    effort: number,
    exact: number,
    allow: number,
    allowBytes: number,
    allowFirst: number,
    exclude: number,
    excludeCount: number,
    labels: number,
    distances: number,
  ): number;
  indexSize(index: number): number;
  indexWrite(index: number, out: number): void;
  indexFacts(index: number, out: number): void;
  indexDestroy(index: number): void;
  readIndexFile(bytes: number, size: number, metric: number, dim: number, quantized: number): number;
  loadedIndex(): number;
}

/** The part of the platform's WebAssembly that is used; its types belong to no library that is compiled against. */
const engine = (globalThis as unknown as { WebAssembly: WasmEngine }).WebAssembly;

interface WasmEngine {
  readonly RuntimeError: new () => Error;
  compile(bytes: Uint8Array): Promise<object>;
  Instance: new (module: object, imports: object) => { readonly exports: object };
}

/** A fresh instance of the module: memory of its own, nothing shared with other instances. */
export async function instantiate(bytes: Uint8Array): Promise<WasmExports> {
  return new engine.Instance(await engine.compile(bytes), {}).exports as WasmExports;
}

type NumberArray = Float32Array | Float64Array | Uint32Array | Uint8Array;

/** Blocks of one call. Pointers stay valid as the memory grows; arrays over it do not, so none is kept. */
export class WasmCall {
  private readonly blocks: number[] = [];
  readonly exports: WasmExports;

  constructor(exports: WasmExports) {
    this.exports = exports;
  }

  /** A block of so many bytes, filled with whatever was there. */
  room(bytes: number): number {
    const block = this.exports.allocate(bytes) >>> 0;
    if (block === 0) {
      throw new PgenrmError(
        'OUT_OF_MEMORY',
        `the WASM kernels cannot hold ${bytes} bytes more (1 GiB an array, 4 GiB in all); use the native kernels`,
      );
    }
    this.blocks.push(block);
    return block;
  }

  /** A copy of an array. */
  copied(array: NumberArray): number {
    const block = this.room(array.byteLength);
    new Uint8Array(this.exports.memory.buffer).set(
      new Uint8Array(array.buffer, array.byteOffset, array.byteLength),
      block,
    );
    return block;
  }

  bytes(at: number, length: number): Uint8Array {
    return new Uint8Array(this.exports.memory.buffer, at, length).slice();
  }

  float32(at: number, length: number): Float32Array {
    return new Float32Array(this.exports.memory.buffer, at, length).slice();
  }

  float64(at: number, length: number): Float64Array {
    return new Float64Array(this.exports.memory.buffer, at, length).slice();
  }

  uint32(at: number, length: number): Uint32Array {
    return new Uint32Array(this.exports.memory.buffer, at, length).slice();
  }

  /** Throws the error of a code that a kernel answered. */
  check(code: number, name: string): void {
    checkStatus({ code, at: this.exports.statusAt() }, name);
  }

  free(): void {
    for (const block of this.blocks) this.exports.release(block);
  }
}

/** Runs one call against the module; its blocks are freed in the end. */
export function withWasm<Result>(exports: WasmExports, work: (call: WasmCall) => Result): Result {
  const call = new WasmCall(exports);
  try {
    const result = work(call);
    call.free();
    return result;
  } catch (error) {
    // After a trap the allocator's own state is unknown: freeing could trap again.
    if (error instanceof engine.RuntimeError) {
      throw new PgenrmError(
        'OUT_OF_MEMORY',
        `the WASM kernels stopped, most likely out of memory: ${messageOf(error)}`,
        {
          cause: error,
        },
      );
    }
    call.free();
    throw error;
  }
}

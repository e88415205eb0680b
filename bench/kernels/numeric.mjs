// Refinement, resampling, exact search: native and WASM in turn, results checked against each other.
import { loadKernels } from '../../dist/native/choose-kernels.js';
import { clusteredSource } from './data.mjs';
import { interleaved } from './timing.mjs';

export async function benchNumeric(options, _peers, report) {
  const native = await loadKernels({ force: 'native' });
  const wasm = await loadKernels({ force: 'wasm' });
  const values = Float64Array.from({ length: 5000 }, (_, i) => Math.sin(i * i) > 0.2);
  const clusters = Uint32Array.from(values, (_, i) => i % 500);
  const make = clusteredSource(256, 50, 7);
  const rows = make(20_000, 1);
  const queries = make(64, 2);
  const data = refinementData(make, 256, 256, 4);
  const tasks = {
    'bootstrap, 10,000 of 500 users': (k) =>
      k.bootstrapMeans(values, { resamples: 10_000, seed: 1, clusters, threads: 1 }),
    'permutation test, 10,000': async (k) => [
      (await k.permutationTest(values, values.toReversed(), { permutations: 10_000, seed: 1, threads: 1 }))
        .pValue,
    ],
    'exact search, 64 of 20,000 x 256': async (k) =>
      (await k.exactSearch(queries, rows, { metric: 'cosine', k: 10, threads: 1 })).distances,
    'refinement, 256 rows x 256, 3 events': async (k) =>
      (await k.refinePrototypes(data, { seed: 1, threads: 1 })).losses,
  };
  const lines = [];
  for (const [task, work] of Object.entries(tasks)) {
    const [a, b] = [await work(native), await work(wasm)];
    const apart = Math.max(...a.map((value, i) => Math.abs(value - b[i])));
    const { times, over } = await interleaved(
      { native: () => work(native), wasm: () => work(wasm) },
      options.seconds / 2,
    );
    const ofNative = over('native', 'wasm');
    lines.push({ task, nativeMs: times.native.cpu, wasmMs: times.wasm.cpu, ofNative, apart });
  }
  report.table(
    'native and WASM, one thread; processor time, ratios with 95% intervals',
    {
      task: ['task'],
      nativeMs: ['native ms', 'tenths'],
      wasmMs: ['wasm ms', 'tenths'],
      ofNative: ['wasm of native', 'ratio'],
      apart: ['most apart', 'small'],
    },
    lines,
  );
}

/** Rows with three history events each, made up. */
function refinementData(make, dim, rows, prototypes) {
  const take = (count, stream) => make(count, stream).data;
  return {
    dim,
    prototypes: take(prototypes, 10),
    assignment: Uint32Array.from({ length: rows }, (_, i) => i % prototypes),
    query: take(rows, 11),
    chosen: take(rows, 12),
    rejected: take(rows, 13),
    historyStart: Uint32Array.from({ length: rows + 1 }, (_, i) => 3 * i),
    historyQuery: take(3 * rows, 14),
    historyChosen: take(3 * rows, 15),
    historyRejected: take(3 * rows, 16),
  };
}

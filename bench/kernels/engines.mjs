// The contenders of the search benchmark, built over the same rows: ours and the peers that are installed.
// hnswlib-node and the WASM kernels search the very file that the native kernels wrote: one graph for all.
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { K } from './recall.mjs';
import { timed } from './timing.mjs';

/** Rows that are built on one thread, by engines that cannot use more or take too long. */
const PART = 10_000;

const residentMb = () => process.memoryUsage.rss() / 1e6;

/**
 * Builds every engine that is wanted. Each has `search(effort)`, which answers labels [queries x K] on one thread,
 * and where it can, `batch(effort)`, the same on all threads; `prepare(effort)` comes before either.
 * Returns the engines, the native index and the rows of the table of builds.
 */
export async function openEngines({ native, wasm }, peers, rows, queries, folder, options) {
  const { dim } = rows;
  const count = rows.data.length / dim;
  const file = path.join(folder, 'index.bin');
  const builds = [];
  const engines = {};
  const wanted = (name) => options.engines.includes(name);
  const add = (engine, build, vectors, megabytes) =>
    builds.push({ engine, seconds: build.wall / 1000, cpuSeconds: build.cpu / 1000, vectors, megabytes });
  const own = (index, threads) => ({
    search: async (effort) => (await index.search(queries, { k: K, effort, threads: 1 })).labels,
    ...(threads ? { batch: async (effort) => (await index.search(queries, { k: K, effort })).labels } : {}),
  });
  const part = { data: rows.data.slice(0, Math.min(count, PART) * dim), dim };
  const partRows = part.data.length / dim;

  const built = await timed(() => native.buildIndex(rows, { metric: 'cosine' }));
  add('native', built, count, built.result.memoryBytes / 1e6);
  await built.result.save(file);
  engines.native = own(built.result, true);
  if (wanted('native-single')) {
    const single = Array.from({ length: queries.data.length / dim }, (_, q) => ({
      data: queries.data.slice(q * dim, (q + 1) * dim),
      dim,
    }));
    engines['native, a query a call'] = {
      search: async (effort) => {
        const labels = new Uint32Array(single.length * K);
        for (const [q, query] of single.entries()) {
          labels.set((await built.result.search(query, { k: K, effort, threads: 1 })).labels, q * K);
        }
        return labels;
      },
    };
  }
  for (const storage of ['f16', 'int8'].filter((name) => wanted(`native-${name}`))) {
    const small = await timed(() => native.buildIndex(rows, { metric: 'cosine', storage }));
    add(`native-${storage}`, small, count, small.result.memoryBytes / 1e6);
    engines[`native-${storage}`] = own(small.result, false);
  }
  engines.wasm = own(await wasm.openIndex(file, { metric: 'cosine' }), false);
  const small = await timed(() => native.buildIndex(part, { metric: 'cosine', threads: 1 }));
  add('native, 1 thread', small, partRows, small.result.memoryBytes / 1e6);
  small.result.dispose();
  const smallWasm = await timed(() => wasm.buildIndex(part, { metric: 'cosine' }));
  add('wasm', smallWasm, partRows, smallWasm.result.memoryBytes / 1e6);
  smallWasm.result.dispose();

  if (peers.hnswlib && wanted('hnswlib-node')) {
    const { engine, build, megabytes } = await hnswlibNode(peers.hnswlib, file, queries, part);
    engines['hnswlib-node'] = engine;
    add('hnswlib-node, 1 thread', build, partRows, megabytes);
  }
  for (const scalar of ['f32', 'f16', 'i8'].filter((name) => peers.usearch && wanted(`usearch-${name}`))) {
    const cache = options.cache ?? folder;
    const { engine, build, megabytes } = await usearch(peers.usearch, scalar, rows, queries, cache);
    engines[`usearch-${scalar}`] = engine;
    add(`usearch-${scalar}`, build, count, megabytes);
  }
  if (peers.faiss && wanted('faiss-node')) {
    engines['faiss-node (exact)'] = faissExact(peers.faiss, rows, queries);
  }
  return { engines, index: built.result, builds, fileMegabytes: statSync(file).size / 1e6 };
}

async function hnswlibNode(hnswlib, file, queries, part) {
  const { dim } = queries;
  const before = residentMb();
  const index = new hnswlib.HierarchicalNSW('ip', dim);
  index.readIndexSync(file);
  const megabytes = residentMb() - before;
  const arrays = lists(queries);
  const fresh = new hnswlib.HierarchicalNSW('ip', dim);
  const points = lists(part);
  fresh.initIndex(points.length, 16, 200, 100);
  const build = await timed(() => {
    for (const [label, point] of points.entries()) fresh.addPoint(point, label);
  });
  const engine = {
    search: async (effort) => {
      index.setEf(effort);
      return Uint32Array.from(arrays.flatMap((query) => index.searchKnn(query, K).neighbors));
    },
  };
  return { engine, build, megabytes };
}

async function usearch({ Index, MetricKind }, scalar, rows, queries, folder) {
  const { dim } = rows;
  const config = (effort) => ({
    dimensions: dim,
    metric: MetricKind.IP,
    quantization: scalar,
    connectivity: 16,
    expansion_add: 200,
    expansion_search: effort,
    multi: false,
  });
  const threads = availableParallelism();
  const count = rows.data.length / dim;
  // The rows follow from their number and dimension alone: an index of them that an earlier run built is the same
  // index, and what its build took was noted then.
  const file = path.join(folder, `usearch-${scalar}-${count}x${dim}.bin`);
  let index;
  if (!existsSync(`${file}.json`)) {
    const before = residentMb();
    const keys = BigUint64Array.from({ length: count }, (_, i) => BigInt(i));
    index = new Index(config(64));
    const { wall, cpu } = await timed(() => index.add(keys, rows.data, threads));
    const megabytes = residentMb() - before;
    index.save(file);
    writeFileSync(`${file}.json`, JSON.stringify({ build: { wall, cpu }, megabytes }));
  }
  const { build, megabytes } = JSON.parse(readFileSync(`${file}.json`, 'utf8'));
  let prepared = 0;
  const on = (count) => async () => Uint32Array.from(index.search(queries.data, K, count).keys, Number);
  const engine = {
    // The effort is fixed when an index is made.
    prepare: async (effort) => {
      if (effort === prepared) return;
      index = new Index(config(effort));
      index.load(file);
      prepared = effort;
    },
    search: on(1),
    batch: on(threads),
  };
  return { engine, build, megabytes };
}

function faissExact({ IndexFlatIP }, rows, queries) {
  const index = new IndexFlatIP(rows.dim);
  for (const row of lists(rows)) index.add(row);
  const arrays = lists(queries);
  return { search: async () => Uint32Array.from(arrays.flatMap((query) => index.search(query, K).labels)) };
}

function lists({ data, dim }) {
  return Array.from({ length: data.length / dim }, (_, row) =>
    Array.from(data.subarray(row * dim, (row + 1) * dim)),
  );
}

// Nearest neighbours: recall@10 beside queries per second from JavaScript, build time and memory.
// hnswlib-node and the WASM kernels search the very file that the native kernels wrote: one graph for all.
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import path from 'node:path';
import { loadKernels } from '../../dist/kernels/choose.js';
import { clusteredSource } from './data.mjs';
import { interleaved, table, timed } from './timing.mjs';

const K = 10;
const FLOOR = 0.98;
const EFFORTS = [30, 50, 80, 120, 160, 200, 260, 320, 420, 560];

export async function benchSearch(options, peers) {
  for (const dim of options.dims) await benchDim(dim, options, peers);
}

async function benchDim(dim, options, peers) {
  const folder = mkdtempSync(path.join(tmpdir(), 'pgenrm-bench-'));
  try {
    const native = await loadKernels({ force: 'native' });
    const wasm = await loadKernels({ force: 'wasm' });
    const make = clusteredSource(dim, Math.max(1, Math.round(options.rows / 100)), 1);
    const rows = make(options.rows, 1);
    const queries = make(options.queries, 2);
    const truth = await timed(() => native.exactSearch(queries, rows, { metric: 'cosine', k: K }));
    console.log(
      `\n${options.rows} unit vectors of ${dim} dimensions, ${options.queries} queries; brute force ${Math.round(truth.wall)} ms`,
    );
    const engines = await open({ native, wasm }, peers, rows, queries, folder, options);
    const recall = (labels) => recallOf(labels, truth.result.labels, options.queries);

    const chosen = {};
    const lines = [['engine', 'effort', 'recall@10', 'queries/s', 'per CPU s']];
    for (const [name, engine] of Object.entries(engines)) {
      for (const effort of EFFORTS) {
        await engine.prepare?.(effort);
        const run = await timed(() => engine.search(effort));
        const found = recall(run.result);
        const rate = (ms) => Math.round((options.queries / ms) * 1000);
        lines.push([name, effort, found.toFixed(4), rate(run.wall), rate(run.cpu)]);
        if (found < FLOOR && effort !== EFFORTS.at(-1)) continue;
        chosen[name] = { effort, recall: found };
        break;
      }
    }
    table(lines);

    for (const [name, { effort }] of Object.entries(chosen)) await engines[name].prepare?.(effort);
    const times = await interleaved(
      Object.fromEntries(
        Object.entries(chosen).map(([name, { effort }]) => [name, () => engines[name].search(effort)]),
      ),
      options.seconds,
    );
    console.log(
      `\nin turn, at the least effort of each with recall >= ${FLOOR}; ratios by median processor time:`,
    );
    table([
      ['engine', 'effort', 'recall@10', 'queries/s', 'of native'],
      ...Object.entries(times).map(([name, time]) => [
        name,
        chosen[name].effort,
        chosen[name].recall.toFixed(4),
        Math.round((options.queries / time.wall) * 1000),
        (times.native.median / time.median).toFixed(3),
      ]),
    ]);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Engines by name: `search(effort)` answers labels [queries x K] on one thread. */
async function open({ native, wasm }, peers, rows, queries, folder, options) {
  const { dim } = rows;
  const count = rows.data.length / dim;
  const file = path.join(folder, 'index.bin');
  const memory = () => process.memoryUsage.rss() / 1e6;
  const builds = [['engine', 'build s', 'CPU s', 'vectors', 'index MB']];
  const engines = {};
  const own = (index) => ({
    search: async (effort) => (await index.search(queries, { k: K, effort, threads: 1 })).labels,
  });
  const wanted = (name) => options.engines.includes(name);
  const add = (name, build, rowsBuilt, megabytes) =>
    builds.push([
      name,
      (build.wall / 1000).toFixed(1),
      (build.cpu / 1000).toFixed(1),
      rowsBuilt,
      Math.round(megabytes),
    ]);

  const built = await timed(() => native.buildIndex(rows, { metric: 'cosine' }));
  add('native', built, count, built.result.memoryBytes / 1e6);
  await built.result.save(file);
  engines.native = own(built.result);
  for (const storage of ['f16', 'int8'].filter((name) => wanted(`native-${name}`))) {
    const small = await timed(() => native.buildIndex(rows, { metric: 'cosine', storage }));
    add(`native-${storage}`, small, count, small.result.memoryBytes / 1e6);
    engines[`native-${storage}`] = own(small.result);
  }
  const opened = await wasm.openIndex(file, { metric: 'cosine' });
  engines.wasm = own(opened);
  const part = { data: rows.data.slice(0, Math.min(count, 10_000) * dim), dim };
  const small = await timed(() => native.buildIndex(part, { metric: 'cosine', threads: 1 }));
  add('native, 1 thread', small, part.data.length / dim, small.result.memoryBytes / 1e6);
  const smallWasm = await timed(() => wasm.buildIndex(part, { metric: 'cosine' }));
  add('wasm', smallWasm, part.data.length / dim, smallWasm.result.memoryBytes / 1e6);

  if (peers.hnswlib && wanted('hnswlib-node')) {
    const before = memory();
    const theirs = new peers.hnswlib.HierarchicalNSW('ip', dim);
    theirs.readIndexSync(file);
    const held = memory() - before;
    const arrays = Array.from({ length: queries.data.length / dim }, (_, q) =>
      Array.from(queries.data.subarray(q * dim, (q + 1) * dim)),
    );
    engines['hnswlib-node'] = {
      search: async (effort) => {
        theirs.setEf(effort);
        return Uint32Array.from(arrays.flatMap((query) => theirs.searchKnn(query, K).neighbors));
      },
    };
    const fresh = new peers.hnswlib.HierarchicalNSW('ip', dim);
    fresh.initIndex(part.data.length / dim, 16, 200, 100);
    const points = Array.from({ length: part.data.length / dim }, (_, i) =>
      Array.from(part.data.subarray(i * dim, (i + 1) * dim)),
    );
    const run = await timed(() => {
      for (const [label, point] of points.entries()) fresh.addPoint(point, label);
    });
    add('hnswlib-node, 1 thread', run, points.length, held);
  }
  for (const scalar of ['f32', 'i8'].filter((name) => peers.usearch && wanted(`usearch-${name}`))) {
    const { Index, MetricKind } = peers.usearch;
    const config = (effort) => ({
      dimensions: dim,
      metric: MetricKind.IP,
      quantization: scalar,
      connectivity: 16,
      expansion_add: 200,
      expansion_search: effort,
      multi: false,
    });
    const before = memory();
    let theirs = new Index(config(64));
    const keys = BigUint64Array.from({ length: count }, (_, i) => BigInt(i));
    const threads = availableParallelism();
    const run = await timed(() => theirs.add(keys, rows.data, threads));
    add(`usearch-${scalar}`, run, count, memory() - before);
    const theirFile = path.join(folder, `usearch-${scalar}.bin`);
    theirs.save(theirFile);
    engines[`usearch-${scalar}`] = {
      prepare: async (effort) => {
        theirs = new Index(config(effort));
        theirs.load(theirFile);
      },
      search: async () => Uint32Array.from(theirs.search(queries.data, K, 1).keys, Number),
    };
  }
  table(builds);
  console.log(`index file ${(statSync(file).size / 1e6).toFixed(0)} MB`);
  return engines;
}

function recallOf(labels, truth, queries) {
  let hits = 0;
  for (let q = 0; q < queries; q++) {
    const expected = new Set(truth.subarray(q * K, (q + 1) * K));
    for (const label of labels.subarray(q * K, (q + 1) * K)) if (expected.has(label)) hits++;
  }
  return hits / truth.length;
}

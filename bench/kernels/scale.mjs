// Made-up users by the ten thousand to the million: build time, memory, latency of one query.
import { loadKernels } from '../../dist/kernels/choose.js';
import { clusteredSource } from './data.mjs';
import { table, timed } from './timing.mjs';

const DIM = 256;

export async function benchScale(options) {
  const native = await loadKernels({ force: 'native' });
  const lines = [['users', 'build s', 'CPU s', 'index MB', 'RSS MB', 'recall@10', 'p50 ms', 'p99 ms']];
  for (const rows of options.scale) {
    const make = clusteredSource(DIM, Math.max(1, Math.round(rows / 100)), 9);
    const vectors = make(rows, 1);
    const queries = make(options.queries, 2);
    const built = await timed(() => native.buildIndex(vectors, { metric: 'cosine' }));
    const index = built.result;
    const checked = { data: queries.data.slice(0, 100 * DIM), dim: DIM };
    const truth = await index.search(checked, { k: 10, exact: true });
    const times = [];
    let hits = 0;
    for (let q = 0; q < options.queries; q++) {
      const query = { data: queries.data.subarray(q * DIM, (q + 1) * DIM), dim: DIM };
      const start = performance.now();
      const found = await index.search(query, { k: 10, effort: 200, exclude: Uint32Array.of(q) });
      times.push(performance.now() - start);
      if (q >= 100) continue;
      const expected = new Set(truth.labels.subarray(q * 10, q * 10 + 10));
      for (const label of found.labels) if (expected.has(label)) hits++;
    }
    times.sort((a, b) => a - b);
    lines.push([
      rows,
      (built.wall / 1000).toFixed(1),
      (built.cpu / 1000).toFixed(1),
      Math.round(index.memoryBytes / 1e6),
      Math.round(process.memoryUsage.rss() / 1e6),
      (hits / 1000).toFixed(3),
      times[times.length >> 1].toFixed(2),
      times[Math.floor(times.length * 0.99)].toFixed(2),
    ]);
    index.dispose();
  }
  table(lines);
}

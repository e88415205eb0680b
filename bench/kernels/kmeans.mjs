// K-means: time of one iteration on one thread and on all, native, WASM and scikit-learn, on the same rows.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadKernels } from '../../dist/kernels/choose.js';
import { clusteredSource } from './data.mjs';
import { table, timed } from './timing.mjs';

const ROWS = 50_000;
const DIM = 256;
const CENTRES = 100;

export async function benchKmeans(_options, peers) {
  const rows = clusteredSource(DIM, 500, 3)(ROWS, 1);
  const lines = [['engine', 'ms an iteration', 'CPU ms', 'inertia']];
  // Two runs that differ only in their iterations: what comes before the first one cancels out.
  const iteration = async (name, kernels, vectors, threads) => {
    const run = (maxIterations) =>
      timed(() =>
        kernels.kmeansFit(vectors, {
          k: CENTRES,
          seed: 1,
          restarts: 1,
          maxIterations,
          tolerance: 0,
          threads,
        }),
      );
    const short = await run(1);
    const long = await run(11);
    const scale = ROWS / (vectors.data.length / DIM) / (long.result.iterations - 1);
    const inertia = vectors === rows ? long.result.inertia.toFixed(1) : '-';
    lines.push([
      name,
      ((long.wall - short.wall) * scale).toFixed(1),
      ((long.cpu - short.cpu) * scale).toFixed(1),
      inertia,
    ]);
  };
  const native = await loadKernels({ force: 'native' });
  await iteration('native, 1 thread', native, rows, 1);
  await iteration('native, all threads', native, rows, undefined);
  const part = { data: rows.data.slice(0, 10_000 * DIM), dim: DIM };
  await iteration('wasm (from 10,000 rows)', await loadKernels({ force: 'wasm' }), part, 1);
  if (peers.python) {
    const folder = mkdtempSync(path.join(tmpdir(), 'pgenrm-bench-'));
    try {
      const file = path.join(folder, 'rows.f32');
      writeFileSync(file, rows.data);
      const script = fileURLToPath(new URL('kmeans-sklearn.py', import.meta.url));
      for (const threads of ['1', '']) {
        const env = threads ? { OMP_NUM_THREADS: threads, OPENBLAS_NUM_THREADS: threads } : {};
        const out = execFileSync(peers.python, [script, file, String(DIM), String(CENTRES)], {
          env: { ...process.env, ...env },
          encoding: 'utf8',
        });
        const found = JSON.parse(out);
        lines.push([
          `scikit-learn ${found.version}, ${threads ? '1 thread' : 'all threads'}`,
          found.wallMs.toFixed(1),
          found.cpuMs.toFixed(1),
          found.inertia.toFixed(1),
        ]);
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  }
  console.log(`${ROWS} rows of ${DIM} dimensions, ${CENTRES} centres`);
  table(lines);
}

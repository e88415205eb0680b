// K-means: time of one iteration on one thread and on all, native, WASM and scikit-learn, on the same rows.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadKernels } from '../../dist/kernels/choose.js';
import { clusteredSource } from './data.mjs';
import { timed } from './timing.mjs';

const DIM = 256;
const CENTRES = 100;
/** Rows that the WASM kernels get: theirs is the same time a row. */
const PART = 10_000;
/** Timed runs of each; the best counts. */
const RUNS = 3;

export async function benchKmeans(options, peers, report) {
  const count = options.kmeansRows;
  const rows = clusteredSource(DIM, 500, 3)(count, 1);
  const part = { data: rows.data.slice(0, Math.min(PART, count) * DIM), dim: DIM };
  const native = await loadKernels({ force: 'native' });
  const wasm = await loadKernels({ force: 'wasm' });
  const lines = [
    await iteration('native, 1 thread', native, rows, 1),
    await iteration('native, all threads', native, rows, undefined),
    await iteration(`wasm (from ${part.data.length / DIM} rows)`, wasm, part, 1, count),
    ...(peers.python ? scikitLearn(peers.python, rows) : []),
  ];
  report.table(
    `k-means, ${count} rows of ${DIM} dimensions, ${CENTRES} centres`,
    {
      engine: ['engine'],
      ms: ['ms an iteration', 'tenths'],
      cpuMs: ['CPU ms', 'tenths'],
      inertia: ['inertia', 'tenths'],
    },
    lines,
  );
  const of = (name) =>
    lines.find(({ engine }) => engine.startsWith(name) && engine.endsWith('1 thread'))?.cpuMs;
  report.aim('k-means iteration, scikit-learn of native, one thread', of('scikit') / of('native'), 1, null);
}

/** Two runs that differ only in their iterations: what comes before the first one cancels out. */
async function iteration(engine, kernels, vectors, threads, count = vectors.data.length / DIM) {
  const run = (maxIterations) =>
    timed(() =>
      kernels.kmeansFit(vectors, { k: CENTRES, seed: 1, restarts: 1, maxIterations, tolerance: 0, threads }),
    );
  const best = { ms: Infinity, cpuMs: Infinity };
  const share = count / (vectors.data.length / DIM);
  let inertia;
  for (let i = 0; i < RUNS; i++) {
    const short = await run(1);
    const long = await run(31);
    const scale = share / (long.result.iterations - 1);
    best.ms = Math.min(best.ms, (long.wall - short.wall) * scale);
    best.cpuMs = Math.min(best.cpuMs, (long.cpu - short.cpu) * scale);
    if (share === 1) inertia = long.result.inertia;
  }
  return { engine, ...best, inertia };
}

function scikitLearn(python, rows) {
  const folder = mkdtempSync(path.join(tmpdir(), 'pgenrm-bench-'));
  try {
    const file = path.join(folder, 'rows.f32');
    writeFileSync(file, rows.data);
    const script = fileURLToPath(new URL('kmeans-sklearn.py', import.meta.url));
    return ['1', ''].map((threads) => {
      const limits = threads ? { OMP_NUM_THREADS: threads, OPENBLAS_NUM_THREADS: threads } : {};
      const out = execFileSync(python, [script, file, String(DIM), String(CENTRES), String(RUNS)], {
        env: { ...process.env, ...limits },
        encoding: 'utf8',
      });
      const { version, wallMs, cpuMs, inertia } = JSON.parse(out);
      const engine = `scikit-learn ${version}, ${threads ? '1 thread' : 'all threads'}`;
      return { engine, ms: wallMs, cpuMs, inertia };
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

// K-means: time of one iteration on one thread and on all, native, WASM and scikit-learn, on the same rows.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadKernels } from '../../dist/native/choose-kernels.js';
import { runRounds } from '../harness/rounds.mjs';
import { clusteredSource } from './data.mjs';
import { timed } from './timing.mjs';

const DIM = 256;
const CENTRES = 100;
/** Rows that the WASM kernels get: theirs is the same time a row. */
const PART = 10_000;
/** Rounds in which each has its turn; the best of each counts. */
const ROUNDS = 3;
const ITERATIONS = 31;

export async function benchKmeans(options, peers, report) {
  const count = options.kmeansRows;
  const rows = clusteredSource(DIM, 500, 3)(count, 1);
  const part = { data: rows.data.slice(0, Math.min(PART, count) * DIM), dim: DIM };
  const native = await loadKernels({ force: 'native' });
  const wasm = await loadKernels({ force: 'wasm' });
  const folder = mkdtempSync(path.join(tmpdir(), 'pgenrm-bench-'));
  try {
    const file = path.join(folder, 'rows.f32');
    writeFileSync(file, rows.data);
    const contenders = {
      'native, 1 thread': () => iteration(native, rows, 1),
      ...(peers.python ? { 'scikit-learn, 1 thread': () => scikitLearn(peers.python, file, 1) } : {}),
      'native, all threads': () => iteration(native, rows, undefined),
      ...(peers.python
        ? { 'scikit-learn, all threads': () => scikitLearn(peers.python, file, undefined) }
        : {}),
      [`wasm (from ${part.data.length / DIM} rows)`]: () => iteration(wasm, part, 1, count),
    };
    const { results, failed } = await runRounds(contenders, { rounds: ROUNDS });
    for (const [engine, reason] of Object.entries(failed)) throw new Error(`${engine}: ${reason}`);
    const best = Object.fromEntries(Object.entries(results).map(([engine, all]) => [engine, ofOne(all)]));
    report.table(
      `k-means, ${count} rows of ${DIM} dimensions, ${CENTRES} centres, in turn; best of ${ROUNDS}`,
      {
        engine: ['engine'],
        ms: ['ms an iteration', 'tenths'],
        cpuMs: ['CPU ms', 'tenths'],
        inertia: ['inertia', 'tenths'],
      },
      Object.entries(best).map(([engine, found]) => ({ engine, ...found })),
    );
    const ratio = (key, threads) => best[`scikit-learn, ${threads}`]?.[key] / best[`native, ${threads}`][key];
    report.aim(
      'k-means iteration, scikit-learn of native, one thread, processor time',
      ratio('cpuMs', '1 thread'),
      1,
      null,
    );
    report.aim('k-means iteration, scikit-learn of native, all threads', ratio('ms', 'all threads'), 1, null);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/**
 * Time of one iteration out of the rounds of an engine: the best long run less the best short one, which differ only
 * in their iterations. What comes before the first iteration cancels out.
 */
function ofOne(rounds) {
  const least = (key) => Math.min(...rounds.map((round) => round[key]));
  const { steps, scale = 1, inertia } = rounds[0];
  return {
    ms: ((least('longWall') - least('shortWall')) / steps) * scale,
    cpuMs: ((least('longCpu') - least('shortCpu')) / steps) * scale,
    inertia,
  };
}

async function iteration(kernels, vectors, threads, count = vectors.data.length / DIM) {
  const run = (maxIterations) =>
    timed(() =>
      kernels.kmeansFit(vectors, { k: CENTRES, seed: 1, restarts: 1, maxIterations, tolerance: 0, threads }),
    );
  const rows = vectors.data.length / DIM;
  const short = await run(1);
  const long = await run(ITERATIONS);
  return {
    shortWall: short.wall,
    shortCpu: short.cpu,
    longWall: long.wall,
    longCpu: long.cpu,
    steps: long.result.iterations - 1,
    scale: count / rows,
    inertia: rows === count ? long.result.inertia : undefined,
  };
}

/** The same in scikit-learn, in a process of its own. */
function scikitLearn(python, file, threads) {
  const limits = threads ? { OMP_NUM_THREADS: String(threads), OPENBLAS_NUM_THREADS: String(threads) } : {};
  // Settings of this shell that hold numpy's BLAS to another processor are not the peer's fault.
  const { OPENBLAS_CORETYPE: _, OPENBLAS_L2_SIZE: __, ...environment } = process.env;
  const script = fileURLToPath(new URL('kmeans-sklearn.py', import.meta.url));
  const out = execFileSync(python, [script, file, String(DIM), String(CENTRES), String(ITERATIONS)], {
    env: { ...environment, ...limits },
    encoding: 'utf8',
  });
  return JSON.parse(out);
}

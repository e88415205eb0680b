// Nearest neighbours: recall@10 beside queries per second from JavaScript, build time and memory.
import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import path from 'node:path';
import { loadKernels } from '../../dist/native/choose-kernels.js';
import { clusteredSource } from './data.mjs';
import { openEngines } from './engines.mjs';
import { benchFilters } from './filters.mjs';
import { K, recallOf } from './recall.mjs';
import { interleaved, timed } from './timing.mjs';

const FLOOR = 0.98;
const EFFORTS = [30, 50, 80, 120, 160, 200, 260, 320, 420, 560];

export async function benchSearch(options, peers, report) {
  for (const dim of options.dims) await benchDim(dim, options, peers, report);
}

async function benchDim(dim, options, peers, report) {
  const folder = mkdtempSync(path.join(tmpdir(), 'pgenrm-bench-'));
  try {
    const native = await loadKernels({ force: 'native' });
    const wasm = await loadKernels({ force: 'wasm' });
    const make = clusteredSource(dim, Math.max(1, Math.round(options.rows / 100)), 1);
    const rows = make(options.rows, 1);
    const queries = make(options.queries, 2);
    const truth = await timed(() => native.exactSearch(queries, rows, { metric: 'cosine', k: K }));
    const size = `${options.rows} unit vectors of ${dim} dimensions`;
    console.log(`\n${size}, ${options.queries} queries; brute force ${Math.round(truth.wall)} ms`);
    const opened = await openEngines({ native, wasm }, peers, rows, queries, folder, options);
    const { engines } = opened;
    report.table(
      `builds, ${size}; index file ${opened.fileMegabytes.toFixed(0)} MB`,
      {
        engine: ['engine'],
        seconds: ['build s', 'tenths'],
        cpuSeconds: ['CPU s', 'tenths'],
        vectors: ['vectors'],
        megabytes: ['index MB', 'count'],
      },
      opened.builds,
    );
    const chosen = await leastEfforts(engines, truth.result.labels, options, report, size);
    const oneThread = await compare('search', chosen, engines, options, report, `one thread, ${size}`);
    const batch = await compare(
      'batch',
      chosen,
      engines,
      options,
      report,
      `batches on ${availableParallelism()} threads, ${size}`,
    );
    noteAims(dim, chosen, oneThread, batch, report);
    await benchFilters({ native: opened.index, wasm, folder, rows, queries, options, report, size });
    opened.index.dispose();
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** For each engine the least effort that reaches the floor, or the largest where none does. */
async function leastEfforts(engines, truth, options, report, size) {
  const chosen = {};
  const lines = [];
  for (const [engine, { prepare, search }] of Object.entries(engines)) {
    for (const effort of EFFORTS) {
      await prepare?.(effort);
      const run = await timed(() => search(effort));
      const recall = recallOf(run.result, truth);
      const rate = (ms) => (options.queries / ms) * 1000;
      lines.push({ engine, effort, recall, perSecond: rate(run.wall), perCpuSecond: rate(run.cpu) });
      if (recall < FLOOR && effort !== EFFORTS.at(-1)) continue;
      chosen[engine] = { effort, recall };
      break;
    }
  }
  report.table(
    `recall and speed by effort, ${size}`,
    {
      engine: ['engine'],
      effort: ['effort'],
      recall: ['recall@10', 'recall'],
      perSecond: ['queries/s', 'count'],
      perCpuSecond: ['per CPU s', 'count'],
    },
    lines,
  );
  return chosen;
}

/** Times the engines that have `way` in turn, each at its effort. */
async function compare(way, chosen, engines, options, report, title) {
  const names = Object.keys(chosen).filter((name) => engines[name][way]);
  for (const name of names) await engines[name].prepare?.(chosen[name].effort);
  const { times, over } = await interleaved(
    Object.fromEntries(names.map((name) => [name, () => engines[name][way](chosen[name].effort)])),
    options.seconds,
  );
  const lines = names.map((engine) => ({
    engine,
    ...chosen[engine],
    perSecond: (options.queries / times[engine].wall) * 1000,
    ofNative: over('native', engine),
  }));
  report.table(
    `${title}: in turn, at the least effort of each with recall >= ${FLOOR}; ratio of processor time, with its 95% interval`,
    {
      engine: ['engine'],
      effort: ['effort'],
      recall: ['recall@10', 'recall'],
      perSecond: ['queries/s', 'count'],
      ofNative: ['of native', 'ratio'],
    },
    lines,
  );
  return Object.fromEntries(lines.map((line) => [line.engine, line]));
}

function noteAims(dim, chosen, oneThread, batch, report) {
  const name = (text) => `${dim}-d: ${text}`;
  report.aim(name('recall@10 of native'), chosen.native.recall, FLOOR, null);
  report.aim(
    name('native of hnswlib-node, one thread'),
    1 / oneThread['hnswlib-node']?.ofNative.ratio,
    3,
    null,
  );
  report.aim(
    name('native of usearch-f32, one thread'),
    1 / oneThread['usearch-f32']?.ofNative.ratio,
    1,
    null,
  );
  report.aim(name('native of usearch-f32, all threads'), 1 / batch['usearch-f32']?.ofNative.ratio, 1, null);
  if (chosen['usearch-i8']?.recall >= FLOOR) {
    report.aim(name('native of usearch-i8, one thread'), 1 / oneThread['usearch-i8'].ofNative.ratio, 1, null);
  }
  report.aim(name('WASM of native, one thread'), oneThread.wasm?.ofNative.ratio, 0.4, null);
}

// Benchmarks of the kernels beside their peers: `npm run bench -- kernels [options]`.
//   --quick                                        small sizes: a minute or two, to see that everything runs
//   --only search,kmeans,delay,numeric,scale       parts to run (default all)
//   --rows 100000 --dims 256,1024 --queries 1000   sizes of the search benchmark
//   --engines NAME,...                             beside native and WASM: native-single, native-f16, native-int8,
//                                                  hnswlib-node, usearch-f32, usearch-i8, faiss-node (default all)
//   --scale 10000,100000,1000000                   users of the banks that are made
//   --seconds 4                                    least time of each timed comparison
//   --cache FOLDER                                 keeps the indices that usearch built, and what that took, for later runs
//   --json FILE                                    all that was found, as JSON
// Peers that are not installed are left out and named: `npm i --prefix bench/peers hnswlib-node usearch faiss-node`
// brings them (faiss-node only where its installer may fetch a binary; the hnswlib-node among pgenrm's own packages is
// there for its headers and has no addon), PGENRM_BENCH_PEERS names another folder that holds them;
// PGENRM_BENCH_PYTHON names a Python with scikit-learn (default: the one on the PATH).
import { mkdirSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { surveyKernels } from '../../dist/native/choose-kernels.js';
import { environment, environmentText, machineTicks, ticksBetween } from '../harness/environment.mjs';
import { writeJson } from '../harness/report.mjs';
import { benchDelay } from './delay.mjs';
import { benchKmeans } from './kmeans.mjs';
import { benchNumeric } from './numeric.mjs';
import { loadPeers } from './peers.mjs';
import { Report } from './report.mjs';
import { benchScale } from './scale.mjs';
import { benchSearch } from './search.mjs';

const BENCHES = {
  search: benchSearch,
  kmeans: benchKmeans,
  delay: benchDelay,
  numeric: benchNumeric,
  scale: benchScale,
};
const ENGINES = 'native-single,native-f16,native-int8,hnswlib-node,usearch-f32,usearch-i8,faiss-node';
const FULL = {
  rows: '100000',
  queries: '1000',
  kmeansRows: 50_000,
  scale: '10000,100000,1000000',
  seconds: '4',
};
const QUICK = { rows: '5000', queries: '200', kmeansRows: 5000, scale: '2000,5000', seconds: '0.4' };

function optionsOf(args) {
  const text = { type: 'string' };
  const { values } = parseArgs({
    args: args.filter((argument) => argument !== 'kernels'),
    options: {
      quick: { type: 'boolean', default: false },
      only: { ...text, default: Object.keys(BENCHES).join(',') },
      dims: { ...text, default: '256,1024' },
      engines: { ...text, default: ENGINES },
      rows: text,
      queries: text,
      scale: text,
      seconds: text,
      cache: text,
      json: text,
    },
  });
  const defaults = values.quick ? QUICK : FULL;
  const numbers = (name) => {
    const list = (values[name] ?? defaults[name]).split(',').map(Number);
    if (list.some((value) => !(value > 0)))
      throw new RangeError(`--${name} takes numbers above 0, got ${list}`);
    return list;
  };
  const parts = values.only.split(',');
  const unknown = parts.find((part) => !Object.hasOwn(BENCHES, part));
  if (unknown !== undefined) {
    throw new RangeError(`--only takes ${Object.keys(BENCHES).join(', ')}, but got ${unknown}`);
  }
  return {
    quick: values.quick,
    parts,
    dims: numbers('dims'),
    engines: values.engines.split(','),
    rows: numbers('rows')[0],
    queries: Math.max(100, numbers('queries')[0]),
    kmeansRows: defaults.kmeansRows,
    scale: numbers('scale'),
    seconds: numbers('seconds')[0],
    cache: values.cache,
    json: values.json,
  };
}

const options = optionsOf(process.argv.slice(2));
if (options.cache) mkdirSync(options.cache, { recursive: true });
const peers = await loadPeers();
const kernels = await surveyKernels();
const ranOn = environment();
const report = new Report({
  environment: ranOn,
  kernels: kernels.map(({ name, simd, reason }) => ({ name, simd: simd ?? null, reason: reason ?? null })),
  peers: peers.notes,
  options,
});
console.log(environmentText(ranOn));
for (const { name, simd, reason } of kernels) console.log(`kernels ${name}: ${simd ?? reason}`);
for (const note of peers.notes) console.log(note);

const before = machineTicks();
for (const part of options.parts) {
  report.part(part);
  await BENCHES[part](options, peers, report);
  // Written after each part: what was measured is kept where a later part is stopped.
  if (options.json) writeJson(options.json, report);
}
const noise = ticksBetween(before, machineTicks());
report.facts.noise = noise;
if (noise !== null) {
  const percent = (share) => `${(100 * share).toFixed(1)}%`;
  console.log(
    `\nload ${ranOn.loadAtStart.toFixed(2)} at the start; busy ${percent(noise.busyShare)}, steal time ${percent(noise.stealShare)}`,
  );
}
report.finish();
if (options.json) writeJson(options.json, report);

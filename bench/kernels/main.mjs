// Benchmarks of the kernels beside their peers: `npm run bench -- kernels [options]`.
//   --rows 100000 --dims 256,1024 --queries 1000   sizes of the search benchmark
//   --engines native-f16,native-int8,hnswlib-node,usearch-f32,usearch-i8   beside native and WASM (default all)
//   --only search,kmeans,delay,numeric,scale       parts to run (default all but scale)
//   --scale 10000,100000,1000000                   sizes of the scale benchmark
//   --seconds 4                                    least time of each timed comparison
// Peers that are not installed are left out and named: `npm i --prefix bench/peers usearch faiss-node` brings
// them; PGENRM_BENCH_PYTHON names a Python with scikit-learn.
import { cpus, totalmem } from 'node:os';
import { parseArgs } from 'node:util';
import { surveyKernels } from '../../dist/kernels/choose.js';
import { benchDelay } from './delay.mjs';
import { benchKmeans } from './kmeans.mjs';
import { benchNumeric } from './numeric.mjs';
import { loadPeers } from './peers.mjs';
import { benchScale } from './scale.mjs';
import { benchSearch } from './search.mjs';

const { values } = parseArgs({
  args: process.argv.slice(2).filter((argument) => argument !== 'kernels'),
  options: {
    rows: { type: 'string', default: '100000' },
    dims: { type: 'string', default: '256,1024' },
    queries: { type: 'string', default: '1000' },
    engines: { type: 'string', default: 'native-f16,native-int8,hnswlib-node,usearch-f32,usearch-i8' },
    only: { type: 'string', default: 'search,kmeans,delay,numeric' },
    scale: { type: 'string', default: '10000,100000,1000000' },
    seconds: { type: 'string', default: '4' },
  },
});
const list = (text) => text.split(',').map(Number);
const options = {
  rows: Number(values.rows),
  dims: list(values.dims),
  queries: Number(values.queries),
  scale: list(values.scale),
  engines: values.engines.split(','),
  seconds: Number(values.seconds),
};
const parts = values.only.split(',');

console.log(
  `${cpus()[0]?.model.trim()}, ${cpus().length} cores, ${(totalmem() / 2 ** 30).toFixed(0)} GiB, Node ${process.version}`,
);
for (const { name, simd, reason } of await surveyKernels()) console.log(`kernels ${name}: ${simd ?? reason}`);
const peers = await loadPeers();
for (const note of peers.notes) console.log(note);

const benches = {
  search: benchSearch,
  kmeans: benchKmeans,
  delay: benchDelay,
  numeric: benchNumeric,
  scale: benchScale,
};
for (const part of parts) {
  const bench = benches[part];
  if (!bench) throw new RangeError(`--only takes ${Object.keys(benches).join(', ')}, but got ${part}`);
  console.log(`\n== ${part}`);
  await bench(options, peers);
}

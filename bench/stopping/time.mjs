// What adaptive stopping does to the time of a judgment: all chains of Ind-8 beside adaptive ones, in turn on the same rows, one
// judgment after another and many at once. `node bench/stopping/time.mjs PAIRS USERS [--rows 24] [--rounds 7] [--decoding free] [--entry FILE]`
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { table } from '../harness/report.mjs';
import { median, pairedRatio, ratioText } from '../harness/statistics.mjs';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rows: { type: 'string', default: '24' },
    rounds: { type: 'string', default: '7' },
    decoding: { type: 'string', default: 'free' },
    individual: { type: 'string', default: '8' },
    model: { type: 'string', default: path.join(root, 'models/nano.gguf') },
    entry: { type: 'string', default: path.join(root, 'dist/api/index.js') },
  },
});
const [pairs, users] = positionals;
const load = (file) => import(pathToFileURL(path.resolve(root, file)).href);
const [{ openPreferenceData }, { inputOf }, { RewardModel }] = await Promise.all([
  load('dist/data/preference-data.js'),
  load('dist/run/rows.js'),
  load(values.entry),
]);

const items = [];
const data = await openPreferenceData(pairs, { users, split: 'test' });
for await (const row of data.rows()) {
  if (row.problem === undefined) items.push(inputOf(row));
  if (items.length >= Number(values.rows)) break;
}

const model = await RewardModel.load({ model: values.model, gpu: 'off' });
const options = { individual: Number(values.individual), decoding: values.decoding };
const arms = { all: options, adaptive: { ...options, adaptive: 0.05 } };

/** Milliseconds and chains of a judgment. */
async function measure(arm, full, seed) {
  const asked = { ...arms[arm], seed };
  const began = performance.now();
  const judgments = [];
  if (full) {
    for await (const { judgment, error } of model.judgeMany(items, asked)) {
      if (error) throw error;
      judgments.push(judgment);
    }
  } else for (const item of items) judgments.push(await model.judge(item, asked));
  const ms = (performance.now() - began) / items.length;
  return { ms, chains: judgments.reduce((sum, { chains }) => sum + chains.length, 0) / items.length };
}

const times = {};
let chains = 0;
await measure('all', false, 0);
for (let round = 1; round <= Number(values.rounds); round += 1) {
  for (const full of [false, true]) {
    for (const arm of round % 2 ? ['all', 'adaptive'] : ['adaptive', 'all']) {
      const { ms, chains: used } = await measure(arm, full, round);
      const key = `${arm} ${full ? 'full' : 'alone'}`;
      times[key] ??= [];
      times[key].push(ms);
      if (arm === 'adaptive') chains += used / (2 * Number(values.rounds));
    }
  }
}
await model.close();
console.log(
  `${items.length} rows, Ind-${values.individual}, ${values.decoding}; adaptive used ${chains.toFixed(1)} chains a judgment`,
);
table([
  ['', 'all, ms', 'adaptive, ms', 'adaptive of all'],
  ...['alone', 'full'].map((when) => [
    when,
    median(times[`all ${when}`]).toFixed(0),
    median(times[`adaptive ${when}`]).toFixed(0),
    ratioText(pairedRatio(times[`adaptive ${when}`], times[`all ${when}`])),
  ]),
]);

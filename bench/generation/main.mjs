// Generation beside its peers: `npm run bench -- generation [options]`. Build the peers first: `npm run bench:peers`.
//   --model nano|random|8b|PATH    default random: 60M parameters, 32k vocabulary, Q8_0, written on first use
//   --workloads a,b,c,d            a: one item; b: a data set; c: embedding; d: decode rate. Default all
//   --quick                        shorter texts, fewer items and rounds, fewer ways tried
//   --rounds N                     interleaved rounds; default 3, quick 2
//   --limit SECONDS                of one run; b and c are cut to what the slowest contender has time for; default 100
//   --slow                         the slow ones too, once each on a part of the work; default unless --quick
//   --gpu off|auto|cuda|...        default off
//   --threads N                    default: all cores
//   --json FILE                    writes all figures; of several workloads FILE-a.json, FILE-b.json and so on
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, loadavg, tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { findPeers } from '../../scripts/bench-peers.mjs';
import { environment, environmentText, fileHash, root } from '../harness/environment.mjs';
import { megabytes, table, writeJson } from '../harness/report.mjs';
import { ratioText } from '../harness/statistics.mjs';
import { benchDataSet } from './data-set.mjs';
import { benchEmbedding } from './embedding.mjs';
import { benchItem } from './item.mjs';
import { benchModel } from './models.mjs';
import { benchRates } from './rates.mjs';

const WORKLOADS = { a: benchItem, b: benchDataSet, c: benchEmbedding, d: benchRates };

const { values } = parseArgs({
  args: process.argv.slice(2),
  options: {
    model: { type: 'string', default: 'random' },
    workloads: { type: 'string', default: 'a,b,c,d' },
    quick: { type: 'boolean', default: false },
    slow: { type: 'boolean' },
    rounds: { type: 'string' },
    limit: { type: 'string', default: '100' },
    gpu: { type: 'string', default: 'off' },
    threads: { type: 'string' },
    json: { type: 'string' },
  },
});
const { quick } = values;
const wanted = values.workloads.split(',');
const unknown = wanted.find((name) => !(name in WORKLOADS));
if (unknown !== undefined) {
  console.error(`--workloads takes ${Object.keys(WORKLOADS).join(', ')}, got ${unknown}`);
  process.exit(2);
}
for (const name of ['rounds', 'threads', 'limit']) {
  if (values[name] !== undefined && !/^[1-9]\d*$/.test(values[name])) {
    console.error(`--${name} takes a whole number from 1 on, got ${values[name]}`);
    process.exit(2);
  }
}

// Servers end with this process, however it ends.
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));

const backend = values.gpu === 'off' ? 'cpu' : values.gpu === 'auto' ? 'cuda' : values.gpu;
const machine = environment(backend);
const model = await benchModel(values.model);
const threads = Number(values.threads ?? availableParallelism());
const peers = findPeers(backend);
const scratch = mkdtempSync(path.join(tmpdir(), 'pgenrm-bench-'));
console.log(environmentText(machine));
console.log(`model ${model.name}: ${model.path}, ${megabytes(model.bytes)} MB; ${threads} threads`);
if (loadavg()[0] > 0.5) console.log(`! the machine is not idle: load ${loadavg()[0].toFixed(2)}`);
for (const [name, file] of Object.entries(peers)) {
  if (file === null) console.log(`! ${name} is left out: build it with \`npm run bench:peers\``);
}

try {
  const workFile = path.join(scratch, 'work.json');
  const items = quick ? 8 : 40;
  const prepared = execFileSync(
    process.execPath,
    [
      fileURLToPath(new URL('prepare.mjs', import.meta.url)),
      JSON.stringify({
        model: model.path,
        context: model.context,
        gpu: values.gpu,
        threads,
        out: workFile,
        promptTokens: Math.min(2000, Math.floor(model.context * 0.6)),
        items,
        users: quick ? 4 : 8,
        own: 8,
        proto: 4,
        maxPrompt: Math.min(1600, model.context - 256),
        texts: quick ? 300 : 2000,
        sharedData: path.resolve(root, '..', 'shared', 'data'),
      }),
    ],
    { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] },
  );
  console.log(`work: ${prepared.trim()}`);
  const bench = {
    model,
    threads,
    gpu: values.gpu,
    load: { gpu: values.gpu, threads },
    peers,
    workFile,
    work: JSON.parse(readFileSync(workFile, 'utf8')),
    warmUp: { run: 'short', samples: 4, tokens: 8, texts: 16 },
    options: {
      quick,
      items,
      rounds: Number(values.rounds ?? (quick ? 2 : 3)),
      limit: Number(values.limit),
      slow: values.slow ?? !quick,
    },
  };
  const hash = await fileHash(model.path);
  for (const name of wanted) {
    const order = { ...bench, warmUp: name === 'c' ? { texts: 16 } : bench.warmUp };
    const start = performance.now();
    const results = await WORKLOADS[name](order);
    for (const result of results) print(result);
    const seconds = (performance.now() - start) / 1000;
    console.log(`(${name}) took ${(seconds / 60).toFixed(1)} minutes`);
    if (results.some(checkFailed)) process.exitCode = 1;
    if (values.json === undefined) continue;
    writeJson(wanted.length === 1 ? values.json : values.json.replace(/(\.json)?$/, `-${name}.json`), {
      pgenrmBench: 1,
      bench: 'generation',
      workload: name,
      seconds,
      environment: machine,
      model: { ...model, path: path.basename(model.path), sha256: hash },
      options: { ...bench.options, threads, gpu: values.gpu },
      results,
    });
  }
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

function print(result) {
  console.log(`\n== (${result.workload}) ${result.name}`);
  for (const [contender, ways] of Object.entries(result.tried ?? {})) {
    const found = ways.map(({ name, seconds, failed }) => `${name} ${failed ?? `${seconds.toFixed(2)} s`}`);
    console.log(`tried, ${contender}: ${found.length === 0 ? 'left out' : found.join('; ')}`);
  }
  if (result.checked) console.log(`checked: ${result.checked} greedy tokens of every contender`);
  if (result.part) console.log(`on ${result.part}, ${result.rounds} rounds:`);
  printRows(result.rows);
  for (const part of [result.whole, result.slow].filter(Boolean)) {
    console.log(`once each, on ${part.part}:`);
    printRows(part.rows);
  }
  if (result.drift && Math.abs(result.drift - 1) > 0.05) {
    console.log(
      `! the machine drifted: the second half of the rounds took ${result.drift.toFixed(2)} times the first`,
    );
  }
  if (result.noise && result.noise.stealShare > 0.01) {
    console.log(
      `! ${(100 * result.noise.stealShare).toFixed(1)}% of the processor time went to other machines`,
    );
  }
}

/** Whether a contender wrote what it must not have: the figures stand, the run has failed. */
function checkFailed({ rows }) {
  return rows.some(({ failed }) => failed?.startsWith('check failed'));
}

function printRows(rows) {
  const rates = rows.some(({ tokensPerSecond }) => tokensPerSecond);
  const lines = [['', rates ? 'tokens/s' : 'seconds', 'lowest', 'highest', 'peak MB', 'ours is faster by']];
  for (const row of rows) {
    const reason = row.failed ?? row.leftOut;
    if (reason !== undefined) {
      lines.push([row.name, row.failed ? 'failed' : 'left out', '', '', '', reason.slice(0, 100)]);
      continue;
    }
    const figures = row.tokensPerSecond ?? row.seconds;
    const digits = rates ? 1 : 2;
    const shown = [figures.median, figures.min, figures.max].map((value) => value.toFixed(digits));
    const faster = row.oursFaster === null ? '' : ratioText(row.oursFaster);
    lines.push([row.name, ...shown, megabytes(row.peakMemoryBytes), faster]);
  }
  table(lines);
}

// Guided chains of models with random weights: how many are usable, and whether one repeats the example of the prompt.
// Run after a build: node bench/guided/random-weights.mjs [--chains 10000] [--seeds 1,2,3] [--threads 1] [--json FILE]
// Three vocabularies for each seed. Ends with an error where one chain is not as it should be.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { RewardModel } from '../../dist/api/index.js';
import { seededRandom } from '../harness/statistics.mjs';
import { importTypeScript } from '../harness/typescript.mjs';
import { faultOf } from './chain-fault.mjs';

const { values } = parseArgs({
  options: {
    chains: { type: 'string', default: '10000' },
    seeds: { type: 'string', default: '1,2,3' },
    threads: { type: 'string', default: '1' },
    json: { type: 'string' },
  },
});
const LEVEL = 8;
const VOCABULARIES = {
  'byte-level, 1,024 tokens': { tokenizer: 'bpe', vocabulary: 1024 },
  'byte-level, 8,192 tokens': { tokenizer: 'bpe', vocabulary: 8192 },
  'SentencePiece, 2,048 tokens': { tokenizer: 'spm', vocabulary: 2048 },
};
const SHAPE = { layers: 2, width: 64, heads: 4, kvHeads: 2, ffWidth: 128, context: 8192, type: 'F32' };

const seeds = values.seeds.split(',').map(Number);
const judgments = Math.ceil(Number(values.chains) / LEVEL / seeds.length / Object.keys(VOCABULARIES).length);
const { writeRandomLlama } = await importTypeScript(
  new URL('../models/random-llama.ts', import.meta.url).href,
);
const folder = mkdtempSync(path.join(tmpdir(), 'pgenrm-random-'));
const results = [];
try {
  for (const [name, vocabulary] of Object.entries(VOCABULARIES))
    for (const seed of seeds) results.push(await judgeAll(name, vocabulary, seed));
} finally {
  rmSync(folder, { recursive: true, force: true });
}
const chains = results.reduce((sum, one) => sum + one.chains, 0);
const faults = results.flatMap((one) => one.faults);
if (values.json)
  writeFileSync(values.json, `${JSON.stringify({ level: LEVEL, shape: SHAPE, results }, null, 1)}\n`);
console.log(`\n${chains - faults.length} of ${chains} chains are usable and repeat no example`);
for (const fault of faults.slice(0, 10)) console.log(fault);
if (faults.length > 0) process.exitCode = 1;

async function judgeAll(name, vocabulary, seed) {
  const model = path.join(folder, `${vocabulary.tokenizer}-${vocabulary.vocabulary}-${seed}.gguf`);
  await writeRandomLlama(model, { ...SHAPE, ...vocabulary, seed });
  const random = seededRandom(seed);
  const started = Date.now();
  const threads = Number(values.threads);
  const judge = await RewardModel.load({ model, gpu: 'off', threads, contextTokens: 8192 });
  const rows = Array.from({ length: judgments }, (_, row) => rowOf(random, row));
  const found = { name, seed, chains: 0, faults: [] };
  // A few rows at once keep the batch full.
  const next = rows.values();
  const worker = async () => {
    for (const row of next) {
      const judgment = await judge.judge(row, { individual: LEVEL, seed, decoding: 'guided' });
      for (const chain of judgment.chains) {
        found.chains++;
        const fault = faultOf(chain, row.candidates.length);
        if (fault !== null) found.faults.push(`${name}, seed ${seed}, ${row.id}: ${fault}`);
      }
    }
  };
  try {
    await Promise.all(Array.from({ length: 4 }, worker));
  } finally {
    await judge.close();
  }
  const seconds = Math.round((Date.now() - started) / 1000);
  console.log(
    `${name}, seed ${seed}: ${found.chains - found.faults.length} of ${found.chains}, ${seconds} s`,
  );
  return { ...found, seconds };
}

/** A made-up row: two to four candidates, a user with up to two events. */
function rowOf(random, row) {
  const words = (most) =>
    Array.from({ length: 1 + Math.floor(most * random()) }, () =>
      String.fromCharCode(
        ...Array.from({ length: 2 + Math.floor(6 * random()) }, () => 97 + Math.floor(26 * random())),
      ),
    ).join(' ');
  const turn = () => [{ role: 'user', content: words(8) }];
  const history = Array.from({ length: Math.floor(3 * random()) }, () => ({
    context: turn(),
    chosen: words(12),
    rejected: words(12),
  }));
  const candidates = Array.from({ length: 2 + (row % 3) }, (_, at) => `${at} ${words(12)}`);
  return { id: `row-${row}`, user: { id: `u${row}`, history }, context: turn(), candidates };
}

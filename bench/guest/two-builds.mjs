// Two builds of pgenrm in turn on an idle machine: milliseconds of a judgment at Ind-8, one after another and 24 at once.
// `node bench/guest/two-builds.mjs ENTRY_BEFORE ENTRY_NOW [ROUNDS]`; an entry is the built index.js of a checkout.
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const self = fileURLToPath(import.meta.url);
const model = path.resolve(path.dirname(self), '../../models/nano.gguf');
const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1];

/** Milliseconds a judgment in this process. */
async function measure(entry) {
  const { RewardModel } = await import(pathToFileURL(path.resolve(entry)).href);
  const judge = await RewardModel.load({ model, gpu: 'off' });
  const items = Array.from({ length: 24 }, (_, i) => ({
    prompt: `How do I boil ${i + 3} eggs?`,
    candidates: ['- Boil water\n- 8 minutes', 'Eggs are lovely!'],
  }));
  await judge.judge(items[0], { individual: 2, seed: 1 });
  const began = performance.now();
  for (const item of items) await judge.judge(item, { individual: 8, seed: 1 });
  const alone = (performance.now() - began) / items.length;
  const again = performance.now();
  await Promise.all(items.map((item) => judge.judge(item, { individual: 8, seed: 2 })));
  const full = (performance.now() - again) / items.length;
  await judge[Symbol.asyncDispose]();
  return { alone, full };
}

if (process.argv[2] === '--child') {
  console.log(JSON.stringify(await measure(process.argv[3])));
} else {
  const [before, now, rounds = '9'] = process.argv.slice(2);
  if (!now || !(Number(rounds) >= 1))
    throw new Error('usage: two-builds.mjs ENTRY_BEFORE ENTRY_NOW [ROUNDS]');
  const run = (entry) =>
    JSON.parse(execFileSync(process.execPath, [self, '--child', entry], { encoding: 'utf8' }));
  const times = { before: [], now: [] };
  for (let round = 0; round < Number(rounds); round++) {
    for (const side of round % 2 ? ['now', 'before'] : ['before', 'now'])
      times[side].push(run(side === 'now' ? now : before));
  }
  for (const kind of ['alone', 'full']) {
    const ratio = median(times.now.map((one, i) => one[kind] / times.before[i][kind]));
    const ms = (side) => median(times[side].map((one) => one[kind])).toFixed(1);
    console.log(
      `${kind.padEnd(6)} before ${ms('before')} ms, now ${ms('now')} ms, ratio ${ratio.toFixed(3)}`,
    );
  }
}

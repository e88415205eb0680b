// A guest in somebody else's process: two models of one process that judge at once, one beside busy processes, and one alone.
// `npm run bench -- guest [--quick] [--rounds N]`; medians over rounds, and ratios to the time alone in the same round.
import { spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { RewardModel } from '../../dist/api/index.js';

const { values } = parseArgs({ options: { quick: { type: 'boolean' }, rounds: { type: 'string' } } });
const rounds = Number(values.rounds ?? (values.quick ? 3 : 9));
if (!Number.isInteger(rounds) || rounds < 1)
  throw new Error(`--rounds must be a whole number from 1, got ${values.rounds}`);
const model = fileURLToPath(new URL('../../models/nano.gguf', import.meta.url));
const item = {
  prompt: 'How do I boil an egg?',
  candidates: ['- Boil water\n- 8 minutes', 'Eggs are lovely!'],
};
const BUSY = 'process.on("message", () => {}); for (;;);';

const median = (times) => [...times].sort((a, b) => a - b)[Math.floor(times.length / 2)];
const number = (value) => value.toFixed(value < 10 ? 2 : 0);

async function timed(models) {
  const began = performance.now();
  const judgments = await Promise.all(models.map((one) => one.judge(item, { individual: 4, seed: 1 })));
  const ms = performance.now() - began;
  if (judgments.some(({ chains }) => chains.length < 4)) throw new Error('a judgment has too few chains');
  return ms;
}

/** Runs `body` while so many processes keep a core busy each. */
async function beside(count, body) {
  const busy = Array.from({ length: count }, () =>
    spawn(process.execPath, ['-e', BUSY], { stdio: 'ignore' }),
  );
  try {
    await wait(500);
    return await body();
  } finally {
    for (const child of busy) child.kill('SIGKILL');
    await Promise.all(busy.map((child) => new Promise((resolve) => child.once('exit', resolve))));
    // The engine hears of free cores within a tenth of a second.
    await wait(300);
  }
}

const cores = availableParallelism();
console.log(
  `node ${process.version}, ${cores} cores, ${rounds} rounds, nano.gguf, Ind-4 of one item, milliseconds`,
);
console.log(
  'threads        alone   two at once (ratio, aim 2.5)   beside a busy process a core (ratio, aim 3)',
);
for (const threads of [undefined, cores, 1, 'background']) {
  const options = { model, gpu: 'off', ...(threads === undefined ? {} : { threads }) };
  const [a, b] = await Promise.all([RewardModel.load(options), RewardModel.load(options)]);
  const times = { alone: [], two: [], busy: [] };
  await timed([a]);
  await timed([b]);
  for (let round = 0; round < rounds; round++) {
    times.alone.push(await timed([a]));
    times.two.push(await timed([a, b]));
    times.busy.push(await beside(cores, () => timed([a])));
  }
  const ratio = (kind) => number(median(times[kind].map((ms, round) => ms / times.alone[round])));
  const cell = (kind) => `${number(median(times[kind]))} (${ratio(kind)})`;
  console.log(
    `${String(threads ?? 'default').padEnd(12)} ${number(median(times.alone)).padStart(7)}   ${cell('two').padEnd(30)} ${cell('busy')}`,
  );
  await Promise.all([a.close(), b.close()]);
}

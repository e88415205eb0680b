// A judge in a worker, seen from its application: start, stop, restart, the event loop, memory.
// `npm run bench -- worker [--quick] [--kinds process,thread] [--cycles N]`; numbers are medians, with the largest behind them.
import { availableParallelism } from 'node:os';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as wait } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { RewardModel } from '../../dist/api/index.js';
import { createJudge, JudgeWorker } from '../../dist/api/worker.js';

const { values } = parseArgs({
  options: { quick: { type: 'boolean' }, cycles: { type: 'string' }, kinds: { type: 'string' } },
});
const cycles = Number(values.cycles ?? (values.quick ? 5 : 200));
const times = values.quick ? 3 : 20;
const kinds = (values.kinds ?? 'process,thread').split(',');
const model = { model: 'nano', gpu: 'off' };
const item = {
  prompt: 'How do I boil an egg?',
  candidates: ['- Boil water\n- 8 minutes', 'Eggs are lovely!'],
};

const median = (all) => [...all].sort((a, b) => a - b)[Math.floor(all.length / 2)];
const told = (all, unit = 'ms') =>
  `${median(all).toFixed(1)} ${unit} (largest ${Math.max(...all).toFixed(1)}, n ${all.length})`;
const megabytes = () => {
  globalThis.gc?.();
  return process.memoryUsage.rss() / 1e6;
};
const say = (what, text) => console.log(`${what.padEnd(44)} ${text}`);

/** The longest and the usual wait of this process's event loop beside `work`. */
async function eventLoop(work) {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  await work();
  delay.disable();
  return `p99 ${(delay.percentile(99) / 1e6).toFixed(1)} ms, largest ${(delay.max / 1e6).toFixed(1)} ms`;
}

async function judge64(judge) {
  const items = Array.from({ length: 64 }, (_, index) => ({ ...item, id: `${index}` }));
  for await (const { error } of judge.judgeMany(items, { individual: 1 })) if (error) throw error;
}

async function timed(work) {
  const began = performance.now();
  await work();
  return performance.now() - began;
}

async function stopTimes(judge) {
  const stops = [];
  for (let time = 0; time < times; time++) {
    const stop = new AbortController();
    let aborted = 0;
    setTimeout(
      () => {
        aborted = performance.now();
        stop.abort();
      },
      50 + time * 20,
    );
    await judge.judge(item, { individual: 256, maxTokens: 2000, signal: stop.signal }).catch(() => undefined);
    stops.push(performance.now() - aborted);
  }
  return stops;
}

async function restartTimes() {
  const worker = new JudgeWorker();
  const judge = await worker.createJudge(model);
  const restarts = [];
  for (let time = 0; time < Math.ceil(times / 2); time++) {
    const judging = judge.judge(item, { individual: 1, maxTokens: 400, seed: time });
    await wait(5);
    process.kill(worker.pid, 'SIGKILL');
    restarts.push(await timed(() => judging));
  }
  await worker.close();
  return restarts;
}

async function cycle(kind) {
  const judge = await createJudge({ ...model, worker: kind });
  await judge.judge(item, { individual: 1, maxTokens: 200 });
  await judge.close();
}

console.log(`node ${process.version}, ${availableParallelism()} cores, nano.gguf on the CPU`);
say('event loop, nothing to do', await eventLoop(() => wait(2000)));
{
  const library = await RewardModel.load(model);
  say('event loop, 64 judgments in this process', await eventLoop(() => judge64(library)));
  await library.close();
}
for (const kind of kinds) {
  const starts = [];
  for (let time = 0; time < Math.min(5, times); time++) {
    let judge;
    starts.push(
      await timed(async () => {
        judge = await createJudge({ ...model, worker: kind });
      }),
    );
    await judge.close();
  }
  say(`${kind}: createJudge`, told(starts));
  const before = megabytes();
  const judge = await createJudge({ ...model, worker: kind });
  say(`${kind}: event loop, 64 judgments`, await eventLoop(() => judge64(judge)));
  say(`${kind}: from abort to stopped`, told(await stopTimes(judge)));
  const open = megabytes();
  await judge.close();
  await wait(500);
  say(
    `${kind}: memory of the application`,
    `${before.toFixed(0)} MB before, ${open.toFixed(0)} open, ${megabytes().toFixed(0)} after close`,
  );
  const marks = [];
  for (let n = 1; n <= cycles; n++) {
    await cycle(kind);
    if (n === 1 || n % Math.max(1, Math.floor(cycles / 5)) === 0)
      marks.push(`${n}: ${megabytes().toFixed(0)}`);
  }
  say(`${kind}: MB after open-judge-close cycles`, marks.join(', '));
}
if (kinds.includes('process')) say('process: kill -9 to the answer of its job', told(await restartTimes()));

// Event-loop delay while batches are searched natively: how long a timer of this process waits, and what for.
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { loadKernels } from '../../dist/native/choose-kernels.js';
import { clusteredSource } from './data.mjs';

const DIM = 256;
const ROWS = 20_000;
const QUERIES = 2000;

export async function benchDelay(options, _peers, report) {
  const native = await loadKernels({ force: 'native' });
  const make = clusteredSource(DIM, 200, 5);
  const rows = make(ROWS, 1);
  const queries = make(QUERIES, 2);
  const index = await native.buildIndex(rows, { metric: 'cosine' });
  const lines = [];
  const watch = async (during, work) => {
    const delay = monitorEventLoopDelay({ resolution: 1 });
    await sleep(50);
    delay.enable();
    const worst = longestGap();
    await work();
    const { ran, waited } = worst.end();
    delay.disable();
    const ms = (share) => delay.percentile(share) / 1e6;
    lines.push({ during, p50: ms(50), p99: ms(99), max: delay.max / 1e6, ran, waited });
  };
  await watch('idle (what the timer itself and the machine add)', () => sleep(options.seconds * 750));
  for (const threads of [1, availableParallelism()]) {
    await watch(`batches of ${QUERIES} queries on ${threads} thread${threads > 1 ? 's' : ''}`, async () => {
      const end = performance.now() + options.seconds * 750;
      while (performance.now() < end) await index.search(queries, { k: 10, effort: 200, threads });
    });
  }
  index.dispose();
  report.table(
    `delay of a timer, ${ROWS} rows of ${DIM} dimensions`,
    {
      during: ['while'],
      p50: ['p50 ms', 'hundredths'],
      p99: ['p99 ms', 'hundredths'],
      max: ['max ms', 'hundredths'],
      ran: ['longest gap: ran ms', 'hundredths'],
      waited: ['for a core ms', 'hundredths'],
    },
    lines,
  );
  report.aim('event-loop delay under batch search, p99', lines.at(-1).p99, null, 5, ' ms');
}

/**
 * Watches the gaps between ticks; `end` tells of the longest how long this thread ran in it and how long it was ready
 * and had no core. Null where the system does not tell.
 */
function longestGap() {
  const place = `/proc/self/task/${process.pid}/schedstat`;
  const read = () =>
    readFileSync(place, 'utf8')
      .split(' ')
      .map((ns) => Number(ns) / 1e6);
  try {
    read();
  } catch {
    return { end: () => ({ ran: null, waited: null }) };
  }
  let longest = { gap: 0, ran: null, waited: null };
  let last = { at: performance.now(), spent: read() };
  const timer = setInterval(() => {
    const now = { at: performance.now(), spent: read() };
    const gap = now.at - last.at;
    if (gap > longest.gap) {
      const [ran, waited] = now.spent.map((ms, i) => ms - last.spent[i]);
      longest = { gap, ran, waited };
    }
    last = now;
  }, 1);
  return {
    end() {
      clearInterval(timer);
      return longest;
    },
  };
}

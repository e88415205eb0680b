// Event-loop delay while batches are searched natively: how long a timer of this process waits.
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { loadKernels } from '../../dist/kernels/choose.js';
import { clusteredSource } from './data.mjs';
import { table } from './timing.mjs';

export async function benchDelay() {
  const native = await loadKernels({ force: 'native' });
  const make = clusteredSource(256, 200, 5);
  const rows = make(20_000, 1);
  const queries = make(2000, 2);
  const index = await native.buildIndex(rows, { metric: 'cosine' });
  const lines = [['while', 'p50 ms', 'p99 ms', 'max ms']];
  const watch = async (name, work) => {
    const delay = monitorEventLoopDelay({ resolution: 1 });
    await sleep(50);
    delay.enable();
    await work();
    delay.disable();
    lines.push([
      name,
      ...[delay.percentile(50), delay.percentile(99), delay.max].map((ns) => (ns / 1e6).toFixed(2)),
    ]);
  };
  await watch('idle (what the timer itself and the machine add)', () => sleep(3000));
  for (const threads of [1, 2]) {
    await watch(`batches of 2000 queries on ${threads} thread${threads > 1 ? 's' : ''}`, async () => {
      const end = performance.now() + 3000;
      while (performance.now() < end) await index.search(queries, { k: 10, effort: 200, threads });
    });
  }
  table(lines);
}

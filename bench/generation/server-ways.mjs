// The ways in which llama-server may be set up for many chains, for trials that change one setting at a time.
import { startServer } from './contenders.mjs';

/** What `settings` stand for, in words. */
export function describeServer({ usage, slots, flash, cacheRam, unified, ubatch, threads }) {
  return [
    usage === 'together' ? 'n_cmpl' : 'one request per chain',
    `${slots} slots`,
    ...(flash === 'off' ? ['flash attention off'] : []),
    ...(cacheRam === 0 ? ['no prompt cache in memory'] : []),
    ...(unified ? [] : ['split cells']),
    ...(ubatch ? [`batches of ${ubatch}`] : []),
    ...(threads ? [`${threads} threads`] : []),
  ].join(', ');
}

/**
 * A search for searchWays: from `n_cmpl` with `slots[0]` slots on. `each` is the number of tokens that a slot holds; `cells`
 * those of all together where slots share them, by default `each` a slot.
 */
export function serverSearch(bench, { slots: [first, ...others], each, cells }) {
  const start = (settings) => {
    const shared = settings.unified && settings.usage === 'together' ? cells : undefined;
    return startServer(bench, { ...settings, cells: shared ?? settings.slots * each });
  };
  const changes = [
    ...others.map((slots) => ({ slots })),
    { flash: 'off' },
    { cacheRam: 0 },
    { unified: false },
    { ubatch: bench.gpu === 'off' ? 128 : 2048 },
    ...(bench.gpu === 'off' && bench.threads > 1 ? [{ threads: bench.threads - 1 }] : []),
  ];
  return {
    start,
    base: { usage: 'together', slots: first, unified: true },
    changes: bench.options.quick ? changes.slice(0, others.length + 2) : changes,
    describe: describeServer,
  };
}

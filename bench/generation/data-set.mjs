// Workload (b): a data set: items of several users, own chains and similar users' chains, all handed over at once.
import { compare, stopAll, tryWays } from './comparison.mjs';
import { startNodeLlama, startOurs, startPlainLoop, startServer } from './contenders.mjs';
import { itemsOf, promptTokensOf, samplesOf } from './work.mjs';

/** Items that the ways are tried on, and that node-llama-cpp is compared on. */
const FEW = 4;

export async function benchDataSet(bench) {
  const { work, peers, options } = bench;
  const order = {
    run: 'dataSet',
    items: options.items,
    tokens: options.quick ? 48 : 96,
    temperature: 1,
    seed: 1,
  };
  const few = { ...order, items: FEW };
  const longest = Math.max(
    ...work.dataSet.flatMap(({ groups }) => groups.map(({ prompt }) => prompt.length)),
  );
  const each = longest + order.tokens + 64;
  const ours = oursWays(bench, each);
  const loops = loopWays(bench, each, Math.max(...work.dataSet.map((item) => itemCells(item, order.tokens))));
  const servers = serverWays(bench, each);
  const tried = {
    ours: await tryWays(bench, ours, few),
    'plain loop': peers['plain-loop'] ? await tryWays(bench, loops, few) : [],
    'llama-server': peers['llama-server'] ? await tryWays(bench, servers, few) : [],
  };
  const contenders = { ours: await ours.default.start({}) };
  const [best] = tried.ours;
  if (best.name !== 'default') contenders[`ours, ${best.name}`] = await ours[best.name].start(best.settings);
  for (const [peer, ways] of [
    ['plain loop', loops],
    ['llama-server', servers],
  ]) {
    const [first] = tried[peer].filter(({ seconds }) => seconds !== undefined);
    if (first) contenders[`${peer}, ${first.name}`] = await ways[first.name].start(first.settings);
  }
  const result = await compare(bench, contenders, order, options);
  await stopAll(contenders);
  const slow = options.slow ? await benchSlow(bench, few, each) : null;
  const chains = samplesOf(work, order);
  return [
    {
      workload: 'b',
      name: `${itemsOf(work, order).length} items, ${chains} chains of ${order.tokens} tokens, prompts of ${promptTokensOf(work, order)} tokens together`,
      tried,
      ...result,
      slow,
    },
  ];
}

async function benchSlow(bench, few, each) {
  const contenders = {
    ours: await oursWays(bench, each).default.start({}),
    'node-llama-cpp, 1 sequence at a time': await startOurs(bench, 'portable', {
      ...bench.load,
      contextTokens: each,
    }),
    'node-llama-cpp, 12 sequences': await startNodeLlama(bench, { sequences: 12, contextTokens: each }),
  };
  const result = await compare(bench, contenders, few, { rounds: 1 });
  await stopAll(contenders);
  return result;
}

/** Cells that the plain loop's wave of one item takes. */
function itemCells({ groups }, tokens) {
  return groups.reduce((sum, { samples, prompt }) => sum + prompt.length + samples * tokens, 0) + 256;
}

function oursWays(bench, each) {
  const contextTokens = Math.min(bench.model.context, each);
  const start = (settings) =>
    startOurs(bench, 'native', { ...bench.load, contextTokens, maxSequences: 32, ...settings });
  return {
    default: { start, settings: {} },
    'flash attention on': { start, settings: { flashAttention: 'on' } },
    'flash attention off': { start, settings: { flashAttention: 'off' } },
    'streams, flash attention off': { start, settings: { kvLayout: 'streams', flashAttention: 'off' } },
    '64 samples at once': { start, settings: { maxSequences: 64 } },
    '16 samples at once': { start, settings: { maxSequences: 16 } },
    '16 samples at once, flash attention off': {
      start,
      settings: { maxSequences: 16, flashAttention: 'off' },
    },
  };
}

function loopWays(bench, each, cells) {
  const start = (settings) => startPlainLoop(bench, settings);
  const sequences = 12;
  return {
    unified: { start, settings: { layout: 'unified', cells, sequences } },
    'unified, flash attention off': {
      start,
      settings: { layout: 'unified', cells, sequences, flash: 'off' },
    },
    streams: { start, settings: { layout: 'streams', cells: sequences * each, sequences } },
  };
}

function serverWays(bench, each) {
  const start = (settings) => startServer(bench, settings);
  const ways = {};
  for (const slots of bench.options.quick ? [24] : [12, 24, 32]) {
    const together = { usage: 'together', slots, cells: slots * each, unified: true };
    ways[`n_cmpl, ${slots} slots`] = { start, settings: together };
    ways[`n_cmpl, ${slots} slots, flash attention off`] = { start, settings: { ...together, flash: 'off' } };
    ways[`n_cmpl, ${slots} slots, no prompt cache in memory`] = {
      start,
      settings: { ...together, cacheRam: 0 },
    };
    ways[`n_cmpl, ${slots} slots, split cells`] = { start, settings: { ...together, unified: false } };
    ways[`one request per chain, ${slots} slots`] = { start, settings: { ...together, usage: 'single' } };
    ways[`one request per chain, ${slots} slots, split cells`] = {
      start,
      settings: { ...together, usage: 'single', unified: false },
    };
  }
  return ways;
}

// Workload (b): a data set: items of several users, own chains and similar users' chains, all handed over at once.
import { checkTexts, compareInParts, stopAll } from './comparison.mjs';
import { startNodeLlama, startOurs, startPlainLoop } from './contenders.mjs';
import { serverSearch } from './server-ways.mjs';
import { bestOf, betterThanDefault, searchWays, tryWays } from './trials.mjs';
import { itemsOf, promptTokensOf, samplesOf } from './work.mjs';

/** Trials: some items, for what is best for one is not for several, with texts so short. */
const TRIAL = { items: 3, tokens: 48 };

/** Items that all contenders are compared on in rounds: the first of these that the limit leaves time for, or the last. */
const PARTS = [5, 2, 1];

/** Sequences of the plain loop and of node-llama-cpp: as many as one item has chains. */
const SEQUENCES = 12;

export async function benchDataSet(bench) {
  const { work, peers, options } = bench;
  const order = {
    run: 'dataSet',
    items: options.items,
    tokens: options.quick ? 48 : 96,
    temperature: 1,
    seed: 1,
  };
  const trial = { ...order, ...TRIAL };
  const longest = Math.max(
    ...work.dataSet.flatMap(({ groups }) => groups.map(({ prompt }) => prompt.length)),
  );
  const each = longest + order.tokens + 64;
  const ours = oursWays(bench, each);
  const loops = loopWays(bench, each, Math.max(...work.dataSet.map((item) => itemCells(item, order.tokens))));
  const servers = serverSearch(bench, { slots: [24, 12, 32], each });
  const single = { usage: 'single' };
  const tried = {
    ours: await tryWays(bench, ours, trial),
    'plain loop': peers['plain-loop'] ? await tryWays(bench, loops, trial) : [],
    'llama-server': peers['llama-server']
      ? await searchWays(bench, { ...servers, changes: [...servers.changes, single] }, trial)
      : [],
  };
  const contenders = { ours: await ours.default.start({}) };
  const better = betterThanDefault(tried.ours);
  for (const { name, settings } of better) contenders[`ours, ${name}`] = await ours[name].start(settings);
  const loop = bestOf(tried['plain loop']);
  if (loop) contenders[`plain loop, ${loop.name}`] = await loops[loop.name].start(loop.settings);
  const server = bestOf(tried['llama-server']);
  if (server) contenders[`llama-server, ${server.name}`] = await servers.start(server.settings);
  if (options.slow) {
    contenders[`node-llama-cpp, ${SEQUENCES} sequences`] = await startNodeLlama(bench, {
      sequences: SEQUENCES,
      contextTokens: each,
    });
  }
  const { checked, failed } = await checkTexts(bench, contenders);
  const count = itemsOf(work, order).length;
  const result = await compareInParts(bench, contenders, order, {
    unit: 'items',
    part: partOf(Object.values(tried), order, options),
    count,
    rounds: options.rounds,
    failed,
    partOnly: better.map(({ name }) => `ours, ${name}`),
  });
  await stopAll(contenders);
  const chains = samplesOf(work, order);
  return [
    {
      workload: 'b',
      name: `${count} items, ${chains} chains of ${order.tokens} tokens, prompts of ${promptTokensOf(work, order)} tokens together`,
      tried,
      checked,
      ...result,
    },
  ];
}

/** How many items the rounds may have, by what the best ways took for the trial's. */
function partOf(tried, { tokens }, { limit, rounds }) {
  const trial = tried.reduce((sum, ways) => sum + (bestOf(ways)?.seconds ?? 0), 0);
  // Longer texts cost more, by less than their length: prompts are the same.
  const item = (trial * Math.sqrt(tokens / TRIAL.tokens)) / TRIAL.items;
  return PARTS.find((items) => rounds * items * item <= limit) ?? PARTS.at(-1);
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
    'flash attention off': { start, settings: { engine: { flashAttention: 'off' } } },
    "llama.cpp's attention": { start, settings: { engine: { attention: 'llama.cpp' } } },
    '64 samples at once': { start, settings: { maxSequences: 64 } },
    '16 samples at once': { start, settings: { maxSequences: 16 } },
  };
}

function loopWays(bench, each, cells) {
  const start = (settings) => startPlainLoop(bench, settings);
  const sequences = SEQUENCES;
  return {
    unified: { start, settings: { layout: 'unified', cells, sequences } },
    'unified, flash attention off': {
      start,
      settings: { layout: 'unified', cells, sequences, flash: 'off' },
    },
    streams: { start, settings: { layout: 'streams', cells: sequences * each, sequences } },
  };
}

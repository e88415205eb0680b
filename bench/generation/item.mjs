// Workload (a): one item, 2000 prompt tokens, 24 samples of 100 and of 400 tokens.
import { checkTexts, compare, stopAll } from './comparison.mjs';
import { startNodeLlama, startOurs, startPlainLoop } from './contenders.mjs';
import { describeServer, serverSearch } from './server-ways.mjs';
import { bestOf, betterThanDefault, searchWays, tryWays } from './trials.mjs';

const SAMPLES = 24;

/** Tokens of a sample, and rounds at the most. */
const LENGTHS = [
  { tokens: 100, most: Number.POSITIVE_INFINITY },
  { tokens: 400, most: 2 },
];

/** Tokens of a sample in trials, and samples that the slow ways are compared on, once. */
const TRIAL_TOKENS = 48;
const SLOW_SAMPLES = 8;

export async function benchItem(bench) {
  const { work, peers, options } = bench;
  const results = [];
  const order = { run: 'prompt', samples: SAMPLES, temperature: 1, seed: 1 };
  const trial = { ...order, tokens: TRIAL_TOKENS };
  const at100 = waysAt(bench, LENGTHS[0].tokens);
  // The best settings for the shorter texts serve the longer ones too.
  const tried = {
    ours: await tryWays(bench, at100.ours, trial),
    'plain loop': peers['plain-loop'] ? await tryWays(bench, at100.loops, trial) : [],
    'llama-server': peers['llama-server'] ? await searchWays(bench, at100.servers, trial) : [],
  };
  for (const { tokens, most } of options.quick ? LENGTHS.slice(0, 1) : LENGTHS) {
    const first = tokens === LENGTHS[0].tokens;
    const { ours, loops, servers } = waysAt(bench, tokens);
    const contenders = { ours: await ours.default.start({}) };
    for (const { name, settings } of first ? betterThanDefault(tried.ours) : []) {
      contenders[`ours, ${name}`] = await ours[name].start(settings);
    }
    const loop = bestOf(tried['plain loop']);
    if (loop)
      contenders[`plain loop, ${loop.name}`] = await loops[loop.name].start(loops[loop.name].settings);
    const server = bestOf(tried['llama-server']);
    if (server) contenders[`llama-server, ${server.name}`] = await servers.start(server.settings);
    const { checked, failed } = await checkTexts(bench, contenders);
    const rounds = Math.min(options.rounds, most);
    const result = await compare(bench, contenders, { ...order, tokens }, { rounds, failed });
    await stopAll(contenders);
    results.push({
      workload: 'a',
      name: `one item: ${work.prompt.length} + ${SAMPLES} x ${tokens} tokens`,
      tried: first ? tried : {},
      checked,
      ...result,
      slow: first && options.slow ? await benchSlow(bench, tokens, server) : null,
    });
  }
  return results;
}

/** The ways that prefill each sample's prompt anew, which take minutes: each once, on fewer samples, beside ours. */
async function benchSlow(bench, tokens, server) {
  const { ours, servers, each } = waysAt(bench, tokens);
  const contenders = {
    ours: await ours.default.start({}),
    'node-llama-cpp, 1 sequence at a time': await startOurs(bench, 'portable', {
      ...bench.load,
      contextTokens: each,
    }),
    'node-llama-cpp, 8 sequences': await startNodeLlama(bench, { sequences: 8, contextTokens: each }),
  };
  if (server) {
    const single = { ...server.settings, usage: 'single', slots: SLOW_SAMPLES };
    contenders[`llama-server, ${describeServer(single)}`] = await servers.start(single);
  }
  const order = { run: 'prompt', samples: SLOW_SAMPLES, tokens, temperature: 1, seed: 1 };
  const result = await compare(bench, contenders, order, { rounds: 1 });
  await stopAll(contenders);
  return { ...result, part: `${SLOW_SAMPLES} samples` };
}

function waysAt(bench, tokens) {
  const { prompt } = bench.work;
  const cells = prompt.length + SAMPLES * (tokens + 8) + 256;
  const each = prompt.length + tokens + 64;
  return {
    each,
    ours: oursWays(bench, cells, each),
    loops: loopWays(bench, cells, each),
    servers: serverSearch(bench, { slots: [SAMPLES], each, cells }),
  };
}

/** Ways to load ours: what `auto` chooses, and the others. It gets as many cells as the peers. */
function oursWays(bench, cells, each) {
  const start = (engine) =>
    startOurs(bench, 'native', {
      ...bench.load,
      contextTokens: each,
      maxSequences: 32,
      engine: { kvCells: cells, ...engine },
    });
  return {
    default: { start, settings: {} },
    "llama.cpp's attention": { start, settings: { attention: 'llama.cpp' } },
    'flash attention off': { start, settings: { flashAttention: 'off' } },
  };
}

function loopWays(bench, cells, each) {
  const start = (settings) => startPlainLoop(bench, settings);
  const unified = { layout: 'unified', cells, sequences: SAMPLES };
  return {
    unified: { start, settings: unified },
    'unified, flash attention off': { start, settings: { ...unified, flash: 'off' } },
    streams: { start, settings: { layout: 'streams', cells: SAMPLES * each, sequences: SAMPLES } },
  };
}

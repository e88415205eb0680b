// Workload (a): one item, 2000 prompt tokens, 24 samples.
import { compare, compareTexts, stopAll, tryWays } from './comparison.mjs';
import { startNodeLlama, startOurs, startPlainLoop, startServer } from './contenders.mjs';

const SAMPLES = 24;

export async function benchItem(bench) {
  const { work, peers, options } = bench;
  const results = [];
  for (const tokens of options.quick ? [100] : [100, 400]) {
    const order = { run: 'prompt', samples: SAMPLES, tokens, temperature: 1, seed: 1 };
    const cells = work.prompt.length + SAMPLES * (tokens + 8) + 256;
    const each = work.prompt.length + tokens + 64;
    const ours = oursWays(bench, cells, each);
    const loops = loopWays(bench, cells, each);
    const servers = serverWays(bench, cells, each);
    const tried = {
      ours: await tryWays(bench, ours, order),
      'plain loop': peers['plain-loop'] ? await tryWays(bench, loops, order) : [],
      'llama-server': peers['llama-server'] ? await tryWays(bench, servers, order) : [],
    };
    const contenders = {
      ours: await startOurs(bench, 'native', { ...bench.load, ...oursDefault(cells, each) }),
    };
    const best = tried.ours[0];
    if (best && best.name !== 'default')
      contenders[`ours, ${best.name}`] = await ours[best.name].start(best.settings);
    for (const [peer, ways] of [
      ['plain loop', loops],
      ['llama-server', servers],
    ]) {
      const [first] = tried[peer].filter(({ seconds }) => seconds !== undefined);
      if (first) contenders[`${peer}, ${first.name}`] = await ways[first.name].start(first.settings);
    }
    if (peers['llama-server']) {
      const { start, settings } = servers['one request per chain'];
      contenders['llama-server, one request per chain'] ??= await start(settings);
    }
    const texts = await compareTexts(bench, contenders);
    const result = await compare(bench, contenders, order, options);
    await stopAll(contenders);
    const slow = options.slow ? await benchSlow(bench, order, cells, each) : null;
    results.push({
      workload: 'a',
      name: `one item: 2000 + ${SAMPLES} x ${tokens} tokens`,
      tried,
      texts,
      ...result,
      slow,
    });
  }
  return results;
}

/** node-llama-cpp's ways, which take minutes: each once, beside ours on the same order. */
async function benchSlow(bench, order, cells, each) {
  const contenders = {
    ours: await startOurs(bench, 'native', { ...bench.load, ...oursDefault(cells, each) }),
    'node-llama-cpp, 1 sequence at a time': await startOurs(bench, 'portable', {
      ...bench.load,
      contextTokens: each,
    }),
    'node-llama-cpp, 8 sequences': await startNodeLlama(bench, { sequences: 8, contextTokens: each }),
  };
  const result = await compare(bench, contenders, order, { rounds: 1 });
  await stopAll(contenders);
  return result;
}

// As many cells as the peers get.
const oursDefault = (cells, each) => ({ contextTokens: each, maxSequences: 32, kvCells: cells });

/** Ways to load ours: what `auto` chooses, and the others. */
function oursWays(bench, cells, each) {
  const start = (settings) =>
    startOurs(bench, 'native', { ...bench.load, ...oursDefault(cells, each), ...settings });
  return {
    default: { start, settings: {} },
    'flash attention on': { start, settings: { flashAttention: 'on' } },
    'flash attention off': { start, settings: { flashAttention: 'off' } },
    streams: { start, settings: { kvLayout: 'streams', maxSequences: SAMPLES, kvCells: undefined } },
    'streams, flash attention off': {
      start,
      settings: { kvLayout: 'streams', maxSequences: SAMPLES, kvCells: undefined, flashAttention: 'off' },
    },
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

function serverWays(bench, cells, each) {
  const start = (settings) => startServer(bench, settings);
  const together = { usage: 'together', slots: SAMPLES, cells, unified: true };
  return {
    n_cmpl: { start, settings: together },
    'n_cmpl, flash attention off': { start, settings: { ...together, flash: 'off' } },
    'n_cmpl, no prompt cache in memory': { start, settings: { ...together, cacheRam: 0 } },
    'n_cmpl, split cells': { start, settings: { ...together, unified: false, cells: SAMPLES * each } },
    'one request per chain': {
      start,
      settings: { ...together, usage: 'single', cells: SAMPLES * each },
    },
  };
}

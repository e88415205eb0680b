// Workload (c): embedding texts, mean pooling, unit vectors.
import { compareInParts, stopAll } from './comparison.mjs';
import { startNodeLlama, startOurs, startServer } from './contenders.mjs';
import { bestOf, tryWays } from './trials.mjs';

/** Least cosine between two contenders' vectors of one text. */
const SAME = 0.999;

/** Texts that the ways are tried on, and those that all contenders are compared on in rounds. */
const TRIAL_TEXTS = 64;
const PART_TEXTS = 200;

export async function benchEmbedding(bench) {
  const { work, peers, options } = bench;
  const order = { run: 'embed', texts: work.texts.length };
  const trial = { ...order, texts: TRIAL_TEXTS };
  const maxTokens = 512;
  const ways = serverWays(bench, maxTokens);
  const tried = { 'llama-server': peers['llama-server'] ? await tryWays(bench, ways, trial) : [] };
  const { gpu, threads } = bench;
  const contenders = {
    ours: await startOurs(bench, 'embedder', { gpu, threads, maxTokens, pooling: 'mean' }),
  };
  const best = bestOf(tried['llama-server']);
  if (best) contenders[`llama-server, ${best.name}`] = await ways[best.name].start(best.settings);
  if (options.slow) {
    contenders['node-llama-cpp'] = await startNodeLlama(bench, { embeds: true, contextTokens: maxTokens });
  }
  const cosines = await compareVectors(contenders, trial);
  const others = Object.keys(contenders).filter((name) => !(cosines[name] >= SAME));
  for (const name of others) {
    await stopAll({ [name]: contenders[name] });
    delete contenders[name];
  }
  const result = await compareInParts(bench, contenders, order, {
    unit: 'texts',
    part: Math.min(PART_TEXTS, order.texts),
    count: order.texts,
    rounds: options.rounds,
  });
  await stopAll(contenders);
  for (const name of others) {
    result.rows.push({ name, failed: `embeds otherwise than ours: cosine ${cosines[name].toFixed(2)}` });
  }
  const characters = Math.round(work.texts.reduce((sum, { length }) => sum + length, 0) / work.texts.length);
  const name = `${order.texts} texts of ${characters} characters in the mean embedded`;
  return [{ workload: 'c', name, tried, cosines, ...result }];
}

async function compareVectors(contenders, order) {
  const cosines = {};
  let ours = null;
  for (const [name, contender] of Object.entries(contenders)) {
    const { first, last } = await contender.run(order);
    ours ??= { first, last };
    const cosine = (a, b) => a.reduce((sum, value, i) => sum + value * b[i], 0);
    cosines[name] = Math.min(cosine(first, ours.first), cosine(last, ours.last));
  }
  return cosines;
}

function serverWays(bench, maxTokens) {
  const start = (settings) => startServer(bench, settings);
  const ways = {};
  for (const slots of [4, 16]) {
    for (const perRequest of [16, 64]) {
      ways[`${slots} slots, ${perRequest} texts a request`] = {
        start,
        settings: {
          usage: 'single',
          embeds: true,
          slots,
          cells: slots * maxTokens,
          perRequest,
          ubatch: 2048,
        },
      };
    }
  }
  return ways;
}

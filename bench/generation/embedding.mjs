// Workload (c): embedding texts, mean pooling, unit vectors.
import { compare, stopAll, tryWays } from './comparison.mjs';
import { startNodeLlama, startOurs, startServer } from './contenders.mjs';

/** Least cosine between two contenders' vectors of one text. */
const SAME = 0.999;

export async function benchEmbedding(bench) {
  const { work, peers, options } = bench;
  const order = { run: 'embed', texts: Math.min(work.texts.length, options.quick ? 300 : 2000) };
  const few = { ...order, texts: 128 };
  const maxTokens = 512;
  const ways = serverWays(bench, maxTokens);
  const tried = { 'llama-server': peers['llama-server'] ? await tryWays(bench, ways, few) : [] };
  const { gpu, threads } = bench;
  const contenders = {
    ours: await startOurs(bench, 'embedder', { gpu, threads, maxTokens, pooling: 'mean' }),
  };
  const [first] = tried['llama-server'].filter(({ seconds }) => seconds !== undefined);
  if (first) contenders[`llama-server, ${first.name}`] = await ways[first.name].start(first.settings);
  if (options.slow) {
    contenders['node-llama-cpp'] = await startNodeLlama(bench, { embeds: true, contextTokens: maxTokens });
  }
  const cosines = await compareVectors(contenders, few);
  const result = await compare(bench, contenders, order, options);
  await stopAll(contenders);
  return [{ workload: 'c', name: `${order.texts} texts embedded`, tried, cosines, ...result }];
}

async function compareVectors(contenders, order) {
  const cosines = {};
  let ours = null;
  for (const [name, contender] of Object.entries(contenders)) {
    const { first, last } = await contender.run(order);
    ours ??= { first, last };
    const cosine = (a, b) => a.reduce((sum, value, i) => sum + value * b[i], 0);
    cosines[name] = Math.min(cosine(first, ours.first), cosine(last, ours.last));
    if (!(cosines[name] >= SAME))
      throw new Error(`${name} embeds otherwise than ours: cosine ${cosines[name]}`);
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

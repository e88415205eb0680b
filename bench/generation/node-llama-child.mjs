// A contender of the generation benchmark: node-llama-cpp's own API, used as its documentation shows, in a process of
// its own. Orders and answers as in ours-child.mjs.
//   node node-llama-child.mjs '{ model, work, sequences, contextTokens, threads, gpu, embeds }'
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { getLlama, LlamaLogLevel } from 'node-llama-cpp';
import { itemsOf } from './work.mjs';

const options = JSON.parse(process.argv[2]);
const say = (answer) => process.stdout.write(`${JSON.stringify(answer)}\n`);
const work = JSON.parse(readFileSync(options.work, 'utf8'));
const gpu = options.gpu === 'off' ? false : options.gpu;
const llama = await getLlama({ gpu, logLevel: LlamaLogLevel.error, maxThreads: options.threads });
const model = await llama.loadModel({ modelPath: options.model });
const { sequences, contextTokens, threads } = options;
const context = options.embeds
  ? await model.createEmbeddingContext({ contextSize: contextTokens, threads })
  : await model.createContext({ sequences, contextSize: contextTokens, threads });
const lanes = options.embeds ? [] : Array.from({ length: sequences }, () => context.getSequence());
say({ ready: true });

let answered = Promise.resolve();
for await (const line of createInterface({ input: process.stdin })) {
  answered = answered
    .then(async () => say(await answer(JSON.parse(line))))
    .catch((error) => say({ error: error.stack ?? String(error) }));
}
await answered;
await context.dispose();
await model.dispose();
process.exit(0);

async function answer(order) {
  if (order.run === 'embed') return embed(order);
  const items = itemsOf(work, order);
  const chains = items.flatMap(({ groups }) =>
    groups.flatMap(({ samples, prompt }) => Array.from({ length: samples }, () => prompt)),
  );
  const start = performance.now();
  let next = 0;
  let generatedTokens = 0;
  let promptTokens = 0;
  const texts = [];
  const serve = async (lane) => {
    for (let at = next++; at < chains.length; at = next++) {
      const prompt = chains[at];
      promptTokens += prompt.length;
      await lane.adaptStateToTokens(prompt.slice(0, -1), false);
      const written = [];
      const stream = lane.evaluate(prompt.slice(lane.nextTokenIndex), {
        temperature: order.temperature,
        topK: 0,
        topP: 1,
        minP: 0,
        seed: order.seed + at,
        yieldEogToken: true,
      });
      for await (const token of stream) {
        written.push(token);
        if (written.length === order.tokens) break;
      }
      generatedTokens += written.length;
      if (order.run === 'check') {
        texts[at] = Buffer.from(model.detokenize(written, false, prompt)).toString('hex');
      }
    }
  };
  await Promise.all(lanes.map(serve));
  return {
    seconds: (performance.now() - start) / 1000,
    promptTokens,
    generatedTokens,
    texts,
  };
}

async function embed({ texts }) {
  const start = performance.now();
  const found = await Promise.all(
    work.texts.slice(0, texts).map(async (text) => (await context.getEmbeddingFor(text)).vector),
  );
  const unit = (vector) => {
    const length = Math.hypot(...vector);
    return vector.map((value) => value / length);
  };
  const seconds = (performance.now() - start) / 1000;
  return { seconds, texts, dimension: found[0].length, first: unit(found[0]), last: unit(found.at(-1)) };
}

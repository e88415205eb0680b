// A contender of the generation benchmark: this package's generators, in a process of their own.
//   node ours-child.mjs '{ kind: "native" | "portable", model, work, options }'
// Orders on stdin, one JSON object a line: { run: "prompt" | "short" | "dataSet" | "check", samples, tokens, temperature, seed,
// items, head } or { run: "embed", texts }; each is answered with one line.
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { loadNativeEmbedder } from '../../dist/generator/native/native-embedder.js';
import { loadNativeGenerator } from '../../dist/generator/native/native-generator.js';
import { loadPortableGenerator } from '../../dist/generator/portable/portable-generator.js';
import { itemsOf } from './work.mjs';

const { kind, model, work: workFile, options } = JSON.parse(process.argv[2]);
const say = (answer) => process.stdout.write(`${JSON.stringify(answer)}\n`);
const work = JSON.parse(readFileSync(workFile, 'utf8'));
const load = { native: loadNativeGenerator, portable: loadPortableGenerator, embedder: loadNativeEmbedder }[
  kind
];
const loaded = await load({ modelPath: model, ...options });
say({ ready: true, info: loaded.info ?? null });

let answered = Promise.resolve();
for await (const line of createInterface({ input: process.stdin })) {
  answered = answered
    .then(async () => say(await answer(JSON.parse(line))))
    .catch((error) => say({ error: error.stack ?? String(error) }));
}
await answered;
await loaded[Symbol.asyncDispose]();

async function answer(order) {
  if (order.run === 'embed') return embed(order);
  const items = itemsOf(work, order);
  const { tokens, temperature, seed } = order;
  const sampling = { temperature, topP: 1, minP: 0 };
  // Nothing of an earlier run is of use to this one, and the peers hold none of it.
  loaded.forget?.();
  const start = performance.now();
  const cpu = process.cpuUsage();
  let next = seed;
  // The whole of the work is handed over at once: what runs when is the engine's affair.
  const generations = await Promise.all(
    items.flatMap(({ groups }) =>
      groups.map(({ samples, prompt }) =>
        loaded.generateFrom(Int32Array.from(prompt), {
          seeds: Array.from({ length: samples }, () => next++),
          sampling,
          maxTokens: tokens,
          minTokens: tokens,
        }),
      ),
    ),
  );
  const milliseconds = performance.now() - start;
  const { user, system } = process.cpuUsage(cpu);
  const sum = (of) => generations.reduce((total, { usage }) => total + of(usage), 0);
  return {
    seconds: milliseconds / 1000,
    cpuSeconds: (user + system) / 1e6,
    prefillSeconds: Math.max(...generations.map(({ usage }) => usage.prefillMs)) / 1000,
    promptTokens: sum((usage) => usage.promptTokens),
    decodedPromptTokens: sum((usage) => usage.decodedPromptTokens),
    generatedTokens: sum((usage) => usage.generatedTokens),
    texts: order.run === 'check' ? generations.map(({ samples: [first] }) => hexOf(first.text)) : undefined,
    statistics: loaded.statistics?.() ?? null,
  };
}

function hexOf(text) {
  return Buffer.from(text).toString('hex');
}

async function embed({ texts }) {
  const start = performance.now();
  const { vectors, dimension } = await loaded.embed(work.texts.slice(0, texts));
  return {
    seconds: (performance.now() - start) / 1000,
    texts,
    dimension,
    first: Array.from(vectors.subarray(0, dimension)),
    last: Array.from(vectors.subarray(vectors.length - dimension)),
  };
}

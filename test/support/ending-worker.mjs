// Ends a worker thread while native work runs in it: `node ending-worker.mjs DIST WORK WAY`.
// WORK: chains, embeddings, kmeans or index. WAY: terminate, exit or throw. Prints `alive` if the process outlives it.
import { setTimeout as wait } from 'node:timers/promises';
import { isMainThread, parentPort, Worker } from 'node:worker_threads';

const [dist, work, way] = process.argv.slice(2);
const modelPath = new URL(`../models/${work === 'embeddings' ? 'nano-embedder' : 'nano'}.gguf`, dist);

if (isMainThread) {
  for (const delay of [0, 1, 7, 20]) {
    const worker = new Worker(new URL(import.meta.url), { argv: [dist, work, way] });
    const ended = new Promise((resolve) => {
      worker.on('exit', resolve).on('error', () => undefined);
    });
    await new Promise((resolve) => worker.once('message', resolve));
    await wait(delay);
    if (way === 'terminate') await worker.terminate();
    else worker.postMessage(way);
    await ended;
  }
  // What the jobs compute arrives when nobody is there.
  await wait(200);
  console.log('alive');
} else {
  parentPort.on('message', () => {
    if (way === 'exit') process.exit(0);
    throw new Error('the worker ends');
  });
  await { chains: writeChains, embeddings: embed, kmeans: cluster, index: buildIndex }[work]();
}

function load(path) {
  return import(new URL(path, dist));
}

function vectors(rows, dim) {
  const data = Float32Array.from({ length: rows * dim }, (_, i) => Math.sin(i * 12.9898) + 0.01);
  return { data, dim };
}

async function writeChains() {
  const { loadNativeGenerator } = await load('generator/native/native-generator.js');
  const generator = await loadNativeGenerator({ modelPath: modelPath.pathname, gpu: 'off', threads: 1 });
  const prompt = [{ text: 'Likes lists. How do I clean a pan?', trusted: false }];
  const sampling = { temperature: 1, topP: 1, minP: 0 };
  const seeds = Array.from({ length: 64 }, (_, index) => index);
  let told = false;
  const onText = () => {
    if (!told) parentPort.postMessage('works');
    told = true;
  };
  await generator.generate({ prompt, seeds, sampling, maxTokens: 2000, minTokens: 2000, onText });
}

async function embed() {
  const { loadNativeEmbedder } = await load('generator/native/native-embedder.js');
  const embedder = await loadNativeEmbedder({ modelPath: modelPath.pathname, gpu: 'off', threads: 1 });
  const texts = Array.from({ length: 400 }, (_, index) => `text ${index} of a user who likes lists`);
  const all = Array.from({ length: 20 }, () => embedder.embed(texts));
  await all[0];
  parentPort.postMessage('works');
  await Promise.all(all);
}

async function cluster() {
  const kernels = await (await load('native/choose-kernels.js')).loadKernels({ force: 'native' });
  const small = () => kernels.kmeansFit(vectors(40, 8), { k: 4, seed: 1, restarts: 1 });
  await small();
  const runs = [kernels.kmeansFit(vectors(4000, 32), { k: 40, seed: 1, restarts: 5, threads: 1 })];
  parentPort.postMessage('works');
  // Answers come all the time, and one long after the end.
  for (;;) await Promise.race([small(), ...runs]);
}

async function buildIndex() {
  const kernels = await (await load('native/choose-kernels.js')).loadKernels({ force: 'native' });
  const small = () => kernels.buildIndex(vectors(50, 8), { metric: 'cosine', seed: 1 });
  const index = await small();
  const long = kernels.buildIndex(vectors(3000, 64), { metric: 'cosine', seed: 1, threads: 1 });
  parentPort.postMessage('works');
  for (;;) {
    const other = await Promise.race([small(), long]);
    await Promise.all([index.search({ data: new Float32Array(8).fill(1), dim: 8 }, { k: 3 }), other]);
  }
}

// The models of the generation benchmark: the bundled one, a random one of 60M parameters, and one in the shape of 8B.
// Random ones are written once into a cache folder outside git.
import { existsSync, mkdirSync, renameSync, statSync } from 'node:fs';
import path from 'node:path';
import { readModelFacts } from '../../dist/model-file/read-model-facts.js';
import { root } from '../harness/environment.mjs';
import { importTypeScript } from '../harness/typescript.mjs';

const SHAPES = {
  random: {
    layers: 8,
    width: 512,
    heads: 8,
    kvHeads: 4,
    ffWidth: 1536,
    vocabulary: 32_000,
    context: 4096,
    type: 'Q8_0',
    seed: 1,
  },
  '8b': {
    layers: 32,
    width: 4096,
    heads: 32,
    kvHeads: 8,
    ffWidth: 14_336,
    vocabulary: 128_256,
    context: 8192,
    type: 'Q8_0',
    seed: 1,
  },
};

/** Names that `benchModel` takes; anything else is the path of a GGUF. */
export const MODEL_NAMES = ['nano', ...Object.keys(SHAPES)];

/** Path and context of a model; writes a random one where it is not there yet. */
export async function benchModel(name) {
  if (name === 'nano') return found(path.join(root, 'models', 'nano.gguf'), name);
  const shape = SHAPES[name];
  if (shape === undefined) return found(path.resolve(name), path.basename(name));
  const folder = path.join(
    process.env.PGENRM_BENCH_CACHE ?? path.join(root, 'build', 'bench-peers'),
    'models',
  );
  const file = path.join(folder, `random-${name}-${shape.seed}.gguf`);
  if (!existsSync(file)) {
    mkdirSync(folder, { recursive: true });
    console.log(`writing a random model: ${file}`);
    const { writeRandomLlama } = await importTypeScript(
      new URL('../models/random-llama.ts', import.meta.url).href,
    );
    await writeRandomLlama(`${file}.part`, shape);
    renameSync(`${file}.part`, file);
  }
  return found(file, name);
}

async function found(file, name) {
  if (!existsSync(file)) throw new Error(`the model ${file} is not there`);
  const { trainedContext } = await readModelFacts(file);
  return { name, path: file, bytes: statSync(file).size, context: trainedContext || 4096 };
}

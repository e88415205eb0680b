import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { halfBits } from '../../bench/models/gguf-writer.js';
import { writeRandomLlama } from '../../bench/models/random-llama.js';
import { chooseLlama } from '../../src/generator/llama/llama-library.js';
import { loadPortableGenerator } from '../../src/generator/portable/portable-generator.js';
import { promptOf } from '../support/prompt-of.js';
import { randomBert, randomModel, TINY } from '../support/random-model.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pgenrm-random-'));
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

describe('random models', () => {
  it.each([
    { type: 'F32' },
    { type: 'F16' },
    { type: 'Q8_0' },
    { type: 'Q8_0', tied: true },
    { tokenizer: 'spm' },
    { kvHeads: 1, vocabulary: 5000, userDefined: [] },
  ] as const)('load into llama.cpp and write text: %o', async (changes) => {
    const modelPath = await randomModel(changes);
    const generator = await loadPortableGenerator({ modelPath, gpu: 'off', threads: 1 });
    try {
      const prompt = promptOf('Any text: naïve, 漢字, \n\n 😀');
      const sampling = { temperature: 1, topP: 1, minP: 0 };
      const { samples } = await generator.generate({ prompt, seeds: [1, 2, 3], sampling, maxTokens: 20 });
      // A model that repeats one token would show a broken weight or a wrong layout.
      expect(new Set(samples.map(({ text }) => text)).size).toBe(3);
      expect(samples.every(({ text }) => new Set(text).size > 3 || text.length < 4)).toBe(true);
    } finally {
      await generator[Symbol.asyncDispose]();
    }
  });

  it('are the same for the same seed and differ for another', async () => {
    const write = async (name: string, seed: number): Promise<string> => {
      const path = join(folder, name);
      const written = await writeRandomLlama(path, { ...TINY, seed });
      expect((await stat(path)).size).toBe(written.bytes);
      return createHash('sha256')
        .update(await readFile(path))
        .digest('hex');
    };
    const first = await write('a.gguf', 1);
    expect(await write('b.gguf', 1)).toBe(first);
    expect(await write('c.gguf', 2)).not.toBe(first);
    expect((await readdir(folder)).sort()).toEqual(['a.gguf', 'b.gguf', 'c.gguf']);
  });

  it('refuse shapes that do not divide, and vocabularies without room', async () => {
    const path = join(folder, 'never.gguf');
    await expect(writeRandomLlama(path, { ...TINY, heads: 5 })).rejects.toThrow('divide');
    await expect(writeRandomLlama(path, { ...TINY, vocabulary: 200 })).rejects.toThrow('at least 262');
  });

  it('include an encoder that embeds', async () => {
    const { llama } = await chooseLlama('off');
    const model = await llama.loadModel({ modelPath: await randomBert(), gpuLayers: 0 });
    const context = await model.createEmbeddingContext({ threads: 1 });
    const { vector } = await context.getEmbeddingFor('a b c');
    expect(vector).toHaveLength(32);
    expect(vector.every(Number.isFinite)).toBe(true);
    await model.dispose();
  });
});

describe('halfBits', () => {
  it.each([
    [1, 0x3c00],
    [-2, 0xc000],
    [0.5, 0x3800],
    [65504, 0x7bff],
    [1e6, 0x7c00],
    [0, 0],
    [1e-9, 0],
    [0.1, 0x2e66],
  ])('writes %d', (value, bits) => {
    expect(halfBits(value)).toBe(bits);
  });
});

// The engine on a GPU, whichever llama.cpp finds: a real one, or Mesa's software driver for Vulkan (CONTRIBUTING.md).
import { describe, expect, it } from 'vitest';
import type { Generator } from '../../src/generator/generator.js';
import { chooseLlama } from '../../src/generator/llama/llama-library.js';
import { loadNativeEmbedder } from '../../src/generator/native/native-embedder.js';
import { type GeneratorOptions, loadNativeGenerator } from '../../src/generator/native/native-generator.js';
import { loadNativeBinding } from '../../src/native/load.js';
import { CLEAR, expectAlike, textsOf } from '../support/greedy-texts.js';
import { promptOf } from '../support/prompt-of.js';
import { randomModel } from '../support/random-model.js';

// llama.cpp uses a software driver only where it is named; a file has a process of its own.
process.env.GGML_VK_VISIBLE_DEVICES ??= '0';
const { gpu, devices } =
  loadNativeBinding().binding === null ? { gpu: false as const, devices: [] } : await chooseLlama('auto');
if (gpu === false)
  console.warn('GPUs are skipped: llama.cpp finds none (for a software one see CONTRIBUTING.md)');
// Mesa 22.3 crashes now and then in llama.cpp's flash attention.
const software = devices.some((name) => name.includes('llvmpipe'));
if (software) console.warn('flash attention on a GPU is skipped: a software driver decodes');
const flash = software ? { flashAttention: 'off' as const } : {};

async function load(options: Partial<GeneratorOptions>): Promise<Generator> {
  const modelPath = await randomModel(CLEAR);
  return loadNativeGenerator({
    modelPath,
    gpu: gpu || 'off',
    threads: 2,
    contextTokens: 640,
    ...options,
    engine: { ...flash, ...options.engine },
  });
}

describe.skipIf(gpu === false)(`the engine on a GPU (${gpu || 'none'})`, { timeout: 300_000 }, () => {
  it('says what decodes, and how', async () => {
    await using generator = await load({});
    const { info } = generator;
    expect(info).toMatchObject({ kind: 'native', backend: gpu, kvCache: { attention: 'llama.cpp' } });
    expect(info.devices.length).toBeGreaterThan(0);
    expect(info.choices.join('\n')).toMatch(/layers on the GPU/);
    await expect(load({ engine: { workers: 2 } })).rejects.toMatchObject({ code: 'INVALID_OPTION' });
    await expect(load({ engine: { attention: 'pgenrm' } })).rejects.toMatchObject({ code: 'INVALID_OPTION' });
  });

  const ways: [string, Partial<GeneratorOptions>][] = [
    ['cells shared', {}],
    ['room for little', { maxSequences: 4, engine: { kvCells: 768 } }],
    ...(software
      ? []
      : ([
          ['no flash attention', { engine: { flashAttention: 'off' } }],
          ['keys and values in 8 bits', { engine: { kvType: 'q8_0' } }],
        ] as [string, Partial<GeneratorOptions>][])),
  ];
  it.each(ways)('writes what a CPU writes: %s', async (_, options) => {
    await using cpu = await load({ gpu: 'off', ...(options.engine && { engine: options.engine }) });
    await using generator = await load(options);
    expect(generator.info.backend).toBe(gpu);
    expectAlike(await textsOf(generator), await textsOf(cpu));
  });

  it('gives the same chain for the same seed, and stops when it is told to', async () => {
    await using generator = await load({ maxSequences: 4 });
    const request = {
      prompt: promptOf('Once upon a time'),
      seeds: [1, 2, 1],
      sampling: { temperature: 1, topP: 1, minP: 0 },
      maxTokens: 12,
      minTokens: 12,
    };
    const { samples } = await generator.generate(request);
    expect(samples[0]?.text).toBe(samples[2]?.text);
    expect(samples[0]?.text).not.toBe(samples[1]?.text);
    const control = new AbortController();
    const long = generator.generate({ ...request, maxTokens: 600, minTokens: 600, signal: control.signal });
    setTimeout(() => control.abort(new Error('enough')), 50);
    await expect(long).rejects.toThrow('enough');
  });

  it('embeds as a CPU does', async () => {
    const modelPath = await randomModel(CLEAR);
    const texts = ['values short answers', 'values long, careful answers with examples', 'x'];
    await using cpu = await loadNativeEmbedder({ modelPath, gpu: 'off', threads: 1 });
    await using embedder = await loadNativeEmbedder({ modelPath, gpu: gpu || 'off', threads: 1 });
    const [expected, found] = [await cpu.embed(texts), await embedder.embed(texts)];
    for (let text = 0; text < texts.length; text++) {
      const at = text * expected.dimension;
      let cosine = 0;
      for (let i = 0; i < expected.dimension; i++)
        cosine += expected.vectors[at + i]! * found.vectors[at + i]!;
      expect(cosine).toBeGreaterThan(0.999);
    }
  });
});

import { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import type { Generator } from '../../src/generator/generator.js';
import { attentionKernel, attentionShape } from '../../src/generator/native/attention-shape.js';
import { type GeneratorOptions, loadNativeGenerator } from '../../src/generator/native/native-generator.js';
import { readModelFacts } from '../../src/model-file/read-model-facts.js';
import { loadNativeBinding } from '../../src/native/load.js';
import { CLEAR, expectAlike, TOKENS, textsOf } from '../support/greedy-texts.js';
import { randomModel } from '../support/random-model.js';

const { binding } = loadNativeBinding();
const MISSING = binding === null && process.env.PGENRM_REQUIRE_NATIVE !== '1';
if (binding?.attentionKernel === null) console.warn('attention is skipped: no kernel runs on this processor');

async function load(model: string, options: Partial<GeneratorOptions>): Promise<Generator> {
  return loadNativeGenerator({ modelPath: model, gpu: 'off', threads: 2, contextTokens: 640, ...options });
}

describe.skipIf(MISSING || binding?.attentionKernel === null)("pgenrm's attention", () => {
  it.each([
    ['two threads', {}, {}],
    ['few cells', { maxSequences: 4, engine: { kvCells: 1024 } }, {}],
    ['two workers', { engine: { workers: 2 } }, {}],
    ['one thread', { threads: 1 }, {}],
    ['a key for each head, of 48 numbers', {}, { width: 144, heads: 3, kvHeads: 3 }],
    ['eight heads a key', {}, { width: 256, heads: 8, kvHeads: 1 }],
  ] as const)("writes what llama.cpp's writes: %s", async (_, options, changes) => {
    const model = await randomModel({ ...CLEAR, ...changes });
    const { engine, ...sizes }: Partial<GeneratorOptions> = options;
    const texts: string[][] = [];
    const computed: number[] = [];
    for (const attention of ['llama.cpp', 'pgenrm'] as const) {
      const before = binding!.attentionCounts();
      await using generator = await load(model, { ...sizes, engine: { ...engine, attention } });
      expect(generator.info.details.kvCache).toMatchObject({ attention });
      texts.push(await textsOf(generator));
      const after = binding!.attentionCounts();
      computed.push(after.computed - before.computed);
      expect(after.left).toBe(before.left);
    }
    expectAlike(texts[0]!, texts[1]!);
    // Two layers a call, and a call a token at least.
    expect(computed[0]).toBe(0);
    expect(computed[1]).toBeGreaterThanOrEqual(2 * TOKENS);
  });

  it('is what a CPU takes by itself, and is left where flash attention is off', async () => {
    const model = await randomModel(CLEAR);
    await using own = await load(model, {});
    expect(own.info.details.kvCache).toMatchObject({ attention: 'pgenrm' });
    expect(own.info.choices.join('\n')).toContain(`pgenrm's (${binding!.attentionKernel})`);
    await using off = await load(model, { engine: { flashAttention: 'off' } });
    expect(off.info.details.kvCache).toMatchObject({ attention: 'llama.cpp' });
    expectAlike(await textsOf(off), await textsOf(own));
  });

  it('is refused and not taken for a model whose keys it cannot read', async () => {
    const model = await randomModel({ ...CLEAR, width: 72, heads: 3, kvHeads: 3 });
    await using generator = await load(model, {});
    expect(generator.info.details.kvCache).toMatchObject({ attention: 'llama.cpp' });
    expect(generator.info.choices.join('\n')).toMatch(
      /attention: llama.cpp's, for the model's keys have 24 numbers/,
    );
    await expect(load(model, { engine: { attention: 'pgenrm' } })).rejects.toMatchObject({
      code: 'INVALID_OPTION',
    });
  });

  it('is no device that others see', async () => {
    const model = await randomModel(CLEAR);
    await using generator = await load(model, { engine: { attention: 'pgenrm' } });
    expect(generator.info.devices.join()).not.toMatch(/pgenrm/);
  });

  it('outlives the worker thread that made it first', { timeout: 60_000 }, async () => {
    const model = await randomModel(CLEAR);
    const worker = new Worker(
      `const { workerData } = require('node:worker_threads');
       import(workerData.module).then(async ({ loadNativeGenerator }) => {
         const generator = await loadNativeGenerator({ modelPath: workerData.model, gpu: 'off', threads: 1, contextTokens: 128 });
         await generator[Symbol.asyncDispose]();
       });`,
      {
        eval: true,
        workerData: {
          module: new URL('../../dist/generator/native/native-generator.js', import.meta.url).href,
          model,
        },
      },
    );
    expect(await new Promise((resolve, reject) => worker.once('exit', resolve).once('error', reject))).toBe(
      0,
    );
    await using generator = await load(model, { engine: { attention: 'pgenrm' } });
    expect((await textsOf(generator)).length).toBeGreaterThan(0);
  });
});

describe('what a model says of its attention', () => {
  it('gives sizes and whether the kernel computes it', async () => {
    const facts = await readModelFacts(await randomModel(CLEAR));
    expect(attentionShape(facts)).toEqual({
      layers: 2,
      heads: 4,
      headsKv: 2,
      keys: 16,
      values: 16,
      cellBytes: 2 * 2 * 2 * 32,
    });
    expect(attentionKernel(facts, 'avx2')).toEqual({ instructions: 'avx2' });
    const obstacle = (
      changes: Record<string, string>,
      architecture = 'llama',
      instructions: string | null = 'avx2',
    ) => {
      const metadata = new Map(facts.metadata);
      for (const [key, value] of metadata) metadata.set(key.replace(/^llama\./, `${architecture}.`), value);
      for (const [key, value] of Object.entries(changes)) metadata.set(`${architecture}.${key}`, value);
      return attentionKernel({ ...facts, metadata, architecture }, instructions);
    };
    expect(obstacle({}, 'llama', null)).toMatchObject({ obstacle: expect.stringContaining('AVX2') });
    expect(obstacle({ 'attention.value_length': '24' })).toMatchObject({
      obstacle: expect.stringContaining('24'),
    });
    expect(
      obstacle({
        'attention.head_count': '130',
        'attention.key_length': '16',
        'attention.value_length': '16',
      }),
    ).toMatchObject({
      obstacle: expect.stringContaining('65 heads'),
    });
    expect(obstacle({ attn_logit_softcapping: '50.0' }, 'gemma2')).toMatchObject({
      obstacle: expect.stringContaining('caps'),
    });
    expect(obstacle({ 'attention.max_alibi_bias': '8.0' }, 'mpt')).toMatchObject({
      obstacle: expect.stringContaining('ALiBi'),
    });
    expect(obstacle({}, 'grok')).toMatchObject({ obstacle: expect.stringContaining('no flash attention') });
    expect(obstacle({}, 'gpt-oss')).toMatchObject({ obstacle: expect.stringContaining('sinks') });
    expect(obstacle({ attn_logit_softcapping: '0.0' })).toEqual({ instructions: 'avx2' });
  });
});

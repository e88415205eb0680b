import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeRandomBert } from '../../bench/models/random-bert.js';
import { writeRandomLlama } from '../../bench/models/random-llama.js';
import type { Embedder } from '../../src/generator/embedder.js';
import { loadNativeEmbedder } from '../../src/generator/native/native-embedder.js';
import { loadNativeBinding } from '../../src/native/load.js';

const native = loadNativeBinding();
const required = process.env.PGENRM_REQUIRE_NATIVE === '1';

function rows(vectors: Float32Array, dimension: number): Float32Array[] {
  return Array.from({ length: vectors.length / dimension }, (_, i) =>
    vectors.subarray(i * dimension, (i + 1) * dimension),
  );
}

function dot(a: Float32Array, b: Float32Array): number {
  return a.reduce((sum, x, i) => sum + x * (b[i] as number), 0);
}

describe.skipIf(native.binding === null && !required)('native embedder', () => {
  const folder = mkdtempSync(join(tmpdir(), 'pgenrm-embedder-'));
  const judge = join(folder, 'judge.gguf');
  const encoder = join(folder, 'encoder.gguf');
  const loaded: Embedder[] = [];
  const load = async (options: Parameters<typeof loadNativeEmbedder>[0]): Promise<Embedder> => {
    const embedder = await loadNativeEmbedder({ gpu: 'off', threads: 1, ...options });
    loaded.push(embedder);
    return embedder;
  };

  beforeAll(async () => {
    const shape = { layers: 2, width: 64, heads: 4, ffWidth: 128, vocabulary: 600, context: 256, seed: 3 };
    await writeRandomLlama(judge, { ...shape, type: 'F32' });
    await writeRandomBert(encoder);
  });

  afterAll(async () => {
    for (const embedder of loaded) await embedder[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  const texts = [
    'values short answers',
    'values long, careful answers with examples',
    'x',
    'values short answers',
  ];

  it('gives unit vectors that do not depend on the batch', async () => {
    const embedder = await load({ modelPath: judge });
    const { vectors, dimension } = await embedder.embed(texts);
    expect(dimension).toBe(64);
    const together = rows(vectors, dimension);
    expect(together).toHaveLength(4);
    for (const row of together) expect(dot(row, row)).toBeCloseTo(1, 5);
    expect(dot(together[0] as Float32Array, together[3] as Float32Array)).toBeCloseTo(1, 5);
    expect(dot(together[0] as Float32Array, together[1] as Float32Array)).toBeLessThan(0.9999);
    for (const [index, text] of texts.entries()) {
      const alone = await embedder.embed([text]);
      expect(dot(alone.vectors, together[index] as Float32Array)).toBeCloseTo(1, 4);
    }
  });

  it('embeds more texts than fit one batch', async () => {
    const embedder = await load({ modelPath: judge, maxTokens: 64 });
    const many = Array.from({ length: 150 }, (_, i) => `text number ${i % 10}`);
    const { vectors, dimension } = await embedder.embed(many);
    const all = rows(vectors, dimension);
    expect(dot(all[7] as Float32Array, all[147] as Float32Array)).toBeCloseTo(1, 4);
  });

  it('pools as forced, and embeds with an encoder', async () => {
    const mean = await (await load({ modelPath: judge, pooling: 'mean' })).embed(texts);
    const last = await (await load({ modelPath: judge, pooling: 'last' })).embed(texts);
    const auto = await (await load({ modelPath: judge })).embed(texts);
    expect(dot(mean.vectors, auto.vectors)).toBeCloseTo(texts.length, 4);
    expect(dot(mean.vectors, last.vectors)).toBeLessThan(texts.length - 0.01);
    const bert = await (await load({ modelPath: encoder })).embed(['[PAD]', 'a']);
    expect(bert.vectors).toHaveLength(2 * bert.dimension);
  });

  it('refuses texts and options that it cannot serve', async () => {
    const embedder = await load({ modelPath: judge, maxTokens: 8 });
    await expect(embedder.embed([texts[1] as string])).rejects.toMatchObject({ code: 'CONTEXT_OVERFLOW' });
    await expect(embedder.embed([])).rejects.toMatchObject({ code: 'INVALID_OPTION' });
    await expect(embedder.embed([''])).rejects.toMatchObject({ code: 'INVALID_OPTION' });
    await expect(load({ modelPath: judge, maxTokens: 100_000 })).rejects.toMatchObject({
      code: 'INVALID_OPTION',
    });
    await expect(load({ modelPath: join(folder, 'none.gguf') })).rejects.toMatchObject({
      code: 'MODEL_NOT_FOUND',
    });
    await expect(embedder.embed(['x'], { signal: AbortSignal.abort(new Error('no')) })).rejects.toThrow('no');
    await embedder[Symbol.asyncDispose]();
    await expect(embedder.embed(['x'])).rejects.toMatchObject({ code: 'DISPOSED' });
  });
});

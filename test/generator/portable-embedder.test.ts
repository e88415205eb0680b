import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { Embedder } from '../../src/generator/embedder.js';
import { type EmbedderOptions, loadNativeEmbedder } from '../../src/generator/native/native-embedder.js';
import { loadPortableEmbedder } from '../../src/generator/portable/portable-embedder.js';
import { loadNativeBinding } from '../../src/native/load.js';
import { randomBert, randomModel } from '../support/random-model.js';

const hasNative = loadNativeBinding().binding !== null;
const judge = await randomModel();
const texts = [
  'values short answers',
  'values long, careful answers with examples',
  'x',
  'values short answers',
];

const loaded: Embedder[] = [];
afterAll(async () => {
  for (const embedder of loaded) await embedder[Symbol.asyncDispose]();
});
async function load(options: Partial<EmbedderOptions> = {}): Promise<Embedder> {
  const embedder = await loadPortableEmbedder({ modelPath: judge, gpu: 'off', threads: 1, ...options });
  loaded.push(embedder);
  return embedder;
}

function cosines(a: Float32Array, b: Float32Array, dimension: number): number[] {
  return Array.from({ length: a.length / dimension }, (_, row) => {
    let sum = 0;
    for (let i = row * dimension; i < (row + 1) * dimension; i += 1) sum += a[i]! * b[i]!;
    return sum;
  });
}

describe('portable embedder', () => {
  it('gives unit vectors that depend on the text alone', async () => {
    const embedder = await load();
    const { vectors, dimension } = await embedder.embed(texts);
    expect(vectors).toHaveLength(4 * dimension);
    for (const square of cosines(vectors, vectors, dimension)) expect(square).toBeCloseTo(1, 5);
    const row = (index: number): Float32Array => vectors.subarray(index * dimension, (index + 1) * dimension);
    expect(cosines(row(0), row(3), dimension)[0]).toBeCloseTo(1, 5);
    expect(cosines(row(0), row(1), dimension)[0]).toBeLessThan(0.9999);
    expect(cosines((await embedder.embed([texts[1]!])).vectors, row(1), dimension)[0]).toBeCloseTo(1, 5);
  });

  it.skipIf(!hasNative)('agrees with the native embedder, however tokens are pooled', async () => {
    for (const pooling of ['auto', 'mean', 'last'] as const) {
      const ours = await (await load({ pooling })).embed(texts);
      await using native = await loadNativeEmbedder({ modelPath: judge, gpu: 'off', threads: 1, pooling });
      const theirs = await native.embed(texts);
      expect(ours.dimension).toBe(theirs.dimension);
      for (const cosine of cosines(ours.vectors, theirs.vectors, ours.dimension)) {
        expect(cosine).toBeGreaterThan(0.99999);
      }
    }
    const modelPath = await randomBert();
    const ours = await (await load({ modelPath })).embed(['[PAD]', 'a']);
    await using native = await loadNativeEmbedder({ modelPath, gpu: 'off', threads: 1 });
    const theirs = await native.embed(['[PAD]', 'a']);
    for (const cosine of cosines(ours.vectors, theirs.vectors, ours.dimension)) {
      expect(cosine).toBeGreaterThan(0.99999);
    }
  });

  it('refuses texts and options that it cannot serve', async () => {
    const embedder = await load({ maxTokens: 8 });
    const refuses = async (code: string, work: Promise<unknown>): Promise<void> =>
      expect(work).rejects.toMatchObject({ name: 'PgenrmError', code });
    await refuses('CONTEXT_OVERFLOW', embedder.embed(['x', texts[1]!.repeat(4)]));
    await refuses('INVALID_OPTION', embedder.embed([]));
    await refuses('INVALID_OPTION', embedder.embed(['']));
    await refuses('INVALID_OPTION', load({ maxTokens: 100_000 }));
    await refuses('INVALID_OPTION', load({ pooling: 'max' as 'mean' }));
    const folder = mkdtempSync(join(tmpdir(), 'pgenrm-embedder-'));
    try {
      const broken = join(folder, 'broken.gguf');
      writeFileSync(broken, 'GGUF and no more');
      await refuses('MODEL_UNUSABLE', load({ modelPath: broken }));
      await refuses('MODEL_NOT_FOUND', load({ modelPath: join(folder, 'none.gguf') }));
    } finally {
      rmSync(folder, { recursive: true });
    }
    const reason = new Error('no longer wanted');
    await expect(embedder.embed(['x'], { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    await expect(load({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    await embedder[Symbol.asyncDispose]();
    await embedder[Symbol.asyncDispose]();
    await refuses('DISPOSED', embedder.embed(['x']));
  });
});

import { afterAll, describe, expect, it } from 'vitest';
import type { Embedder } from '../../src/generator/embedder.js';
import { loadNativeEmbedder, type Pooling } from '../../src/generator/native/native-embedder.js';
import { loadPortableEmbedder } from '../../src/generator/portable/portable-embedder.js';
import { loadNativeBinding } from '../../src/native/load.js';
import { randomBert, randomModel } from '../support/random-model.js';

const MISSING = loadNativeBinding().binding === null && process.env.PGENRM_REQUIRE_NATIVE !== '1';
if (MISSING) console.warn('pooling on the native embedder is skipped: there is no addon');

// As Qwen3-Embedding: another architecture, the last token's vector, and an ending token behind every text.
const qwen = (changes: Parameters<typeof randomModel>[0] = {}): Promise<string> =>
  randomModel({ architecture: 'qwen3', tied: true, appendsEnd: true, ...changes });
const POOLINGS = ['mean', 'cls', 'last'] as const;
const TEXTS = ['likes short answers', 'likes long answers with examples', 'q'];
// Words of the encoder's vocabulary.
const WORDS = ['a b c', 'b c a d e f', 'z'];
/** Cosine of vectors that are equal to rounding. */
const ALIKE = 0.99999;

function dot(a: Float32Array, b: Float32Array): number {
  return a.reduce((sum, x, at) => sum + x * b[at]!, 0);
}

/** Length of what is left of a unit vector outside the plane of two others, and its shares of both. */
function outside(vector: Float32Array, one: Float32Array, other: Float32Array) {
  const [cosine, first, second] = [dot(one, other), dot(vector, one), dot(vector, other)];
  const square = 1 - cosine * cosine;
  const a = (first - cosine * second) / square;
  const b = (second - cosine * first) / square;
  return { left: Math.hypot(...vector.map((x, at) => x - a * one[at]! - b * other[at]!)), a, b };
}

describe.each([
  { kind: 'native', open: loadNativeEmbedder, missing: MISSING },
  { kind: 'portable', open: loadPortableEmbedder, missing: false },
])('pooling on the $kind embedder', ({ open, missing }) => {
  describe.skipIf(missing)('with random models', () => {
    const loaded: Embedder[] = [];
    afterAll(async () => {
      for (const embedder of loaded) await embedder[Symbol.asyncDispose]();
    });

    async function load(modelPath: string, pooling: Pooling = 'auto'): Promise<Embedder> {
      const embedder = await open({ modelPath, gpu: 'off', threads: 1, maxTokens: 64, pooling });
      loaded.push(embedder);
      return embedder;
    }

    async function vectors(
      modelPath: string,
      texts: readonly string[],
      pooling: Pooling = 'auto',
    ): Promise<Float32Array[]> {
      const embedder = await load(modelPath, pooling);
      const { vectors: all, dimension } = await embedder.embed(texts);
      const rows = texts.map((_, row) => all.slice(row * dimension, (row + 1) * dimension));
      // Whatever the pooling: of length 1, and the same alone as among others.
      for (const [at, row] of rows.entries()) {
        expect(Math.hypot(...row)).toBeCloseTo(1, 5);
        expect(dot(row, (await embedder.embed([texts[at]!])).vectors)).toBeGreaterThan(ALIKE);
      }
      return rows;
    }

    it.each([
      ['a decoder shaped like Qwen3-Embedding', qwen, TEXTS],
      ['an encoder', randomBert, WORDS],
    ] as const)('of %s is what its file says, or what is forced', async (_, model, texts) => {
      const all = new Map<Pooling, Float32Array[]>();
      for (const [at, pooling] of POOLINGS.entries()) {
        const other = POOLINGS[(at + 1) % POOLINGS.length]!;
        const stated = await vectors(await model({ pooling }), texts);
        const forced = await vectors(await model({ pooling: other }), texts, pooling);
        for (const [row, vector] of stated.entries())
          expect(dot(vector, forced[row]!)).toBeGreaterThan(ALIKE);
        all.set(pooling, stated);
      }
      for (const [at, pooling] of POOLINGS.entries()) {
        const other = POOLINGS[(at + 1) % POOLINGS.length]!;
        expect(dot(all.get(pooling)![1]!, all.get(other)![1]!)).toBeLessThan(0.999);
      }
    });

    it('takes the first token, the last one, or all of them', async () => {
      // One letter and the ending token; a token of a decoder sees those before it alone.
      const path = await qwen({ pooling: 'last' });
      const letters = ['q', 'w', 'e'];
      const first = await vectors(path, letters, 'cls');
      const last = await vectors(path, letters, 'last');
      for (const [row, mean] of (await vectors(path, letters, 'mean')).entries()) {
        const { left, a, b } = outside(mean, first[row]!, last[row]!);
        expect(left).toBeLessThan(1e-3);
        expect(a).toBeGreaterThan(0.1);
        expect(b).toBeGreaterThan(0.1);
      }
      // Where no ending token is asked for the letter is the first and the last.
      const bare = await qwen({ pooling: 'last', appendsEnd: false });
      const [alone] = await vectors(bare, ['q']);
      expect(dot(alone!, first[0]!)).toBeGreaterThan(ALIKE);
      expect(dot(alone!, last[0]!)).toBeLessThan(0.999);
      const [longer] = await vectors(bare, ['q and what follows it'], 'cls');
      expect(dot(longer!, first[0]!)).toBeGreaterThan(ALIKE);
    });
  });
});

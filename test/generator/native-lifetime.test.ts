import { describe, expect, it } from 'vitest';
import { loadNativeGenerator } from '../../src/generator/native/native-generator.js';
import { loadNativeBinding } from '../../src/native/load.js';
import { promptOf } from '../support/prompt-of.js';
import { randomModel } from '../support/random-model.js';

const native = loadNativeBinding();
const required = process.env.PGENRM_REQUIRE_NATIVE === '1';

describe.skipIf(native.binding === null && !required)('native engine over time', () => {
  it('keeps its memory over 10,000 requests', { timeout: 300_000 }, async () => {
    const path = await randomModel({ layers: 1, width: 32, heads: 2, ffWidth: 64, vocabulary: 400 });
    const generator = await loadNativeGenerator({
      modelPath: path,
      gpu: 'off',
      threads: 1,
      contextTokens: 256,
    });
    const run = async (from: number, n: number): Promise<void> => {
      for (let start = from; start < from + n; start += 100) {
        await Promise.all(
          Array.from({ length: 100 }, (_, i) =>
            generator.generate({
              prompt: promptOf(`user ${(start + i) % 37}, query ${start + i}`),
              seeds: [start, i],
              sampling: { temperature: 1, topP: 0.9, minP: 0 },
              maxTokens: 2,
              stop: ['zzz'],
            }),
          ),
        );
      }
    };
    await run(0, 2000);
    const before = process.memoryUsage().rss;
    await run(2000, 10_000);
    const grown = (process.memoryUsage().rss - before) / 2 ** 20;
    await generator[Symbol.asyncDispose]();
    // A leak of one prompt or one result a request would be far above this; V8's own heap moves below it.
    expect(grown).toBeLessThan(48);
  });

  it('gives everything back when engines come and go', { timeout: 300_000 }, async () => {
    const path = await randomModel({ layers: 1, width: 32, heads: 2, ffWidth: 64, vocabulary: 400 });
    const once = async (): Promise<void> => {
      const generator = await loadNativeGenerator({
        modelPath: path,
        gpu: 'off',
        threads: 1,
        contextTokens: 1024,
      });
      await generator.generate({
        prompt: promptOf('one'),
        seeds: [1],
        sampling: { temperature: 1, topP: 1, minP: 0 },
        maxTokens: 4,
      });
      await generator[Symbol.asyncDispose]();
    };
    for (let i = 0; i < 5; i++) await once();
    const before = process.memoryUsage().rss;
    for (let i = 0; i < 30; i++) await once();
    expect((process.memoryUsage().rss - before) / 2 ** 20).toBeLessThan(48);
  });
});

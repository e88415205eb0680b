import { describe, expect, it } from 'vitest';
import type { EngineCounters, Generator } from '../../src/generator/generator.js';
import { loadNativeGenerator } from '../../src/generator/native/native-generator.js';
import { resolveModel } from '../../src/model-file/model-file.js';
import { loadNativeBinding } from '../../src/native/load.js';
import { RewardModel } from '../../src/reward-model/reward-model.js';

const MISSING = loadNativeBinding().binding === null && process.env.PGENRM_REQUIRE_NATIVE !== '1';

/** Prompts of two users, as a judgment writes them for the bundled model. */
async function promptsOf(generator: Generator): Promise<Int32Array[]> {
  const prompts: Int32Array[] = [];
  const generate = generator.generate.bind(generator);
  generator.generate = (request) => {
    prompts.push(request.prompt);
    return generate({ ...request, maxTokens: 1 });
  };
  // Nothing is scored of one token; the generator stays open for what follows.
  const model = await RewardModel.over(generator);
  for (const wish of ['lists', 'jokes']) {
    const history = Array.from({ length: 3 }, (_, event) => ({
      context: [{ role: 'user' as const, content: `What do I need for trip ${event} with ${wish}?` }],
      chosen: `- A coat and a map, with ${wish}\n- Boots that are worn in\n- Water\n`.repeat(2),
      rejected: `That is a good question, and the answer depends on where you go in week ${event}! `.repeat(
        2,
      ),
    }));
    const input = {
      user: { id: wish, criteria: `Replies with ${wish}, please.`, history },
      prompt: 'How do I clean a pan?',
      candidates: ['1. Wipe it out while it is warm.', 'Pans are wonderful to cook with!'],
    };
    await model.judge(input, { individual: 1, maxTokens: 128 }).catch(() => undefined);
  }
  generator.generate = generate;
  return prompts.slice(0, 1).concat(prompts.slice(-1));
}

describe.skipIf(MISSING)('evicted prompts in host memory', () => {
  it.each([
    ['shared', { maxSequences: 2, kvCells: 768 }], // for the prompt of one of them
    ['streams of lone samples', { maxSequences: 4, kvLayout: 'mixed' as const }],
  ])('are copied back instead of decoded again, with the same greedy texts: %s', async (_, layout) => {
    const { path } = await resolveModel('nano');
    const found: { texts: string[]; counters: EngineCounters; choices: string }[] = [];
    for (const hostCacheBytes of [0, 64e6]) {
      await using generator = await loadNativeGenerator({
        modelPath: path,
        gpu: 'off',
        threads: 1,
        contextTokens: 640,
        ...layout,
        hostCacheBytes,
      });
      const prompts = await promptsOf(generator);
      expect(Math.min(...prompts.map(({ length }) => length))).toBeGreaterThan(320);
      generator.forget!();
      const texts: string[] = [];
      const before = generator.counters!()!;
      for (const prompt of [...prompts, ...prompts, ...prompts]) {
        const sampling = { temperature: 0, topP: 1, minP: 0 };
        const { samples } = await generator.generate({ prompt, seeds: [1], sampling, maxTokens: 24 });
        texts.push(samples[0]!.text);
      }
      const counters = generator.counters!()!;
      found.push({
        texts,
        counters: { ...counters, promptRows: counters.promptRows - before.promptRows },
        choices: generator.info.choices.join('\n'),
      });
      expect(generator.info.scheduling).toMatchObject({ hostCacheBytes });
    }
    const [without, kept] = found;
    expect(without!.texts.slice(2)).toEqual([...without!.texts.slice(0, 2), ...without!.texts.slice(0, 2)]);
    expect(kept!.texts).toEqual(without!.texts);
    expect(without!.counters.restoredPromptTokens).toBe(0);
    expect(kept!.counters.restoredPromptTokens).toBeGreaterThan(4 * 200);
    expect(kept!.counters.promptRows).toBeLessThan(
      without!.counters.promptRows - kept!.counters.restoredPromptTokens! + 100,
    );
    expect(without!.choices).toMatch(/idle prompts whose cells are needed: forgotten/);
    expect(kept!.choices).toMatch(/at most 64 MB of them in host memory, asked for/);
  });

  it('refuses a size that is none', async () => {
    const { path } = await resolveModel('nano');
    for (const hostCacheBytes of [-1, 0.5, Number.NaN]) {
      await expect(
        loadNativeGenerator({ modelPath: path, gpu: 'off', hostCacheBytes }),
      ).rejects.toMatchObject({
        code: 'INVALID_OPTION',
        message: expect.stringContaining('hostCacheBytes'),
      });
    }
  });
});

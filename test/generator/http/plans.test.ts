// Plans on a real llama-server: what every generator that follows plans must do, and the distributions that the portable one reads.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Generator } from '../../../src/generator/generator.js';
import { loadHttpGenerator } from '../../../src/generator/http/http-generator.js';
import type { Plan } from '../../../src/generator/plan.js';
import { loadPortableGenerator } from '../../../src/generator/portable/portable-generator.js';
import { NO_LLAMA_SERVER, type RunningServer, startLlamaServer } from '../../support/llama-server.js';
import { describePlans } from '../../support/plan-suite.js';
import { promptOf } from '../../support/prompt-of.js';
import { randomModel } from '../../support/random-model.js';

describe.skipIf(NO_LLAMA_SERVER !== null)(`plans on a llama-server (${NO_LLAMA_SERVER ?? 'built'})`, () => {
  describePlans('http', async (model) => {
    const server = await startLlamaServer(model, { slots: 4, context: 4096 });
    const generator = await loadHttpGenerator({ urls: [server.url] });
    const close = generator.close.bind(generator);
    generator.close = async () => {
      await close();
      await server[Symbol.asyncDispose]();
    };
    return generator;
  });

  describe('beside the portable generator', () => {
    let server: RunningServer;
    let here: Generator;
    let there: Generator;
    beforeAll(async () => {
      const modelPath = await randomModel({ vocabulary: 600, seed: 11, logitDeviation: 3 });
      server = await startLlamaServer(modelPath, { slots: 2, context: 2048 });
      there = await loadHttpGenerator({ urls: [server.url] });
      here = await loadPortableGenerator({ modelPath, gpu: 'off', threads: 1, maxSequences: 2 });
    }, 60_000);
    afterAll(async () => {
      await Promise.all([there?.close(), here?.close()]);
      await server?.[Symbol.asyncDispose]();
    });
    const follow = (generator: Generator, plan: Plan, temperature: number) =>
      generator.generatePlanned!({
        prompt: promptOf('A judge.\n'),
        seeds: [5],
        sampling: { temperature, topP: 0.5, minP: 0.2 },
        plan,
      });

    it.each([
      ['whole', 1],
      ['whole', 0.6],
      ['branches', 1],
      ['branches', 0.3],
      ['whole', 0],
    ] as const)('reads the same distribution: %s at temperature %s', async (weighing, temperature) => {
      const texts = Array.from({ length: 10 }, (_, index) => String(index + 1));
      const more = { mode: 'greedy', weighing } as const;
      const plan: Plan = {
        parts: [
          { kind: 'given', text: 'The score:' },
          { kind: 'choice', name: 'a', texts, terminator: '\n', ...more },
          { kind: 'given', text: 'and then ' },
          {
            kind: 'choice',
            name: 'b',
            texts: ['there', 'the', 'then', 'né', '日本'],
            terminator: ';',
            ...more,
          },
        ],
      };
      const [one, other] = await Promise.all([
        follow(there, plan, temperature),
        follow(here, plan, temperature),
      ]);
      const [a, b] = [one.samples[0]!, other.samples[0]!];
      expect(a.text).toBe(b.text);
      expect(a.tokens).toEqual(b.tokens);
      for (const [index, part] of a.parts.entries()) {
        const read = b.parts[index]!.probabilities ?? [];
        expect(part.probabilities?.length ?? 0).toBe(read.length);
        for (const [text, p] of (part.probabilities ?? []).entries()) expect(p).toBeCloseTo(read[text]!, 3);
      }
    });

    it('draws a choice with the same random number', async () => {
      const texts = Array.from({ length: 10 }, (_, index) => String(index + 1));
      const plan: Plan = { parts: [{ kind: 'choice', name: 'a', texts, terminator: '\n' }] };
      const [one, other] = [await follow(there, plan, 1), await follow(here, plan, 1)];
      expect(one.samples[0]!.parts[0]!.chosen).toBe(other.samples[0]!.parts[0]!.chosen);
    });

    it('draws what the portable generator draws where nothing is left to chance', async () => {
      const plan: Plan = {
        parts: [
          { kind: 'given', text: 'Begin:' },
          { kind: 'free', name: 'a', minTokens: 3, maxTokens: 9, bars: ['e', 'a'] },
          { kind: 'given', text: '\nthen' },
          { kind: 'free', name: 'b', maxTokens: 6, stop: ['o', 't'] },
        ],
      };
      const [one, other] = [await follow(there, plan, 0), await follow(here, plan, 0)];
      expect(one.samples[0]!.text).toBe(other.samples[0]!.text);
      expect(one.samples[0]!.tokens).toEqual(other.samples[0]!.tokens);
    });

    it('refuses a grammar beside what may not occur', async () => {
      const parts = [
        { kind: 'free', name: 'a', maxTokens: 4, grammar: 'root ::= "a"', bars: ['b'] },
      ] as const;
      await expect(follow(there, { parts }, 1)).rejects.toMatchObject({
        code: 'INVALID_OPTION',
        message: expect.stringMatching(/bars of free text 'a'.*grammar/),
      });
    });
  });
});

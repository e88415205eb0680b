// What every generator that follows plans must do, on random weights over several vocabularies.
// The same tests run on each generator; a plan as a judge would use is in judgmentPlan.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Generator } from '../../src/generator/generator.js';
import type { Plan, PlanPart } from '../../src/generator/plan.js';
import { judgmentPlan, planCases } from '../../src/testing/conformance-plans.js';
import { promptOf } from './prompt-of.js';
import { randomModel } from './random-model.js';

const SAMPLING = { temperature: 1, topP: 1, minP: 0 };
const SCORES = Array.from({ length: 10 }, (_, index) => String(index + 1));

/** Runs the suite on the generator that `load` gives. */
export function describePlans(kind: string, load: (modelPath: string) => Promise<Generator>): void {
  describe.each([
    ['byte-level', { vocabulary: 320 }],
    ['byte-level with longer words', { vocabulary: 1200, seed: 5 }],
    ['SentencePiece', { vocabulary: 700, tokenizer: 'spm' }],
  ] as const)(`plans: ${kind}, %s`, (_, changes) => {
    let generator: Generator;
    const follow = (plan: Plan, seeds: readonly number[], more = {}) =>
      generator.generatePlanned!({
        prompt: promptOf('A judge of texts.\n'),
        seeds,
        sampling: SAMPLING,
        plan,
        ...more,
      });
    beforeAll(async () => {
      generator = await load(await randomModel(changes as Parameters<typeof randomModel>[0]));
    });
    afterAll(async () => {
      await generator?.[Symbol.asyncDispose]();
    });

    it.each(planCases.map(({ name, run }) => [name, run] as const))('%s', async (_, run) => {
      expect(await run(generator)).toBeUndefined();
    });

    it('make each of many samples complete', async () => {
      const seeds = Array.from({ length: kind === 'native' ? 24 : 6 }, (_, index) => index + 1);
      const { samples } = await follow(judgmentPlan(), seeds);
      expect(samples.map(({ finish }) => finish)).toEqual(seeds.map(() => 'complete'));
    });

    it('give the same sample alone and among others', async () => {
      const together = await follow(judgmentPlan(), [7, 8, 9]);
      const alone = await follow(judgmentPlan(), [8]);
      const [, among] = together.samples;
      const [single] = alone.samples;
      // A batch's arithmetic may tip a draw: then texts part at one token, but the first parts are the same.
      expect(single!.parts[0]).toEqual(among!.parts[0]);
      if (single!.text === among!.text) {
        for (const [index, part] of single!.parts.entries()) {
          for (const [choice, p] of (part.probabilities ?? []).entries()) {
            expect(p).toBeCloseTo(among!.parts[index]!.probabilities![choice]!, 3);
          }
        }
      }
    });

    it('write given text in the tokens of the tokenizer', async () => {
      const parts: PlanPart[] = [
        { kind: 'given', text: 'the ten' },
        { kind: 'given', text: 'th tree; ' },
        { kind: 'choice', name: 'c', texts: ['there', 'the', 'than'], terminator: '.' },
        { kind: 'given', text: ' Then\n\nanother' },
      ];
      const { samples } = await follow({ parts }, [1]);
      const [sample] = samples;
      const whole = await generator.countTokens(promptOf(`\n${sample!.text}`));
      const begin = await generator.countTokens(promptOf('\n'));
      expect(sample!.tokens.given + sample!.tokens.chosen).toBe(whole - begin);
      expect(sample!.tokens.unjoined).toBe(0);
    });

    it('read the same distribution that greedy and sampled choices are made from', async () => {
      const plan = (mode: 'sample' | 'greedy' | 'read'): Plan => ({
        parts: [
          { kind: 'given', text: 'Score:' },
          { kind: 'choice', name: 's', texts: SCORES, terminator: '\n', mode },
        ],
      });
      const read = (await follow(plan('read'), [1])).samples[0]!.parts[1]!.probabilities!;
      const greedy = (await follow(plan('greedy'), [1, 2])).samples;
      for (const { parts } of greedy) expect(parts[1]!.chosen).toBe(read.indexOf(Math.max(...read)));
      const n = kind === 'native' ? 400 : 60;
      const { samples } = await follow(
        plan('sample'),
        Array.from({ length: n }, (_, index) => index),
      );
      const mean = read.reduce((sum, p, index) => sum + p * (index + 1), 0);
      const square = read.reduce((sum, p, index) => sum + p * (index + 1) ** 2, 0);
      const drawn = samples.reduce((sum, { parts }) => sum + parts[1]!.chosen! + 1, 0) / n;
      expect(Math.abs(drawn - mean)).toBeLessThan(3 * Math.sqrt((square - mean ** 2) / n));
    });

    it('give the probability of whole texts, as choosing them step by step does', async () => {
      const texts = ['1', '2', '10'];
      const whole: Plan = {
        parts: [
          { kind: 'given', text: 'Score:' },
          { kind: 'choice', name: 's', texts, terminator: '\n' },
        ],
      };
      // log P of a text against another of the same beginning: from choices among single continuations.
      const p = (await follow(whole, [1])).samples[0]!.parts[1]!.probabilities!;
      const pair = (a: string, b: string): Plan => ({
        parts: [
          { kind: 'given', text: 'Score:' },
          { kind: 'choice', name: 's', texts: [a, b], terminator: '\n' },
        ],
      });
      for (const [a, b] of [
        [0, 1],
        [1, 2],
        [0, 2],
      ] as const) {
        const q = (await follow(pair(texts[a]!, texts[b]!), [1])).samples[0]!.parts[1]!.probabilities!;
        expect(q[0]! / q[1]!).toBeCloseTo(p[a]! / p[b]!, 2);
      }
    });

    it('cancel single samples at any part and keep what they have', async () => {
      const abort = new AbortController();
      let pieces = 0;
      const { samples } = await follow(judgmentPlan(), [1, 2], {
        sampleSignals: [abort.signal, undefined],
        onText: () => {
          if (++pieces === 3) abort.abort();
        },
      });
      expect(samples[0]!.finish).toBe('cancelled');
      expect(samples[1]!.finish).toBe('complete');
      expect(samples[0]!.parts.map(({ text }) => text).join('').length).toBeLessThanOrEqual(
        samples[0]!.text.length,
      );
    });

    it('follow a grammar in free text, and end with it', async () => {
      const parts: PlanPart[] = [
        { kind: 'free', name: 'g', maxTokens: 12, grammar: 'root ::= "yes" | "no"' },
        { kind: 'given', text: '.\n' },
      ];
      const { samples } = await follow({ parts }, [1, 2, 3]);
      for (const { parts: written, text } of samples) {
        expect(['yes', 'no']).toContain(written[0]!.text);
        expect(text).toBe(`${written[0]!.text}.\n`);
      }
    });

    it('refuse a plan that cannot fit, with the part and by how much', async () => {
      const parts: PlanPart[] = [
        { kind: 'given', text: 'a' },
        { kind: 'free', name: 'long', maxTokens: generator.info.contextTokens },
      ];
      await expect(follow({ parts }, [1])).rejects.toThrow(
        /exceed the context of \d+ tokens, by \d+ at free text 'long'/,
      );
      await expect(follow({ parts }, [1])).rejects.toMatchObject({ code: 'CONTEXT_OVERFLOW' });
    });
  });
}

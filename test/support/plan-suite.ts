// What every generator that follows plans must do, on random weights over several vocabularies.
// The same tests run on each generator; a plan as a judge would use is in judgmentPlan.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Generator } from '../../src/generator/generator.js';
import type { Plan, PlannedSample, PlanPart } from '../../src/generator/plan.js';
import { promptOf } from './prompt-of.js';
import { randomModel } from './random-model.js';

const SAMPLING = { temperature: 1, topP: 1, minP: 0 };
const SCORES = Array.from({ length: 10 }, (_, index) => String(index + 1));

/** A persona, two to four criteria with weights, and for two responses a reason and a score by each criterion. */
export function judgmentPlan(): Plan {
  const score = (name: string): PlanPart => ({
    kind: 'choice',
    name,
    texts: SCORES,
    terminator: '\n',
    mode: 'read',
  });
  const response = (number: number): PlanPart[] => [
    { kind: 'given', text: `Response ${number}:\n` },
    {
      kind: 'forEach',
      over: 'criteria',
      between: '|',
      numbered: ')',
      body: [
        { kind: 'copy', of: 'criterion' },
        { kind: 'given', text: ': ' },
        { kind: 'free', name: `reason ${number}`, maxTokens: 4, stop: ['\n'], bars: ['/10'] },
        { kind: 'given', text: '\nScore:' },
        score(`score ${number}`),
      ],
    },
  ];
  return {
    parts: [
      { kind: 'given', text: 'Persona: ' },
      { kind: 'free', name: 'persona', minTokens: 2, maxTokens: 8, stop: ['\n'] },
      { kind: 'given', text: '\nCriteria:\n' },
      {
        kind: 'repeat',
        name: 'criteria',
        least: 2,
        most: 4,
        another: '- ',
        numbered: '. ',
        end: 'Scores\n',
        body: [
          {
            kind: 'free',
            name: 'criterion',
            minTokens: 1,
            maxTokens: 3,
            stop: ['\n', '('],
            bars: [':', '<'],
          },
          { kind: 'given', text: ' (' },
          { kind: 'choice', name: 'weight', texts: ['low', 'high', 'highest'], terminator: ')\n' },
        ],
      },
      ...response(1),
      ...response(2),
    ],
  };
}

const partsOf = (sample: PlannedSample, name: string) =>
  sample.parts.filter((part) => part.name === name && part.kind !== 'copy');

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

    it('make every sample complete', async () => {
      const seeds = Array.from({ length: kind === 'native' ? 24 : 6 }, (_, index) => index + 1);
      const { samples } = await follow(judgmentPlan(), seeds);
      for (const sample of samples) {
        expect(sample.finish).toBe('complete');
        const criteria = partsOf(sample, 'criterion');
        expect(criteria.length).toBeGreaterThanOrEqual(2);
        expect(criteria.length).toBeLessThanOrEqual(4);
        for (const number of [1, 2]) {
          const scores = partsOf(sample, `score ${number}`);
          expect(scores.map(({ text }) => SCORES.includes(text))).toEqual(criteria.map(() => true));
          for (const { probabilities = [] } of scores) {
            expect(probabilities.reduce((sum, p) => sum + p, 0)).toBeCloseTo(1, 9);
          }
        }
        const copies = sample.parts.filter((part) => part.kind === 'copy').map(({ text }) => text);
        const names = criteria.map(({ text }) => text);
        expect(copies).toEqual([...names, ...names]);
        for (const { text } of partsOf(sample, 'reason 1')) expect(text).not.toMatch(/\n|\/10/);
        const opened = sample.parts
          .filter(({ kind: written }) => written === 'repeat')
          .map(({ text }) => text);
        const numbers = criteria.map((_, index) => index + 1);
        expect(opened).toEqual([...numbers.map((number) => `- ${number}. `), 'Scores\n']);
        const between = sample.parts.filter(({ text }) => /^\|\d\)$/.test(text)).map(({ text }) => text);
        const later = numbers.slice(1).map((number) => `|${number})`);
        expect(between).toEqual([...later, ...later]);
        const { tokens } = sample;
        expect(tokens.free).toBe(sample.parts.reduce((sum, { drawn = 0 }) => sum + drawn, 0));
      }
    });

    it('write text that is the texts of their parts', async () => {
      const terminators = new Map([
        ['score 1', '\n'],
        ['score 2', '\n'],
        ['weight', ')\n'],
      ]);
      const { samples } = await follow(judgmentPlan(), [1, 2]);
      for (const { text, parts } of samples) {
        expect(parts.map((part) => part.text + (terminators.get(part.name) ?? '')).join('')).toBe(text);
      }
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

    it('stream each part, and all of the text', async () => {
      const streamed = new Map<number, string>();
      const byPart = new Map<string, string>();
      const { samples } = await follow(judgmentPlan(), [3, 4], {
        onText: ({ index, part, text }: { index: number; part: number; text: string }) => {
          streamed.set(index, (streamed.get(index) ?? '') + text);
          byPart.set(`${index} ${part}`, (byPart.get(`${index} ${part}`) ?? '') + text);
        },
      });
      for (const sample of samples) {
        expect(streamed.get(sample.index)).toBe(sample.text);
        for (const [part, { kind: written, text }] of sample.parts.entries()) {
          const pieces = byPart.get(`${sample.index} ${part}`) ?? '';
          if (written === 'choice') expect(pieces.startsWith(text)).toBe(true);
          else expect(pieces).toBe(text);
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

    it('reject when aborted', async () => {
      const reason = new Error('enough');
      await expect(follow(judgmentPlan(), [1], { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
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

    it('refuse bounds of zero and choices that coincide', async () => {
      const zero: PlanPart[] = [{ kind: 'free', name: 'a', maxTokens: 0 }];
      await expect(follow({ parts: zero }, [1])).rejects.toMatchObject({ code: 'INVALID_OPTION' });
      const twice: PlanPart[] = [{ kind: 'choice', name: 'a', texts: ['1', '1'] }];
      await expect(follow({ parts: twice }, [1])).rejects.toThrow(/"1" twice/);
    });
  });
}

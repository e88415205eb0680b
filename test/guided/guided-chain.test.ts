import { describe, expect, it } from 'vitest';
import { readChain } from '../../src/chain/read-chain.js';
import { checkPlan } from '../../src/generator/plan-bounds.js';
import { guidedChain, wholeShares } from '../../src/guided/guided-chain.js';
import { type GuidedPlanOptions, guidedPlan } from '../../src/guided/guided-plan.js';
import { longestSample } from '../../src/guided/plan-length.js';
import {
  chainScoresRead,
  chainVariances,
  expectedScore,
  scoreVariance,
} from '../../src/guided/read-scores.js';
import { followPlan } from '../../src/testing/fake-plans.js';

const PLAIN: GuidedPlanOptions = {
  form: 'general',
  responses: 2,
  criteria: null,
  reasons: false,
  reads: true,
  blanksEndTokens: false,
  thought: null,
  usualTokens: 3072,
};

const KINDS: [string, Partial<GuidedPlanOptions>][] = [
  ['for any model', {}],
  ['with reasons', { reasons: true }],
  ['of three responses', { responses: 3 }],
  ['in the trained form', { form: 'trained' }],
  [
    'in the trained form of a vocabulary of phrases',
    { form: 'trained', blanksEndTokens: true, reasons: true },
  ],
  ['by criteria that are fixed', { criteria: [{ name: 'Brevity' }, { name: 'Warmth' }] }],
  ['by fixed criteria in the trained form', { form: 'trained', criteria: [{ name: 'Brevity', weight: 3 }] }],
  ['behind a thought', { thought: { close: '</think>', maxTokens: 8 } }],
];

describe.each(KINDS)('a guided chain %s', (_, changes) => {
  const options = { ...PLAIN, ...changes };
  const plan = guidedPlan(options);
  const seeds = Array.from({ length: 60 }, (_unused, seed) => seed);

  it.each(['expected', 'sampled'] as const)('is usable whatever is written, its scores %s', (readout) => {
    for (const seed of seeds) {
      const { parts } = followPlan(plan, 0, seed);
      const { reading, text } = guidedChain(parts, { ...options, readout });
      expect(reading.usable).toBe(true);
      expect(reading.responses).toHaveLength(options.responses);
      const criteria = options.criteria?.length ?? reading.rubric.length;
      if (options.criteria === null) expect([3, 4, 5]).toContain(criteria);
      expect(reading.rubric).toHaveLength(criteria);
      expect(reading.rubric.reduce((sum, { weight }) => sum + weight!, 0)).toBeCloseTo(100, 9);
      for (const [r, { criterionScores, score }] of reading.responses.entries()) {
        const sum = criterionScores!.reduce((total, one, k) => total + one * reading.rubric[k]!.weight!, 0);
        expect(score).toBeCloseTo(sum / 100, 9);
        for (const [k, one] of criterionScores!.entries()) {
          const distribution = reading.distributions![r]![k]!;
          expect(distribution).toHaveLength(10);
          if (readout === 'expected') expect(one).toBe(expectedScore(distribution));
          else expect(one).toSatisfy((whole: number) => Number.isInteger(whole) && whole >= 1 && whole <= 10);
        }
      }
      expect(text).toContain(reading.analysisText);
    }
  });

  it('shows in the usual form what the reader finds there again', () => {
    for (const seed of seeds.slice(0, 20)) {
      const { parts } = followPlan(plan, 0, seed);
      const { reading, text } = guidedChain(parts, { ...options, readout: 'sampled' });
      const found = readChain(text, { responses: options.responses });
      expect(found.usable).toBe(true);
      for (const [r, { score }] of found.responses.entries()) {
        expect(score).toBeCloseTo(reading.responses[r]!.score!, 1);
      }
    }
  });

  it('is no longer than the bound that a prompt leaves room for', async () => {
    const bound = await longestSample(plan, async (text) => text.length);
    for (const seed of seeds) {
      const { text } = followPlan(plan, 0, seed, { free: ({ maxTokens }) => 'x'.repeat(maxTokens) });
      expect(text.length).toBeLessThanOrEqual(bound);
    }
  });

  it('leaves the room that a generator asks for, however texts are tokenized together', async () => {
    const count = (text: string): number => Math.ceil(text.length / 4);
    const asked = { promptTokens: 0, contextTokens: 1e6, spell: (text: string) => ({ length: count(text) }) };
    expect(await longestSample(plan, async (text) => count(text))).toBe(checkPlan(plan, asked));
  });

  it('asks the model for no sum and no JSON', () => {
    const written = JSON.stringify(plan);
    expect(written).not.toMatch(/Final Score =|response_1/);
  });
});

it('bounds part 1 of the trained form by what the model’s own chains have', () => {
  const bounds = (usualTokens: number): number[] =>
    guidedPlan({ ...PLAIN, form: 'trained', usualTokens }).parts.flatMap((part) =>
      part.kind === 'free' ? [part.maxTokens] : [],
    );
  expect(bounds(448)).toEqual([224, 112]);
  expect(bounds(3072)).toEqual([1024, 512]);
});

describe('what is read of a score', () => {
  it('is the mean of its distribution, and the variance around it', () => {
    const half = [0, 0, 0, 0.5, 0, 0, 0, 0.5, 0, 0];
    expect(expectedScore(half)).toBe(6);
    expect(scoreVariance(half)).toBe(4);
    expect(scoreVariance([0, 0, 1, 0, 0, 0, 0, 0, 0, 0])).toBe(0);
  });

  it('gives a chain its scores by the weights, and a variance that bounds what criteria make of it', () => {
    const sure = [0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
    const half = [0, 0, 0, 0.5, 0, 0, 0, 0.5, 0, 0];
    const criteria = [
      { weight: 60, distributions: [half, sure] },
      { weight: 20, distributions: [half, sure] },
    ];
    expect(chainScoresRead(criteria, 'expected', () => 0)).toEqual([6, 10]);
    const uniform = [0.2, 0.7, 0.9, 0.1];
    expect(chainScoresRead(criteria, 'sampled', () => uniform.shift()!)).toEqual([5, 10]);
    expect(chainVariances(criteria)).toEqual([4, 0]);
    expect(chainVariances([])).toEqual([]);
  });

  it('comes near the mean of scores that are drawn', () => {
    const plan = guidedPlan({ ...PLAIN, criteria: [{ name: 'Fit' }] });
    const script = { weigh: () => [1, 2, 3, 4, 5, 5, 4, 3, 2, 1] };
    const drawn = Array.from({ length: 2000 }, (_, seed) => {
      const { parts } = followPlan(plan, 0, seed * 977, script);
      return guidedChain(parts, {
        form: 'general',
        responses: 2,
        criteria: [{ name: 'Fit' }],
        readout: 'sampled',
      }).reading.responses[0]!.score!;
    });
    const mean = drawn.reduce((sum, one) => sum + one, 0) / drawn.length;
    // Standard deviation 2.24 of one score: 5 standard errors.
    expect(Math.abs(mean - 5.5)).toBeLessThan(0.25);
  });
});

describe('whole shares', () => {
  it('sum to 100 and keep the proportions', () => {
    expect(wholeShares([1, 1, 1])).toEqual([34, 33, 33]);
    expect(wholeShares([50, 30, 20])).toEqual([50, 30, 20]);
    expect(wholeShares([5, 95, 95])).toEqual([2, 49, 49]);
  });
});

import { describe, expect, it } from 'vitest';
import type { Variant } from '../../src/cost/bench-plan.js';
import { variantName } from '../../src/cost/bench-plan.js';
import type { BlockRecord } from '../../src/cost/bench-record.js';
import { type CostModel, fitCostModel, predictMs } from '../../src/cost/cost-model.js';
import { nonNegativeFit } from '../../src/cost/least-squares.js';
import { flopsOf, type ModelCost } from '../../src/cost/model-cost.js';
import { type EngineSizes, type StepCost, simulate } from '../../src/cost/simulate.js';

const SIZES: EngineSizes = { maxSequences: 8, batch: 64, prefillChunk: 32 };
const STEP: StepCost = { step: 2, promptRow: 0.05, sampleRow: 0.3, rowCell: 0.0002, draw: 0.02 };
const only = (step: Partial<StepCost>): StepCost => ({
  step: 0,
  promptRow: 0,
  sampleRow: 0,
  rowCell: 0,
  draw: 0,
  ...step,
});

describe('least squares without negative coefficients', () => {
  it('finds the coefficients of exact data', () => {
    const rows = [
      [1, 0, 2],
      [0, 3, 1],
      [2, 2, 2],
      [1, 5, 0],
    ];
    const y = rows.map(([a = 0, b = 0, c = 0]) => 2 * a + 0.5 * b + 3 * c);
    const [a, b, c] = nonNegativeFit(rows, y);
    expect(a).toBeCloseTo(2, 9);
    expect(b).toBeCloseTo(0.5, 9);
    expect(c).toBeCloseTo(3, 9);
  });

  it('sets to 0 what would be negative, and fits the rest anew', () => {
    // y = 3 a - b; without b the best a is sum(a y) / sum(a a) = (2 + 10) / (1 + 4).
    const [a, b] = nonNegativeFit(
      [
        [1, 1],
        [2, 1],
      ],
      [2, 5],
    );
    expect(a).toBeCloseTo(2.4, 12);
    expect(b).toBe(0);
    expect(nonNegativeFit([[0, 0]], [1])).toEqual([0, 0]);
  });
});

const work = (changes: object) => ({
  individual: 1,
  prototype: 0,
  orders: 2,
  promptTokens: 10,
  ownShare: 1,
  neighbourShare: 1,
  chainTokens: [3],
  ...changes,
});
const once = { judgments: 1, atOnce: 1, seed: 1 };

describe('simulated steps', () => {
  const small: EngineSizes = { maxSequences: 4, batch: 4, prefillChunk: 2 };

  it('counts what the scheduler would do', () => {
    // Rows 4, 4 and 2 of the prompt, then two tokens after the one that the prompt's logits give.
    const one = simulate(only({ step: 1 }), small, work({}), once);
    expect(one).toMatchObject({ ms: 5, steps: 5, promptRows: 10, sampleRows: 2, generatedTokens: 3 });
    expect(one.firstChainMs).toBe(5);
    expect(simulate(only({ promptRow: 2, sampleRow: 3, draw: 1 }), small, work({}), once).ms).toBe(29);
  });

  it('decodes what orders share once, and chains together', () => {
    const two = simulate(
      only({ step: 1 }),
      SIZES,
      work({ individual: 4, ownShare: 1.2, chainTokens: [5] }),
      once,
    );
    expect(two).toMatchObject({ promptRows: 12, generatedTokens: 20, sampleRows: 16 });
    // One step for both prompts, then four for the four tokens left of every chain.
    expect(two.steps).toBe(5);
  });

  it('lets similar users wait for an own chain, and rows for a free sequence', () => {
    const alone = simulate(only({ step: 1 }), SIZES, work({ chainTokens: [5] }), once);
    const similar = simulate(only({ step: 1 }), SIZES, work({ prototype: 2, chainTokens: [5] }), once);
    expect(similar.ms).toBe(2 * alone.ms);
    const narrow = simulate(only({ step: 1 }), { ...SIZES, maxSequences: 1 }, work({ individual: 3 }), once);
    expect(narrow.sampleRows).toBe(6);
    expect(narrow.steps).toBeGreaterThanOrEqual(7);
  });

  it('times a full engine between ends of judgments', () => {
    const options = { judgments: 20, atOnce: 4, seed: 1 };
    const full = simulate(STEP, SIZES, work({ chainTokens: [20, 40] }), options);
    const alone = simulate(STEP, SIZES, work({ chainTokens: [20, 40] }), { ...once, judgments: 20 });
    expect(full.ms).toBeLessThan(alone.ms);
    expect(full.generatedTokens).toBeGreaterThan(20);
    expect(full.generatedTokens).toBeLessThan(40);
    expect(full).toEqual(simulate(STEP, SIZES, work({ chainTokens: [20, 40] }), options));
  });
});

const LEVELS: Variant[] = [
  [1, 0],
  [4, 0],
  [8, 0],
  [16, 0],
  [4, 2],
  [8, 4],
].map(([individual = 1, prototype = 0]) => ({ level: { individual, prototype }, adaptive: null }));

const TRUTH: Omit<CostModel, 'leftOut'> = {
  step: STEP,
  sizes: SIZES,
  overhead: {
    alone: { judgment: 5, chain: 1, search: 4 },
    full: { judgment: 1, chain: 0.5, search: 0 },
  },
  shares: { alone: { one: 1, all: 1.25, neighbour: 0.5 }, full: { one: 1, all: 1.25, neighbour: 0.5 } },
  chainTokens: [40, 50, 60],
  promptTokens: { mean: 200, least: 200, most: 200 },
  orders: 2,
  blocks: 0,
  fitError: 0,
};

/** A block of one judgment that costs what a known model says. */
function madeBlock(variant: Variant, kind: 'alone' | 'full', round: number): BlockRecord {
  const { individual, prototype } = variant.level;
  const { totalMs, work: done } = predictMs(TRUTH, variant.level, kind);
  const requests = Math.min(individual, 2) + prototype;
  const drawMs = STEP.draw * done.generatedTokens;
  return {
    block: `${round} ${kind} ${variantName(variant)}`,
    round,
    kind,
    variant: variantName(variant),
    probe: null,
    session: 0,
    started: '',
    ms: totalMs,
    judged: 1,
    processorSeconds: null,
    stealShare: null,
    busyShare: null,
    peakMemoryBytes: null,
    gpuMemoryBytes: null,
    cpuJoules: null,
    gpuJoules: null,
    counters: { ...done, decodeMs: done.ms - drawMs, drawMs, preempted: 0 },
    measuringMs: 0,
    judgments: [
      {
        row: 1,
        user: null,
        ms: totalMs,
        firstChainMs: null,
        prompt: 200 * requests,
        unshared: 200 * (individual + prototype),
        decoded: Math.round(200 * ((individual === 1 ? 1 : 1.25) + 0.5 * prototype)),
        distinct: 200,
        generated: Math.round(done.generatedTokens),
        requests,
        used: individual + prototype,
        lost: 0,
        saved: 0,
        chainTokens: [40, 50, 60],
        correct: null,
        error: null,
      },
    ],
  };
}

describe('the cost model', () => {
  const blocks = LEVELS.flatMap((variant) =>
    (['alone', 'full'] as const).map((kind) => madeBlock(variant, kind, 0)),
  );
  const model = fitCostModel(blocks, LEVELS, SIZES);

  it('finds the parts that made the figures', () => {
    if ('untold' in model) throw new Error(model.untold);
    expect(model.fitError).toBeLessThan(1e-6);
    for (const part of ['step', 'promptRow', 'sampleRow', 'rowCell', 'draw'] as const) {
      expect(model.step[part] / STEP[part]).toBeCloseTo(1, 3);
    }
    expect(model.shares.alone).toMatchObject({ one: 1, all: 1.25 });
    expect(model.shares.alone.neighbour).toBeCloseTo(0.5, 9);
    expect(model.orders).toBe(2);
    expect(predictMs(model, { individual: 32, prototype: 8 }, 'alone').totalMs).toBeCloseTo(
      predictMs(TRUTH, { individual: 32, prototype: 8 }, 'alone').totalMs,
      -1,
    );
  });

  it('predicts levels that it has not seen within a tenth', () => {
    if ('untold' in model) throw new Error(model.untold);
    expect(model.leftOut.length).toBe(12);
    for (const { error } of model.leftOut) expect(Math.abs(error)).toBeLessThan(0.1);
  });

  it('says why there is none', () => {
    const uncounted = blocks.map((block) => ({ ...block, counters: null }));
    expect(fitCostModel(uncounted, LEVELS, SIZES)).toEqual({
      untold: expect.stringMatching(/does not count/),
    });
    expect(fitCostModel([], LEVELS, SIZES)).toHaveProperty('untold');
  });
});

describe('model FLOPs', () => {
  const cost: ModelCost = {
    flopsPerToken: 100,
    flopsPerOutput: 10,
    flopsPerAttended: 1,
    cellBytes: 4,
    weightType: 1,
    layers: 1,
  };
  it('counts weights, outputs and attention', () => {
    // 8 prompt tokens that attend to 4 each, 2 chains of 3 tokens that attend to 8 + 1.5 each.
    const flops = flopsOf(cost, { promptLength: 8, decodedPrompt: 8, prompts: 1, generated: 6, chains: 2 });
    expect(flops).toBe(100 * 14 + 10 * 7 + 8 * 4 + 6 * 9.5);
  });
  it('lets the part of a prompt that was not shared attend to all before it', () => {
    // Of two prompts of 10 tokens, 12 were decoded: 6 each, which attend to 7 on average.
    const flops = flopsOf(cost, { promptLength: 10, decodedPrompt: 12, prompts: 2, generated: 0, chains: 0 });
    expect(flops).toBe(100 * 12 + 10 * 2 + 12 * 7);
  });
});

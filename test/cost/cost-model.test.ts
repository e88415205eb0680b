import { describe, expect, it } from 'vitest';
import type { Variant } from '../../src/cost/bench-plan.js';
import { variantName } from '../../src/cost/bench-plan.js';
import type { BlockRecord, JudgmentRecord } from '../../src/cost/bench-record.js';
import { type CostModel, fitCostModel, predictMs } from '../../src/cost/cost-model.js';
import type { StepCost } from '../../src/cost/engine-work.js';
import { nonNegativeFit } from '../../src/cost/least-squares.js';
import { type EngineSizes, simulate, type Workload } from '../../src/cost/simulate.js';

const SIZES: EngineSizes = {
  maxSequences: 8,
  cells: null,
  batch: 64,
  prefillChunk: 32,
  separatesPrompts: false,
  maxUnfinished: 16,
  lone: null,
  maxIdleCells: 0,
  hostCacheBytes: 0,
  promptsAtOnce: null,
  threads: 1,
  sharedReading: { rows: 16, headsKv: 3 },
};
const STEP: StepCost = {
  call: 2,
  promptRow: 0.05,
  sampleRow: 0.3,
  promptAttended: 0.0004,
  sampleAttended: 0.001,
  rowCell: 0.0002,
  cellRead: 0.0008,
  draw: 0.02,
};
const only = (step: Partial<StepCost>): StepCost => ({
  call: 0,
  promptRow: 0,
  sampleRow: 0,
  promptAttended: 0,
  sampleAttended: 0,
  rowCell: 0,
  cellRead: 0,
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

const long = (...judgments: number[]) => ({ judgments, within: [1] });
const work = (changes: Partial<Workload>): Workload => ({
  individual: 1,
  prototype: 0,
  orders: 2,
  first: { tokens: 10, decoded: 10 },
  other: { tokens: 10, decoded: 2 },
  neighbour: { tokens: 10, decoded: 10 },
  ownChains: long(3),
  neighbourChains: long(3),
  ...changes,
});
const once = { judgments: 1, atOnce: 1, seed: 1 };

describe('simulated steps', () => {
  const small: EngineSizes = { ...SIZES, maxSequences: 4, batch: 4, prefillChunk: 2 };

  it('counts what the scheduler would do', () => {
    // Rows 4, 4 and 2 of the prompt, then two tokens after the one that the prompt's logits give.
    const one = simulate(only({ call: 1 }), small, work({}), once);
    expect(one).toMatchObject({ ms: 5, calls: 5, promptRows: 10, sampleRows: 2, generatedTokens: 3 });
    expect(one.firstChainMs).toBe(5);
    // Rows of the prompt attend to 1, 2, ... 10 tokens, the two tokens to 11 and 12.
    expect(one).toMatchObject({ promptAttended: 55, sampleAttended: 23 });
    expect(simulate(only({ promptRow: 2, sampleRow: 3, draw: 1 }), small, work({}), once).ms).toBe(29);
  });

  it('decodes what orders share once, and chains together', () => {
    const two = simulate(only({ call: 1 }), SIZES, work({ individual: 4, ownChains: long(5) }), once);
    expect(two).toMatchObject({ promptRows: 12, generatedTokens: 20, sampleRows: 16 });
    // One step for both prompts, then four for the four tokens left of every chain.
    expect(two.calls).toBe(5);
  });

  it('lets similar users wait for an own chain, and rows for a free sequence', () => {
    const similarUsers = work({ prototype: 2, ownChains: long(5), neighbourChains: long(5) });
    const alone = simulate(only({ call: 1 }), SIZES, work({ ownChains: long(5) }), once);
    const similar = simulate(only({ call: 1 }), SIZES, similarUsers, once);
    expect(similar.ms).toBe(2 * alone.ms);
    const narrow = simulate(only({ call: 1 }), { ...SIZES, maxSequences: 1 }, work({ individual: 3 }), once);
    expect(narrow.sampleRows).toBe(6);
    expect(narrow.calls).toBeGreaterThanOrEqual(7);
  });

  it('counts cells and attended tokens as chains grow', () => {
    const { rowCells, sampleAttended } = simulate(STEP, SIZES, work({ ownChains: long(5) }), once);
    // Four rows over the prompt of ten tokens and what is written: 11 to 14 tokens, and as many cells.
    expect([rowCells, sampleAttended]).toEqual([10 * 10 + 50, 50]);
  });

  it('reads what rows share once, and what orders share of a judgment', () => {
    // Two prompts of ten tokens that share eight, two chains each, of which one token is written when the first step begins.
    const { cellsRead, promptRows } = simulate(
      STEP,
      SIZES,
      work({ individual: 4, ownChains: long(3) }),
      once,
    );
    expect(promptRows).toBe(12);
    // Rows of prompts: the first all of themselves, the second eight and itself; then two steps of four chains.
    expect(cellsRead).toBe(55 + 8 + 3 + (12 + 4) + (12 + 8));
    // Two threads share three heads of four rows by halves: the rows of each prompt are read apart, those of prompts in twelves.
    const two = { ...SIZES, threads: 2 };
    const split = simulate(STEP, two, work({ individual: 4, ownChains: long(3) }), once);
    expect(split.cellsRead).toBeGreaterThan(cellsRead);
    expect(split.sampleAttended).toBeGreaterThan(0);
    const unknown = { ...SIZES, sharedReading: null };
    expect(simulate(STEP, unknown, work({ individual: 4, ownChains: long(3) }), once).cellsRead).toBe(0);
  });

  it('lets no more in than there are cells for, but one', () => {
    const pair = work({ prototype: 3, ownChains: long(5), neighbourChains: long(5) });
    const free = simulate(only({ call: 1 }), SIZES, pair, once);
    const bound = simulate(only({ call: 1 }), { ...SIZES, cells: 100 }, pair, once);
    expect(free.calls).toBe(5 + 5);
    // Two similar users at once: 30 cells of prompts, what is written, and 32 for each chain that runs and the next one.
    expect(bound.calls).toBe(5 + 5 + 4);
    expect(bound.sampleRows).toBe(free.sampleRows);
    expect(simulate(only({ call: 1 }), { ...SIZES, cells: 1 }, pair, once).calls).toBe(4 * 5);
  });

  it('keeps the cells of a prompt that nobody needs any more once, whatever number of chains it had', () => {
    const sizes = { ...SIZES, maxIdleCells: 100 };
    const pairs = work({ individual: 4, ownChains: long(5) });
    const first = simulate(STEP, sizes, pairs, once);
    const both = simulate(STEP, sizes, pairs, { ...once, judgments: 2 });
    const rows = first.promptRows + first.sampleRows;
    // Twelve cells of the first judgment's prompts beside each row of the second.
    expect(2 * both.rowCells - 2 * first.rowCells).toBe(12 * rows);
    expect(simulate(STEP, sizes, pairs, { ...once, judgments: 2, forgetsAfter: 1 }).rowCells).toBe(
      first.rowCells,
    );
  });

  it('runs chains that come alone beside the others, over their own cells, in calls of their own', () => {
    const lanes: EngineSizes = { ...SIZES, lone: { maxSequences: 2, maxUnfinished: 4 } };
    const { rowCells, promptAttended, sampleAttended, calls } = simulate(STEP, lanes, work({}), once);
    expect(rowCells).toBe(promptAttended + sampleAttended);
    expect(calls).toBe(3);
    // Own chains two to a prompt: the first token and four steps with one call; then as many for three similar users, of
    // whom two write at once.
    const pair = work({ individual: 4, prototype: 3, ownChains: long(5), neighbourChains: long(5) });
    const together = simulate(only({ call: 1 }), lanes, pair, once);
    expect(together.calls).toBe(5 + 5 + 4);
    expect(simulate(only({ call: 1 }), SIZES, pair, once).calls).toBe(5 + 5);
    const full = { judgments: 20, atOnce: 3, seed: 1 };
    expect(simulate(STEP, lanes, pair, full).rowCells).toBeLessThan(
      simulate(STEP, SIZES, pair, full).rowCells,
    );
  });

  it('times a full engine between ends of judgments', () => {
    const options = { judgments: 20, atOnce: 4, seed: 1 };
    const full = simulate(STEP, SIZES, work({ ownChains: long(20, 40) }), options);
    const alone = simulate(STEP, SIZES, work({ ownChains: long(20, 40) }), { ...once, judgments: 20 });
    expect(full.ms).toBeLessThan(alone.ms);
    expect(full.generatedTokens).toBeGreaterThan(20);
    expect(full.generatedTokens).toBeLessThan(40);
    expect(full).toEqual(simulate(STEP, SIZES, work({ ownChains: long(20, 40) }), options));
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

const LENGTHS = { judgments: [40, 50, 60], within: [1] };
const shares = { first: 1, other: 0.25, neighbour: 0.5 };
const TRUTH: Omit<CostModel, 'leftOut'> = {
  step: STEP,
  sizes: SIZES,
  overhead: {
    alone: { judgment: 5, chain: 1, search: 4 },
    full: { judgment: 1, chain: 0.5, search: 0 },
  },
  shares: { alone: shares, full: shares },
  chains: { own: LENGTHS, neighbour: LENGTHS },
  prompts: {
    own: { mean: 200, least: 200, most: 200 },
    neighbour: { mean: 300, least: 300, most: 300 },
  },
  orders: 2,
  forgetsAfter: 3,
  blocks: 0,
  fitError: 0,
};

/** A judgment whose chains have so many tokens each. */
function madeJudgment({ level: { individual, prototype } }: Variant, tokens: number): JudgmentRecord {
  const own = Math.min(individual, 2);
  const each = [
    ...Array.from({ length: own }, (_, index) => ({
      length: 200,
      chains: individual / own,
      decoded: index === 0 ? 200 : 50,
    })),
    ...Array.from({ length: prototype }, () => ({ length: 300, chains: 1, decoded: 150 })),
  ];
  return {
    row: 1,
    user: null,
    ms: 1,
    firstChainMs: null,
    prompt: 200 * own + 300 * prototype,
    unshared: 200 * individual + 300 * prototype,
    decoded: each.reduce((total, one) => total + one.decoded, 0),
    distinct: 200,
    generated: tokens * (individual + prototype),
    requests: each.length,
    each,
    neighbours: prototype,
    used: individual + prototype,
    lost: 0,
    saved: 0,
    chainTokens: Array.from({ length: individual + prototype }, () => tokens),
    correct: null,
    error: null,
  };
}

/** A block of three judgments that cost what a known model says. */
function madeBlock(variant: Variant, kind: 'alone' | 'full', round: number): BlockRecord {
  const { totalMs, work: done } = predictMs(TRUTH, variant.level, kind);
  const drawMs = STEP.draw * done.generatedTokens;
  const counters = { ...done, decodeMs: done.ms - drawMs, drawMs, preempted: 0 };
  return {
    block: `${round} ${kind} ${variantName(variant)}`,
    round,
    kind,
    variant: variantName(variant),
    probe: null,
    session: 0,
    started: '',
    ms: 3 * totalMs,
    judged: 3,
    processorSeconds: null,
    stealShare: null,
    busyShare: null,
    peakMemoryBytes: null,
    gpuMemoryBytes: null,
    cpuJoules: null,
    gpuJoules: null,
    counters: { ...counters, ...Object.fromEntries(COUNTED.map((name) => [name, 3 * counters[name]])) },
    measuringMs: 0,
    judgments: LENGTHS.judgments.map((tokens) => madeJudgment(variant, tokens)),
  };
}
const COUNTED = [
  'calls',
  'promptRows',
  'sampleRows',
  'promptAttended',
  'sampleAttended',
  'rowCells',
  'cellsRead',
  'generatedTokens',
  'decodeMs',
  'drawMs',
] as const;

describe('the cost model', () => {
  const blocks = LEVELS.flatMap((variant) =>
    (['alone', 'full'] as const).map((kind) => madeBlock(variant, kind, 0)),
  );
  const model = fitCostModel(blocks, LEVELS, SIZES);

  it('is not told of several workers', () => {
    expect(fitCostModel(blocks, LEVELS, { ...SIZES, workers: 2 })).toEqual({
      untold: expect.stringContaining('2 workers'),
    });
  });

  it('finds the parts that made the figures', () => {
    if ('untold' in model) throw new Error(model.untold);
    expect(model.fitError).toBeLessThan(1e-6);
    for (const part of Object.keys(STEP) as (keyof StepCost)[]) {
      expect(model.step[part] / STEP[part]).toBeCloseTo(1, 3);
    }
    expect(model.shares.alone).toEqual(shares);
    expect(model.prompts).toEqual(TRUTH.prompts);
    expect(model.orders).toBe(2);
    for (const part of ['judgment', 'chain', 'search'] as const) {
      expect(model.overhead.alone[part]).toBeCloseTo(TRUTH.overhead.alone[part], 6);
    }
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

  it('leaves a level out with adaptive stopping, too', () => {
    if ('untold' in model) throw new Error(model.untold);
    const variant = { ...LEVELS[3]!, adaptive: 0.05 };
    const slow = (['alone', 'full'] as const).map((kind): BlockRecord => {
      const block = madeBlock(variant, kind, 0);
      const counters = { ...block.counters!, decodeMs: 9 * block.counters!.decodeMs };
      return { ...block, counters };
    });
    const both = fitCostModel([...blocks, ...slow], [...LEVELS, variant], SIZES);
    if ('untold' in both) throw new Error(both.untold);
    const of = (one: CostModel) => one.leftOut.filter(({ name }) => name === variantName(LEVELS[3]!));
    expect(of(both)).toEqual(of(model));
    // The others are predicted by a model that has seen it.
    expect(both.leftOut).not.toEqual(model.leftOut);
  });

  it('says why there is none', () => {
    const uncounted = blocks.map((block) => ({ ...block, counters: null }));
    expect(fitCostModel(uncounted, LEVELS, SIZES)).toEqual({
      untold: expect.stringMatching(/does not count/),
    });
    expect(fitCostModel([], LEVELS, SIZES)).toHaveProperty('untold');
    expect(fitCostModel(blocks, LEVELS, null)).toEqual({ untold: expect.stringMatching(/does not count/) });
    expect(fitCostModel(blocks.slice(0, 5), LEVELS, SIZES)).toEqual({
      untold: expect.stringMatching(/too few/),
    });
  });
});

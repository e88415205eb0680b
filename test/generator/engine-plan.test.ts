import { describe, expect, it } from 'vitest';
import { type EngineFacts, planEngine } from '../../src/generator/native/engine-plan.js';

const SMALL: EngineFacts = {
  trainedContext: 4096,
  modelBytes: 3.8e6,
  layers: 6,
  heads: 3,
  cellBytes: 4608,
  gpuMemoryFree: null,
  memoryFree: 16e9,
  attentionKernel: { obstacle: 'this processor has neither AVX2 nor NEON' },
  threads: { threads: 2, reason: 'two cores' },
};
const LARGE: EngineFacts = { ...SMALL, modelBytes: 8.5e9, layers: 32, heads: 32, cellBytes: 131072 };

/** Where pgenrm's attention runs. */
const OURS: EngineFacts = { ...SMALL, attentionKernel: { instructions: 'avx2' } };

describe('planEngine', () => {
  it('has few unrelated prompts at work on a CPU, more where the weights weigh more', () => {
    expect(planEngine(SMALL, { kvLayout: 'unified' }).promptsAtOnce).toBe(1);
    // sqrt(250 * 8.5e9 / (2000 * 2250 * 12 * 1024)) = 6.2
    expect(planEngine({ ...LARGE, memoryFree: 64e9 }).promptsAtOnce).toBe(6);
    expect(planEngine({ ...SMALL, gpuMemoryFree: 80e9 }).promptsAtOnce).toBeNull();
    expect(
      planEngine({ ...SMALL, layers: 0, heads: 0 }, { kvLayout: 'unified' }).promptsAtOnce,
    ).toBeGreaterThanOrEqual(1);
  });

  it('keeps fewer idle prompts where they are decoded again for less than their cells cost', () => {
    expect(planEngine(SMALL).maxIdleCells).toBe(4096);
    expect(planEngine({ ...LARGE, memoryFree: 64e9 }).maxIdleCells).toBe(2 * 4096);
  });

  it('says why', () => {
    const { choices } = planEngine(SMALL, { kvLayout: 'unified' });
    expect(choices.filter((choice) => /^prompts at work at once: 1, /.test(choice))).toHaveLength(1);
    expect(planEngine(SMALL).choices.join('\n')).toMatch(
      /^KV cache: mixed.*\n[\s\S]*^samples at once of a worker: 4 that came alone, and 32 others, .* fewer than 8 are unfinished$/m,
    );
    expect(planEngine(SMALL).choices.join('\n')).toMatch(
      /^workers: 2, for threads that compute so small a model/m,
    );
    expect(planEngine(SMALL, { workers: 1 }).choices.join('\n')).toMatch(
      /^samples at once: 8 that came alone, and 32 others, .* fewer than 16 are unfinished$/m,
    );
    expect(planEngine({ ...SMALL, gpuMemoryFree: 80e9 }).choices.join()).not.toMatch(/at work at once/);
  });

  it('sets samples and cells aside for those that come alone, on a CPU with room for them', () => {
    const { lone, kvCache, maxUnfinished, promptsAtOnce } = planEngine(SMALL, { workers: 1 });
    expect(lone).toEqual({
      maxRunning: 8,
      maxUnfinished: 16,
      sequences: 16,
      cells: 16 * 4352,
      hostCacheBytes: 0,
    });
    expect(kvCache.layout).toBe('mixed');
    expect(maxUnfinished).toBe(16);
    expect(promptsAtOnce).toBeNull();
    expect(planEngine(SMALL, { maxSequences: 4 }).lone).toMatchObject({ maxRunning: 1, sequences: 2 });
    for (const plan of [
      planEngine(SMALL, { maxSequences: 3 }),
      planEngine(SMALL, { kvLayout: 'unified' }),
      planEngine({ ...SMALL, gpuMemoryFree: 80e9 }),
      planEngine({ ...LARGE, memoryFree: 64e9 }),
    ]) {
      expect(plan.lone).toBeNull();
      expect(plan.kvCache.layout).toBe('unified');
      expect(plan.maxUnfinished).toBeGreaterThanOrEqual(plan.maxSequences);
    }
  });

  it('has a worker for each thread where the weights are few, each with its share of cells and samples', () => {
    const threads = (n: number) => ({ threads: { threads: n, reason: 'so many cores' } });
    const workers = (facts: Partial<EngineFacts>) =>
      planEngine({ ...SMALL, memoryFree: 64e9, ...facts }).workers;
    expect(workers(threads(1))).toBe(1);
    expect(workers(threads(3))).toBe(3);
    expect(workers(threads(32))).toBe(8);
    expect(workers({ ...threads(8), modelBytes: 60e6 })).toBe(4);
    expect(workers({ ...threads(8), modelBytes: 1e9 })).toBe(1);
    expect(workers({ gpuMemoryFree: 80e9 })).toBe(1);
    for (const asked of [{ kvLayout: 'unified' }, { kvLayout: 'mixed' }, { kvCells: 90_000 }] as const) {
      expect(planEngine(SMALL, asked).workers).toBe(1);
    }
    expect(planEngine({ ...SMALL, memoryFree: 0.5e9 })).toMatchObject({ workers: 1, lone: null });

    const two = planEngine(SMALL);
    expect(two).toMatchObject({
      workers: 2,
      maxUnfinished: 8,
      lone: { maxRunning: 4, maxUnfinished: 8, sequences: 8, cells: 8 * 4352 },
    });
    expect(two.kvCache.cells).toBe(2 * (two.cells + 8 * 4352));
    // No more than one worker has, but for the context that each needs.
    expect(two.kvCache.cells).toBeLessThanOrEqual(planEngine(SMALL, { workers: 1 }).kvCache.cells + 2 * 4352);
    expect(planEngine(SMALL, { workers: 3, kvLayout: 'unified' })).toMatchObject({ workers: 3, lone: null });
    expect(planEngine(SMALL, { hostCacheBytes: 5e6 }).lone?.hostCacheBytes).toBe(2.5e6);
    expect(() => planEngine({ ...SMALL, gpuMemoryFree: 80e9 }, { workers: 2 })).toThrow(
      /workers share the threads of a CPU/,
    );
    expect(() => planEngine(SMALL, { workers: 0 })).toThrow(/workers must be an integer from 1/);
  });

  it("has no lane for lone samples and no bound on prompts where pgenrm's attention passes over no cells", () => {
    const two = planEngine(OURS);
    expect(two).toMatchObject({
      workers: 2,
      lone: null,
      promptsAtOnce: null,
      separatesPrompts: false,
      maxUnfinished: 16,
      kvCache: { layout: 'unified', attention: 'pgenrm' },
    });
    expect(two.kvCache.cells).toBe(2 * two.cells);
    expect(planEngine(OURS, { maxSequences: 3 })).toMatchObject({ workers: 2, maxUnfinished: 3 });
    const large = { ...LARGE, attentionKernel: OURS.attentionKernel, memoryFree: 64e9 };
    expect(planEngine(large)).toMatchObject({ workers: 1, promptsAtOnce: null, maxUnfinished: 40 });
    // Workers take no more than half of the room for a context each: 25 MB, of which one takes 19.
    expect(planEngine({ ...OURS, memoryFree: 0.104e9 })).toMatchObject({ workers: 1 });
    expect(planEngine({ ...OURS, memoryFree: 0.5e9 })).toMatchObject({
      workers: 2,
      kvCache: { type: 'f16', attention: 'pgenrm' },
    });
  });

  it('holds prompts beside samples, within the sequences that llama.cpp has', () => {
    const sequences = (maxSequences: number) => planEngine(SMALL, { maxSequences }).sequences;
    expect(sequences(32)).toBe(32 + 64);
    expect(sequences(192)).toBe(256);
    expect(sequences(255)).toBe(256);
    // A prompt needs one of them, so that there cannot be a row for each.
    expect(() => sequences(256)).toThrow(/maxSequences must be a whole number from 1 to 255, got 256/);
  });
});

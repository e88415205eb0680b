import { describe, expect, it } from 'vitest';
import { type EngineFacts, planEngine } from '../../src/generator/engine-plan.js';

const SMALL: EngineFacts = {
  trainedContext: 4096,
  modelBytes: 3.8e6,
  layers: 6,
  heads: 3,
  cellBytes: 4608,
  gpuMemoryFree: null,
  memoryFree: 16e9,
  threads: { threads: 2, reason: 'two cores' },
};
const LARGE: EngineFacts = { ...SMALL, modelBytes: 8.5e9, layers: 32, heads: 32, cellBytes: 131072 };

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
      /^KV cache: mixed.*\n[\s\S]*^samples at once: 8 that came alone, and 32 others, .* fewer than 16 are unfinished$/m,
    );
    expect(planEngine({ ...SMALL, gpuMemoryFree: 80e9 }).choices.join()).not.toMatch(/at work at once/);
  });

  it('sets samples and cells aside for those that come alone, on a CPU with room for them', () => {
    const { lone, kvCache, maxUnfinished, promptsAtOnce } = planEngine(SMALL);
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

  it('holds prompts beside samples, within the sequences that llama.cpp has', () => {
    const sequences = (maxSequences: number) => planEngine(SMALL, { maxSequences }).sequences;
    expect(sequences(32)).toBe(32 + 64);
    expect(sequences(192)).toBe(256);
    expect(sequences(255)).toBe(256);
    // A prompt needs one of them, so that there cannot be a row for each.
    expect(() => sequences(256)).toThrow(/maxSequences must be a whole number from 1 to 255, got 256/);
  });
});

import { describe, expect, it } from 'vitest';
import { type EngineFacts, planEngine } from '../../src/generator/native/engine-plan.js';

const SMALL: EngineFacts = {
  trainedContext: 4096,
  modelBytes: 3.8e6,
  layers: 6,
  cellBytes: 4608,
  gpuMemoryFree: null,
  memoryFree: 16e9,
  attentionKernel: { obstacle: 'this processor has neither AVX2 nor NEON' },
  threads: { threads: 2, reason: 'two cores' },
};
const LARGE: EngineFacts = { ...SMALL, modelBytes: 8.5e9, layers: 32, cellBytes: 131072 };

/** Where pgenrm's attention runs. */
const OURS: EngineFacts = { ...SMALL, attentionKernel: { instructions: 'avx2' } };

describe('planEngine', () => {
  it('says why', () => {
    const text = (plan: { choices: readonly string[] }) => plan.choices.join('\n');
    expect(text(planEngine(OURS))).toMatch(/^workers: 2, for threads that compute so small a model/m);
    expect(text(planEngine(OURS, { workers: 2 }))).toMatch(/^workers: 2, asked for/m);
    expect(text(planEngine(SMALL))).toMatch(/^KV cache: f16, \d+ cells .*a shared prefix is stored once$/m);
    expect(text(planEngine(SMALL))).not.toMatch(/^workers/m);
  });

  it('decodes samples and prompts ahead of them, more of them on a GPU', () => {
    expect(planEngine(SMALL)).toMatchObject({ maxSequences: 32, maxUnfinished: 40, maxIdleCells: 2 * 4096 });
    expect(planEngine({ ...SMALL, gpuMemoryFree: 80e9 })).toMatchObject({
      maxSequences: 128,
      maxUnfinished: 256,
      maxIdleCells: 4 * 4096,
    });
  });

  it('has a worker for each thread where the weights are few, each with its share of cells and samples', () => {
    const threads = (n: number) => ({ threads: { threads: n, reason: 'so many cores' } });
    const workers = (facts: Partial<EngineFacts>) =>
      planEngine({ ...OURS, memoryFree: 64e9, ...facts }).workers;
    expect(workers(threads(1))).toBe(1);
    expect(workers(threads(3))).toBe(3);
    expect(workers(threads(32))).toBe(8);
    expect(workers({ ...threads(8), modelBytes: 60e6 })).toBe(4);
    expect(workers({ ...threads(8), modelBytes: 1e9 })).toBe(1);
    expect(workers({ gpuMemoryFree: 80e9 })).toBe(1);
    expect(planEngine(OURS, { kvCells: 90_000 }).workers).toBe(1);
    // Rows of llama.cpp's attention pass over the cells of all.
    expect(planEngine(SMALL).workers).toBe(1);

    const two = planEngine(OURS);
    expect(two).toMatchObject({
      workers: 2,
      maxUnfinished: 16,
      kvCache: { attention: 'pgenrm', cells: 2 * two.cells },
    });
    // No more than one worker has, but for the context that each needs.
    expect(two.kvCache.cells).toBeLessThanOrEqual(planEngine(OURS, { workers: 1 }).kvCache.cells + 2 * 4352);
    expect(planEngine(SMALL, { workers: 3 })).toMatchObject({ workers: 3 });
    expect(planEngine(OURS, { maxSequences: 3 })).toMatchObject({ workers: 2, maxUnfinished: 3 });
    const large = { ...LARGE, attentionKernel: OURS.attentionKernel, memoryFree: 64e9 };
    expect(planEngine(large)).toMatchObject({ workers: 1, maxUnfinished: 40 });
    // Workers take no more than half of the room for a context each: 25 MB, of which one takes 19.
    expect(planEngine({ ...OURS, memoryFree: 0.104e9 })).toMatchObject({ workers: 1 });
    expect(planEngine({ ...OURS, memoryFree: 0.5e9 })).toMatchObject({
      workers: 2,
      kvCache: { type: 'f16', attention: 'pgenrm' },
    });
    expect(() => planEngine({ ...SMALL, gpuMemoryFree: 80e9 }, { workers: 2 })).toThrow(
      /workers share the threads of a CPU/,
    );
    expect(() => planEngine(SMALL, { workers: 0 })).toThrow(/workers must be an integer from 1/);
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

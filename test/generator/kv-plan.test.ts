import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PgenrmError } from '../../src/errors.js';
import { type KvFacts, type KvWishes, planKvCache } from '../../src/generator/native/kv-plan.js';

const FACTS: KvFacts = {
  onGpu: false,
  contextTokens: 2048,
  maxSequences: 32,
  workers: 1,
  cellBytes: 8192,
  modelBytes: 1e9,
  attentionKernel: { obstacle: 'this processor has neither AVX2 nor NEON' },
  room: 2e9,
};
/** Where pgenrm's attention runs. */
const OURS: KvFacts = { ...FACTS, attentionKernel: { instructions: 'avx2' } };

function refusal(facts: Partial<KvFacts>, wishes: KvWishes): PgenrmError {
  try {
    planKvCache({ ...FACTS, ...facts }, wishes);
  } catch (error) {
    expect(error).toBeInstanceOf(PgenrmError);
    return error as PgenrmError;
  }
  return expect.fail('it should have been refused');
}

describe('the plan of the KV cache', () => {
  it('shares f16 cells among all sequences unless asked otherwise, and says why', () => {
    const { kvCache, maxIdleCells, reasons } = planKvCache(FACTS);
    expect(kvCache).toMatchObject({ type: 'f16', flashAttention: 'auto' });
    expect(kvCache.cells).toBeGreaterThan(FACTS.contextTokens);
    expect(maxIdleCells).toBe(2 * FACTS.contextTokens);
    expect(reasons.join('\n')).toMatch(
      /f16, \d+ cells[\s\S]*shared prefix is stored once[\s\S]*flash attention/,
    );
  });

  it('has no more cells for pgenrm’s kernel than pay beside the weights, and a context for each worker', () => {
    const cellsOf = (facts: Partial<KvFacts>) => planKvCache({ ...OURS, ...facts }).kvCache.cells;
    const generous = cellsOf({});
    expect(generous).toBe(planKvCache(FACTS).kvCache.cells);
    // One and a half times 60 MB of weights; 24 MiB for each of two workers and more, whether there are as many or not.
    expect(cellsOf({ modelBytes: 60e6 })).toBe(Math.ceil(90e6 / 8192 / 256) * 256);
    expect(cellsOf({ modelBytes: 4e6 })).toBe(2 * 3072);
    expect(cellsOf({ modelBytes: 4e6, workers: 3 })).toBe(3 * 3072);
    expect(cellsOf({ modelBytes: 4e6, cellBytes: 80_000 })).toBe(2304);
    expect(planKvCache({ ...FACTS, modelBytes: 4e6 }).kvCache.cells).toBe(generous);
    expect(planKvCache({ ...OURS, modelBytes: 4e6 }, { kvCells: 20_000 }).kvCache.cells).toBe(20_224);
  });

  it('takes 8 bits where f16 has no room for one context, and says so', () => {
    const { kvCache, reasons } = planKvCache({ ...FACTS, room: 2304 * 8192 * 0.6 });
    expect(kvCache.type).toBe('q8_0');
    expect(reasons[0]).toContain('f16 has no room');
  });

  it('does what it is asked', () => {
    const wishes = { kvType: 'q8_0', flashAttention: 'on', kvCells: 5000 } as const;
    const { kvCache, reasons } = planKvCache(FACTS, wishes);
    expect(kvCache).toEqual({
      type: 'q8_0',
      flashAttention: 'on',
      attention: 'llama.cpp',
      cells: 5120,
    });
    expect(reasons.join('\n')).toMatch(/q8_0, asked for[\s\S]*on, asked for/);
  });

  it('says whose attention reads the cells', () => {
    const { kvCache, reasons } = planKvCache(OURS);
    expect(kvCache.attention).toBe('pgenrm');
    expect(reasons.join('\n')).toMatch(/^attention: pgenrm's \(avx2\)/m);
    expect(reasons.join('\n')).not.toMatch(/^flash attention/m);
    expect(planKvCache(OURS, { attention: 'llama.cpp' }).kvCache.attention).toBe('llama.cpp');
  });

  it.each<[Partial<KvFacts>, KvWishes, RegExp]>([
    [{ onGpu: true }, {}, /a GPU decodes/],
    [{ attentionKernel: { obstacle: 'the model is odd' } }, {}, /the model is odd/],
    [{}, { flashAttention: 'off' }, /flash attention is off/],
    [{}, { kvType: 'q8_0' }, /keys and values are q8_0/],
  ])('leaves attention to llama.cpp and says why: %o %o', (facts, wishes, why) => {
    const { kvCache, reasons } = planKvCache({ ...OURS, ...facts }, wishes);
    expect(kvCache.attention).toBe('llama.cpp');
    expect(reasons.join('\n')).toMatch(new RegExp(`^attention: llama.cpp's, for .*${why.source}`, 'm'));
    const asked = refusal({ ...OURS, ...facts }, { ...wishes, attention: 'pgenrm' });
    expect(asked.code).toBe('INVALID_OPTION');
    expect(asked.message).toMatch(why);
  });

  it.each<[string, Partial<KvFacts>, KvWishes, string, RegExp]>([
    [
      '8 bits without flash attention',
      {},
      { kvType: 'q8_0', flashAttention: 'off' },
      'INVALID_OPTION',
      /q8_0/,
    ],
    ['an unknown type', {}, { kvType: 'q4_0' as never }, 'INVALID_OPTION', /kvType/],
    ['an unknown switch', {}, { flashAttention: true as never }, 'INVALID_OPTION', /flashAttention/],
    ['fewer cells than a context', {}, { kvCells: 100 }, 'INVALID_OPTION', /from 2304 on.*100/],
    ['half a cell', {}, { kvCells: 4000.5 }, 'INVALID_OPTION', /kvCells/],
    ['no room for one context', { room: 1e6 }, {}, 'OUT_OF_MEMORY', /2048 tokens needs.*1 MB/],
    ['no room for two workers', { room: 2e7, workers: 2 }, {}, 'OUT_OF_MEMORY', /2 contexts.*workers/],
  ])('refuses %s', (_, facts, wishes, code, message) => {
    const error = refusal(facts, wishes);
    expect(error.code).toBe(code);
    expect(error.message).toMatch(message);
  });

  it('leaves f16 to a GPU that holds a part of the layers only', () => {
    expect(planKvCache({ ...FACTS, onGpu: true, room: 0 }).kvCache.type).toBe('f16');
  });

  it('holds one context at least and never takes more than its room where that suffices', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 64, max: 100_000 }),
        fc.integer({ min: 1, max: 255 }),
        fc.integer({ min: 16, max: 200_000 }),
        fc.double({ min: 1, max: 1e12, noNaN: true }),
        fc.integer({ min: 1, max: 4 }),
        (contextTokens, maxSequences, cellBytes, room, workers) => {
          const facts = { ...FACTS, contextTokens, maxSequences, cellBytes, room, workers };
          const least = workers * (contextTokens + 1 + 256) * cellBytes;
          if (room < least) return;
          const { kvCache, cells } = planKvCache(facts);
          expect(cells).toBeGreaterThan(contextTokens);
          expect(kvCache.cells).toBe(workers * cells);
          // llama.cpp rounds up to 256 cells.
          expect(kvCache.cells * cellBytes).toBeLessThanOrEqual(room + workers * 256 * cellBytes);
        },
      ),
    );
  });
});

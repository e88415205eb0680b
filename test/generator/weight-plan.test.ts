import { describe, expect, it } from 'vitest';
import { planWeights } from '../../src/generator/native/weight-plan.js';
import { readModelFacts } from '../../src/model-file/read-model-facts.js';
import { randomModel } from '../support/random-model.js';

const [F32, Q8_0] = [0, 8];

describe('how weights are loaded', () => {
  const facts = {
    bytesByType: new Map([
      [F32, 400],
      [Q8_0, 600],
    ]),
    tensorBytes: 1000,
  };

  it('reads what a CPU copies anyway, and says so', () => {
    expect(planWeights(facts, [Q8_0, 12], false)).toMatchObject({
      maps: false,
      reasons: [expect.stringContaining('not mapped')],
    });
  });

  it('leaves it to llama.cpp where most is used as it lies in the file, and on a GPU', () => {
    for (const plan of [
      planWeights(facts, [F32], false),
      planWeights(facts, [], false),
      planWeights(facts, [Q8_0], true),
    ]) {
      expect(plan).toEqual({ maps: true, reasons: [] });
    }
  });

  it('has the bytes of each type from the header', async () => {
    const { bytesByType, tensorBytes } = await readModelFacts(await randomModel({ type: 'Q8_0' }));
    expect([...bytesByType.keys()].sort()).toEqual([F32, Q8_0]);
    expect(bytesByType.get(Q8_0)).toBeGreaterThan(bytesByType.get(F32)!);
    expect(bytesByType.get(F32)! + bytesByType.get(Q8_0)!).toBe(tensorBytes);
  });
});

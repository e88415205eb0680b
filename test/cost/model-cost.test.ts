import { describe, expect, it } from 'vitest';
import { flopsOf, type ModelCost } from '../../src/cost/machine/model-cost.js';

describe('model FLOPs', () => {
  const cost: ModelCost = {
    flopsPerToken: 100,
    flopsPerOutput: 10,
    flopsPerAttended: 1,
    cellBytes: 4,
    layers: 1,
  };
  it('counts weights, outputs and attention', () => {
    // 8 prompt tokens that attend to 4 each, 2 chains of 3 tokens that attend to 8 + 1.5 each.
    const flops = flopsOf(cost, { requests: [{ length: 8, decoded: 8, chains: 2 }], generated: 6 });
    expect(flops).toBe(100 * 14 + 10 * 7 + 8 * 4 + 6 * 9.5);
  });
  it('lets the part of a prompt that was not shared attend to all before it, and each chain to its own prompt', () => {
    const requests = [
      { length: 10, decoded: 6, chains: 0 },
      { length: 20, decoded: 4, chains: 0 },
    ];
    const flops = flopsOf(cost, { requests, generated: 0 });
    expect(flops).toBe(100 * 10 + 10 * 2 + 6 * 7 + 4 * 18);
    const chains = requests.map((one, index) => ({ ...one, chains: 1 + index }));
    const more = flopsOf(cost, { requests: chains, generated: 6 }) - flops;
    // Chains of 2 tokens: one over 10 tokens of prompt, two over 20.
    expect(more).toBe(100 * 6 + 10 * 6 + 2 * 11 + 4 * 21);
  });
});

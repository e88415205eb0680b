import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { StoredChain } from '../../src/evaluation/chains/chains-record.js';
import { levelChains } from '../../src/evaluation/figures/subsets.js';
import { chain, chainsOf } from './stored-chains.js';

const own = (count: number, candidates = 2) =>
  chainsOf(Array.from({ length: count }, () => new Array<number>(candidates).fill(1)));
const indices = (groups: ReturnType<typeof levelChains>) =>
  groups.map(({ individual }) => individual.map(({ index }) => index));

describe('levelChains', () => {
  it('cuts the chains into disjoint groups', () => {
    expect(indices(levelChains(own(8), { individual: 4, prototype: 0 }))).toEqual([
      [0, 1, 2, 3],
      [4, 5, 6, 7],
    ]);
    expect(indices(levelChains(own(8), { individual: 8, prototype: 0 }))).toHaveLength(1);
    expect(levelChains(own(4), { individual: 5, prototype: 0 })).toEqual([]);
  });

  it('takes the nearest users for a smaller prototype level, never others', () => {
    const similar = [3, 1, 0, 2].map((index) => chain(index, [1, 2], { level: 'prototype' }));
    const groups = levelChains([...own(4), ...similar], { individual: 2, prototype: 2 });
    expect(groups).toHaveLength(2);
    for (const { prototype } of groups) expect(prototype.map(({ index }) => index)).toEqual([0, 1]);
    expect(levelChains(own(4), { individual: 4, prototype: 2 })[0]!.prototype).toEqual([]);
  });

  it('deals orders out in turn, however the chains are numbered', () => {
    const lopsided = [0, 1, 2, 3].map((index) =>
      chain(index, [1, 2], { order: index < 2 ? [0, 1] : [1, 0] }),
    );
    const groups = levelChains(lopsided, { individual: 2, prototype: 0 });
    expect(indices(groups)).toEqual([
      [0, 2],
      [1, 3],
    ]);
  });

  it('shows every candidate first equally often, over all groups together and nearly so in each', () => {
    const sizes = fc.record({
      stored: fc.integer({ min: 1, max: 40 }),
      size: fc.integer({ min: 1, max: 40 }),
      candidates: fc.integer({ min: 2, max: 4 }),
    });
    fc.assert(
      fc.property(sizes, ({ stored, size, candidates }) => {
        const groups = levelChains(own(stored, candidates), { individual: size, prototype: 0 });
        expect(groups.length > 0).toBe(size <= stored);
        const used = groups.flatMap(({ individual }) => individual);
        expect(new Set(used.map(({ index }) => index)).size).toBe(groups.length * size);
        const spread = (chains: readonly StoredChain[]): number => {
          const counts = new Array<number>(candidates).fill(0);
          for (const { order } of chains) counts[order[0]!]! += 1;
          return Math.max(...counts) - Math.min(...counts);
        };
        for (const { individual } of groups) expect(spread(individual)).toBeLessThanOrEqual(1);
        if (groups.length > 1) expect(spread(used)).toBe(0);
      }),
    );
  });
});

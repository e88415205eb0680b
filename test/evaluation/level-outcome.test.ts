import { describe, expect, it } from 'vitest';
import {
  judgmentsAt,
  longestOutcome,
  noHistoryOutcome,
  outcomeOf,
  rowOutcome,
} from '../../src/evaluation/figures/level-outcome.js';
import { chain, chainsOf, SETTINGS, storedRow } from './stored-chains.js';

const settings = { kernels: SETTINGS.kernels, aggregate: {} };
const at = (row: ReturnType<typeof storedRow>, individual: number, prototype = 0) =>
  rowOutcome(judgmentsAt(settings, row, { individual, prototype }), row.label!);

describe('outcomeOf', () => {
  it('tells correct, wrong, tied and failed', () => {
    expect(outcomeOf([2, 1], 0)).toEqual({ correct: 1, tied: 0, failed: 0, half: 1 });
    expect(outcomeOf([2, 1], 1)).toEqual({ correct: 0, tied: 0, failed: 0, half: 0 });
    expect(outcomeOf([2, 2 + 1e-12], 1)).toEqual({ correct: 0, tied: 1, failed: 0, half: 0.5 });
    expect(outcomeOf(null, 1)).toEqual({ correct: 0, tied: 0, failed: 1, half: 0 });
  });

  it('shares a tie among those tied, and gives nothing to another', () => {
    expect(outcomeOf([3, 3, 3], 2).half).toBeCloseTo(1 / 3, 12);
    expect(outcomeOf([3, 1, 3], 1)).toEqual({ correct: 0, tied: 1, failed: 0, half: 0 });
  });
});

describe('rowOutcome', () => {
  // Single chains: correct, wrong, tied, lost. Pairs (0, 1): 8 + 1 against 2 + 5, correct; (2, 3): tied.
  const row = storedRow(1, chainsOf([[8, 2], [1, 5], [4, 4], null]));

  it('averages over the judgments that the chains hold', () => {
    expect(at(row, 1)).toEqual({ correct: 0.25, tied: 0.25, failed: 0.25, half: 0.375 });
    expect(at(row, 2)).toEqual({ correct: 0.5, tied: 0.5, failed: 0, half: 0.75 });
    expect(at(row, 4)).toEqual({ correct: 1, tied: 0, failed: 0, half: 1 });
  });

  it('weighs the levels half and half, and a missing one passes its weight on', () => {
    const similar = chainsOf([[1, 9]], { level: 'prototype' });
    // Individual mean of the four: (13/3, 11/3); with (1, 9): 2.67 against 6.33.
    expect(at({ ...row, chains: [...row.chains, ...similar] }, 4, 1).correct).toBe(0);
    const lost = chainsOf([null], { level: 'prototype' });
    expect(at({ ...row, chains: [...row.chains, ...lost] }, 4, 1).correct).toBe(1);
  });

  it('weighs similar users by their similarity where asked to', () => {
    const similar = [
      chain(0, [9, 1], { level: 'prototype', neighbour: { userId: 'a', similarity: 0.9 } }),
      chain(1, [1, 9.5], { level: 'prototype', neighbour: { userId: 'b', similarity: 0.4 } }),
    ];
    const both = storedRow(1, [...chainsOf([[5, 5]]), ...similar]);
    const judged = (neighbourWeights: 'equal' | 'similarity' | 'cosine') =>
      rowOutcome(judgmentsAt({ ...settings, neighbourWeights }, both, { individual: 1, prototype: 2 }), 0);
    expect(judged('equal').correct).toBe(0);
    expect(judged('similarity').correct).toBe(1);
    expect(judged('cosine').correct).toBe(1);
  });

  it('lets less similar users count less beside the own chains where asked to', () => {
    const own = chainsOf([[6, 4]]);
    const at = (similarity: number, neighbourWeights: 'equal' | 'cosine') => {
      const similar = chain(0, [4, 7], { level: 'prototype', neighbour: { userId: 'a', similarity } });
      const [judged] = judgmentsAt({ ...settings, neighbourWeights }, storedRow(1, [...own, similar]), {
        individual: 1,
        prototype: 1,
      });
      return judged!;
    };
    // Differences +2 and -3 with weights 1 and the cosine.
    expect(at(0.9, 'equal').outcome.winner).toBe(1);
    expect(at(0.9, 'cosine').outcome.winner).toBe(1);
    expect(at(0.5, 'cosine').outcome.winner).toBe(0);
    expect(at(0.5, 'cosine').individualShare).toBeCloseTo(1 / 1.5, 12);
    expect(at(-0.5, 'cosine').outcome.prototype.usable).toBe(0);
  });

  it('has failed without any judgment', () => {
    expect(at(storedRow(1, []), 1)).toEqual({ correct: 0, tied: 0, failed: 1, half: 0 });
  });
});

describe('baselines', () => {
  it('averages the chains without history, each a judgment of its own', () => {
    const row = storedRow(1, [], {
      noHistory: chainsOf([
        [5, 1],
        [1, 5],
      ]),
    });
    expect(noHistoryOutcome(settings, row, 0)).toEqual({ correct: 0.5, tied: 0, failed: 0, half: 0.5 });
  });

  it('takes the longest response', () => {
    expect(longestOutcome(storedRow(1, [], { lengths: [5, 4] }), 0).correct).toBe(1);
    expect(longestOutcome(storedRow(1, [], { lengths: [5, 5] }), 0)).toMatchObject({ tied: 1, half: 0.5 });
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Xoshiro128 } from '../../src/kernels/random.js';
import { referenceKernels } from '../../src/kernels/reference-kernels.js';
import { aggregateLevels, type ChainScores } from '../../src/scaling/aggregate-levels.js';
import { isCertain, type LevelProgress, mayStop, type StoppingOptions } from '../../src/scaling/stopping.js';
import { upperTail } from '../../src/scaling/student-t.js';
import { planWaves } from '../../src/scaling/waves.js';

const RULE: StoppingOptions = { candidates: 2, risk: 0.05, looks: 1, method: 'mean', individualShare: 0.5 };
const NONE: LevelProgress = { ended: [], toCome: [] };
const ones = (count: number): number[] => Array.from({ length: count }, () => 1);

/** Chains by their differences around 5, null for a lost one, and how many are to come. */
function progress(differences: readonly (number | null)[], toCome: number): LevelProgress {
  return {
    ended: differences.map((difference) => ({ scores: difference === null ? null : [5 + difference, 5] })),
    toCome: ones(toCome),
  };
}

describe('certain', () => {
  const certain = (own: LevelProgress, similar = NONE, changes: Partial<StoppingOptions> = {}): boolean =>
    isCertain(own, similar, { ...RULE, ...changes });

  it('is a lead that the scale leaves no room to take back', () => {
    expect(certain(progress([4, 4, 4], 1))).toBe(true);
    expect(certain(progress([3, 3, 3], 1))).toBe(false);
    expect(certain(progress([3, 3, 3.1], 1))).toBe(true);
    expect(certain(progress([-4, -4, -4], 1))).toBe(true);
    expect(certain(progress([4, null, 4, 4], 1))).toBe(true);
    expect(certain(progress([0, 0], 0))).toBe(false);
    expect(certain(progress([0.1], 0))).toBe(true);
    expect(certain(NONE)).toBe(false);
    expect(certain(progress([null, null], 3))).toBe(false);
  });

  it('counts a majority that cannot be overtaken, under wins', () => {
    expect(certain(progress([1, 1, 1], 2), NONE, { method: 'wins' })).toBe(true);
    expect(certain(progress([1, 1, 1], 3), NONE, { method: 'wins' })).toBe(false);
    expect(certain(progress([1, 1, 1], 3))).toBe(false);
  });

  it('reckons with the other level, whether it gets a usable chain or not', () => {
    expect(certain(progress([9, 9], 0), progress([], 4))).toBe(false);
    expect(certain(progress([9, 9], 0), progress([], 4), { individualShare: 0.75 })).toBe(true);
    expect(certain(progress([9, 9], 0), progress([-1], 1))).toBe(true);
    expect(certain(progress([], 1), progress([9, 9, 9, 9], 0), { individualShare: 0.6 })).toBe(false);
    expect(certain(progress([], 1), progress([9, 9, 9, 9], 0), { individualShare: 0.4 })).toBe(true);
    expect(certain(progress([2, 2], 0), progress([null, null], 0))).toBe(true);
  });

  it('never lets the winner change, whatever the other chains say', () => {
    const tenth = fc.integer({ min: 10, max: 100 }).map((tenths) => tenths / 10);
    const chain = fc
      .option(fc.tuple(tenth, tenth, tenth), { nil: null, freq: 6 })
      .map((scores) => ({ scores }));
    const some = fc.array(chain, { maxLength: 7 });
    const cut = fc.integer({ min: 0, max: 7 });
    // Large leads, so that certainty is reached often.
    const spread = (list: ChainScores[]): ChainScores[] =>
      list.map(({ scores }) => ({
        scores: scores === null ? null : [10, 1 + (scores[1]! % 2), scores[2]! / 3],
      }));
    let reached = 0;
    fc.assert(
      fc.property(
        some,
        some,
        some,
        some,
        cut,
        cut,
        fc.constantFrom('mean', 'wins'),
        (a, b, c, d, i, j, method) => {
          const own = [...spread(a).slice(0, i), ...c.slice(0, 2)];
          const similar = [...spread(b).slice(0, j), ...d.slice(0, 2)];
          const [seen, seenSimilar] = [Math.min(i, a.length), Math.min(j, b.length)];
          const rule = { ...RULE, candidates: 3, method } as const;
          const stopped = isCertain(
            { ended: own.slice(0, seen), toCome: ones(own.length - seen) },
            { ended: similar.slice(0, seenSimilar), toCome: ones(similar.length - seenSimilar) },
            rule,
          );
          if (!stopped) return;
          reached += 1;
          const kernels = referenceKernels();
          const now = aggregateLevels(kernels, 3, own.slice(0, seen), similar.slice(0, seenSimilar), {
            method,
          });
          const end = aggregateLevels(kernels, 3, own, similar, { method });
          expect(end.winner).toBe(now.winner);
          expect(end.winner).not.toBeNull();
        },
      ),
      { numRuns: 600 },
    );
    expect(reached).toBeGreaterThan(50);
  });
});

describe('likely', () => {
  it('is the predictive t test of the final mean, by hand', () => {
    // Differences 3, 1, -1, 2 of 16: mean 1.25; variance 9 / 4 with 4 degrees; of the final mean * 12 / (4 * 16).
    const own = progress([3, 1, -1, 2], 12);
    const chance = upperTail(1.25 / Math.sqrt((9 / 4) * (12 / 64)), 4);
    expect(chance).toBeGreaterThan(0.05);
    expect(mayStop(own, NONE, { ...RULE, risk: chance * 1.001 })).toBe('likely');
    expect(mayStop(own, NONE, { ...RULE, risk: chance * 0.999 })).toBeNull();
    // Four looks leave half of the risk to each.
    expect(mayStop(own, NONE, { ...RULE, looks: 4, risk: chance * 2.002 })).toBe('likely');
    expect(mayStop(own, NONE, { ...RULE, looks: 4, risk: chance * 1.998 })).toBeNull();
  });

  it('sums over the other candidates', () => {
    const three = (second: number): LevelProgress => ({
      ended: [3, 1, -1, 2].map((d) => ({ scores: [5 + d, 5, second] })),
      toCome: ones(12),
    });
    const chance = upperTail(1.25 / Math.sqrt((9 / 4) * (12 / 64)), 4);
    const rule = { ...RULE, candidates: 3, risk: chance * 1.5 };
    expect(mayStop(three(5), NONE, rule)).toBeNull();
    expect(mayStop(three(1), NONE, rule)).toBe('likely');
  });

  it('decides on both levels together', () => {
    const for_ = progress([2, 2, 2, 2], 12);
    expect(mayStop(for_, NONE, RULE)).toBe('likely');
    expect(mayStop(for_, progress([2, 2], 6), RULE)).toBe('likely');
    expect(mayStop(for_, progress([-2, -2], 6), RULE)).toBeNull();
    expect(mayStop(progress([-2, -2, -2, -2], 12), progress([-2, -2], 6), RULE)).toBe('likely');
  });

  it('waits for a level that has chains to come and none yet, and not for one that is lost', () => {
    const clear = progress([4, 4, 4, 4], 12);
    expect(mayStop(clear, progress([], 8), RULE)).toBeNull();
    expect(mayStop(clear, progress([null], 7), RULE)).toBeNull();
    expect(mayStop(clear, progress([null, null], 0), RULE)).toBe('likely');
  });

  it('does not stop for three chains, a tie, or no chains', () => {
    expect(mayStop(progress([1], 15), NONE, RULE)).toBeNull();
    expect(mayStop(progress([2, 2, null, 2], 12), NONE, RULE)).toBeNull();
    expect(mayStop(progress([2, 2, null, 2, 2], 12), NONE, RULE)).toBe('likely');
    expect(mayStop(progress([0, 0, 0, 0], 12), NONE, RULE)).toBeNull();
    expect(mayStop(progress([null, null], 14), NONE, RULE)).toBeNull();
  });

  it('at risk 0 stops only where it is certain', () => {
    expect(mayStop(progress([8, 8, 8, 8], 12), NONE, { ...RULE, risk: 0 })).toBeNull();
    expect(mayStop(progress([8, 8, 8, 8], 3), NONE, { ...RULE, risk: 0 })).toBe('certain');
  });

  it('counts chains by their weights', () => {
    const light = (weight: number): LevelProgress => ({
      ended: [1, 1, 1, 1].map((d) => ({ scores: [5 + d, 5] })),
      toCome: [weight, weight],
    });
    expect(mayStop(light(1), NONE, { ...RULE, risk: 0.00004 })).toBeNull();
    expect(mayStop(light(0.4), NONE, { ...RULE, risk: 0.00004 })).toBe('likely');
    expect(mayStop(light(0.05), NONE, { ...RULE, risk: 0 })).toBe('certain');
  });

  it('keeps the risk where chains are drawn from a scale of tenths', () => {
    const random = new Xoshiro128(3, 0);
    const normal = (): number =>
      Math.sqrt(-2 * Math.log(1 - random.uniform())) * Math.cos(2 * Math.PI * random.uniform());
    const waves = planWaves({ individual: 16, prototype: 8 }, 2);
    const scored = (difference: number): ChainScores => {
      const tenths = (value: number): number => Math.min(10, Math.max(1, Math.round(10 * value) / 10));
      return { scores: [tenths(6 + difference + normal()), tenths(6 + normal())] };
    };
    const kernels = referenceKernels();
    const rounds = 400;
    let [changed, used] = [0, 0];
    for (let round = 0; round < rounds; round += 1) {
      const difference = normal();
      const own = Array.from({ length: 16 }, () => scored(difference));
      const similar = Array.from({ length: 8 }, () => scored(difference));
      const stop =
        waves
          .slice(0, -1)
          .find(
            ({ individual, prototype }) =>
              mayStop(
                { ended: own.slice(0, individual), toCome: ones(16 - individual) },
                { ended: similar.slice(0, prototype), toCome: ones(8 - prototype) },
                { ...RULE, looks: waves.length - 1 },
              ) !== null,
          ) ?? waves.at(-1)!;
      const early = aggregateLevels(
        kernels,
        2,
        own.slice(0, stop.individual),
        similar.slice(0, stop.prototype),
      );
      if (early.winner !== aggregateLevels(kernels, 2, own, similar).winner) changed += 1;
      used += stop.individual + stop.prototype;
    }
    expect(changed / rounds).toBeLessThanOrEqual(0.05);
    expect(used / (24 * rounds)).toBeLessThan(0.75);
  });
});

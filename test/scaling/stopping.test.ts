import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Xoshiro128 } from '../../src/kernels/random.js';
import { referenceKernels } from '../../src/kernels/reference/kernels.js';
import { aggregateLevels, type ChainScores } from '../../src/scaling/aggregate-levels.js';
import { isCertain, type LevelProgress, mayStop, type StoppingOptions } from '../../src/scaling/stopping.js';
import { planWaves } from '../../src/scaling/waves.js';
import { upperTail } from '../../src/statistics/student-t.js';
import { betaBinomialTail, unseenKindTurns } from '../../src/statistics/unseen-kind.js';

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

describe('chains whose scores were read', () => {
  const read = (differences: readonly number[], variance: number, toCome: number): LevelProgress => ({
    ended: differences.map((one) => ({ scores: [5 + one, 5], variances: [variance, variance] })),
    toCome: ones(toCome),
  });

  it('stop with fewer of them, where their distributions are narrow', () => {
    expect(mayStop(progress([1, 1.1], 6), NONE, RULE)).toBeNull();
    expect(mayStop(read([1, 1.1], 0.05, 6), NONE, RULE)).toBe('likely');
    expect(mayStop(read([1, 1.1], 2, 6), NONE, RULE)).toBeNull();
    expect(mayStop(read([0.1, 0.1], 0.05, 6), NONE, RULE)).toBeNull();
  });

  it('count as votes like all others', () => {
    expect(mayStop(read([1, 1.1], 0.05, 6), NONE, { ...RULE, method: 'wins' })).toBeNull();
  });
});

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

describe('a kind of chains not seen yet', () => {
  it('is beta-binomial, by hand', () => {
    // a (a + 1) / ((a + b) (a + b + 1)) and 1 - b (b + 1) / the same, a = 0.5, b = 4.5.
    expect(betaBinomialTail(2, 2, 0.5, 4.5)).toBeCloseTo(0.75 / 30, 12);
    expect(betaBinomialTail(2, 1, 0.5, 4.5)).toBeCloseTo(1 - 24.75 / 30, 12);
    expect(betaBinomialTail(2, 0, 0.5, 4.5)).toBe(1);
    expect(betaBinomialTail(2, 3, 0.5, 4.5)).toBe(0);
    // Beta(1, 1) is uniform over the counts.
    expect(betaBinomialTail(9, 7, 1, 1)).toBeCloseTo(0.3, 12);
  });

  it('needs a third of the final weight', () => {
    // 4 of 16 seen: 6 of the 12 to come; with half of the weight seen, 8 of 12.
    expect(unseenKindTurns({ seen: 4, toCome: 12, shareToCome: 0.75 })).toBeCloseTo(
      betaBinomialTail(12, 6, 0.5, 4.5),
      12,
    );
    expect(unseenKindTurns({ seen: 4, toCome: 12, shareToCome: 0.5 })).toBeCloseTo(
      betaBinomialTail(12, 8, 0.5, 4.5),
      12,
    );
    expect(unseenKindTurns({ seen: 9, toCome: 2, shareToCome: 0.2 })).toBe(0);
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
    // Sixteen looks leave an eighth of the risk to each: 16^0.75 = 8.
    expect(mayStop(own, NONE, { ...RULE, looks: 16, risk: chance * 8.008 })).toBe('likely');
    expect(mayStop(own, NONE, { ...RULE, looks: 16, risk: chance * 7.992 })).toBeNull();
  });

  it('holds a few like chains for less than their spread says', () => {
    const alike = progress([2, 2, 2, 2], 12);
    const spread = upperTail(2 / Math.sqrt((0.25 / 4) * (12 / 64)), 4);
    const unseen = unseenKindTurns({ seen: 4, toCome: 12, shareToCome: 0.75 });
    expect(spread).toBeLessThan(0.1 * unseen);
    expect(mayStop(alike, NONE, { ...RULE, risk: 0.999 * unseen })).toBeNull();
    expect(mayStop(alike, NONE, { ...RULE, risk: 1.001 * unseen })).toBe('likely');
    // Where one of them was against it, both kinds are seen and the spread alone counts.
    const both = progress([4, 4, 4, -0.2], 12);
    const mean = 11.8 / 4;
    const variance = (0.25 + 3 * (4 - mean) ** 2 + (0.2 + mean) ** 2) / 4;
    const chance = upperTail(mean / Math.sqrt(variance * (12 / 64)), 4);
    expect(chance).toBeLessThan(0.5 * unseen);
    expect(mayStop(both, NONE, { ...RULE, risk: 1.001 * chance })).toBe('likely');
  });

  it('sums over the other candidates', () => {
    const three = (second: number): LevelProgress => ({
      ended: [3, 1, -1, 2].map((d) => ({ scores: [5 + d, 5, second] })),
      toCome: ones(12),
    });
    const chance = upperTail(1.25 / Math.sqrt((9 / 4) * (12 / 64)), 4);
    const rule = (risk: number): StoppingOptions => ({ ...RULE, candidates: 3, risk });
    expect(mayStop(three(5), NONE, rule(chance * 1.5))).toBeNull();
    expect(mayStop(three(5), NONE, rule(chance * 2.002))).toBe('likely');
    // All four are against the third one: only a kind not seen yet could turn that over.
    const unseen = unseenKindTurns({ seen: 4, toCome: 12, shareToCome: 0.75 });
    expect(mayStop(three(1), NONE, rule(chance + 0.999 * unseen))).toBeNull();
    expect(mayStop(three(1), NONE, rule(chance + 1.001 * unseen))).toBe('likely');
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

  describe('keeps the risk, and saves chains', () => {
    const random = new Xoshiro128(3, 0);
    const normal = (): number =>
      Math.sqrt(-2 * Math.log(1 - random.uniform())) * Math.cos(2 * Math.PI * random.uniform());
    const tenths = (value: number): number => Math.min(10, Math.max(1, Math.round(10 * value) / 10));
    const apart = (difference: number, spread: number): ChainScores => ({
      scores: [
        tenths(6 + difference / 2 + spread * normal()),
        tenths(6 - difference / 2 + spread * normal()),
      ],
    });
    const worlds = {
      'of users who differ': { item: normal, chain: (d: number) => apart(d, 1) },
      'without any difference': { item: () => 0, chain: () => apart(0, 1) },
      'of two readings, +3 or -2': {
        item: () => 0.4 + 0.4 * random.uniform(),
        chain: (share: number) => apart(random.uniform() < share ? 3 : -2, 0.5),
      },
    };
    const kernels = referenceKernels();
    const waves = planWaves({ individual: 16, prototype: 8 }, 2);
    const rounds = 1500;

    it.each(Object.keys(worlds).flatMap((world) => [0.01, 0.05, 0.1].map((risk) => [world, risk] as const)))(
      'in a world %s, risk %d',
      (world, risk) => {
        const { item, chain } = worlds[world as keyof typeof worlds];
        let [changed, used] = [0, 0];
        for (let round = 0; round < rounds; round += 1) {
          const one = item();
          const own = Array.from({ length: 16 }, () => chain(one));
          const similar = Array.from({ length: 8 }, () => chain(one));
          const stop =
            waves
              .slice(0, -1)
              .find(
                ({ individual, prototype }) =>
                  mayStop(
                    { ended: own.slice(0, individual), toCome: ones(16 - individual) },
                    { ended: similar.slice(0, prototype), toCome: ones(8 - prototype) },
                    { ...RULE, risk, looks: waves.length - 1 },
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
        // Two standard errors of the simulation.
        expect(changed / rounds).toBeLessThanOrEqual(risk + 2 * Math.sqrt((risk * (1 - risk)) / rounds));
        expect(used / (24 * rounds)).toBeLessThan(0.95);
      },
    );
  });
});

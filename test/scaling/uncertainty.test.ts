import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Xoshiro128 } from '../../src/kernels/random.js';
import { referenceKernels } from '../../src/kernels/reference/kernels.js';
import {
  type AggregateOptions,
  aggregateLevels,
  type ChainScores,
} from '../../src/scaling/aggregate-levels.js';
import { type Uncertainty, winnerUncertainty } from '../../src/scaling/uncertainty.js';
import { centralProbability, tQuantile, upperTail } from '../../src/statistics/student-t.js';

const kernels = referenceKernels();
const chains = (...scores: (readonly number[] | null)[]): ChainScores[] =>
  scores.map((one) => ({ scores: one }));

function uncertainty(
  own: readonly ChainScores[],
  similar: readonly ChainScores[] = [],
  options: AggregateOptions = {},
  candidates = 2,
): Uncertainty | null {
  return winnerUncertainty(
    aggregateLevels(kernels, candidates, own, similar, options),
    own,
    similar,
    options,
  );
}

describe("Student's t", () => {
  it('has the quantiles and tails of the tables', () => {
    expect(tQuantile(0.95, 1)).toBeCloseTo(12.7062, 4);
    expect(tQuantile(0.95, 4)).toBeCloseTo(2.776445, 6);
    expect(tQuantile(0.95, 1e6)).toBeCloseTo(1.959966, 5);
    expect(upperTail(1, 1)).toBeCloseTo(0.25, 10);
    expect(upperTail(-1, 1)).toBeCloseTo(0.75, 10);
    expect(upperTail(0, 7)).toBeCloseTo(0.5, 10);
    expect(upperTail(2.0150483726691575, 5)).toBeCloseTo(0.05, 9);
    expect(1 - centralProbability(2, 2)).toBeCloseTo(2 * upperTail(2, 2), 12);
    // Far out the tail keeps its size: with 2 degrees of freedom it is close to 1 / (2 t^2).
    expect(upperTail(1e6, 2) * 2e12).toBeCloseTo(1, 3);
  });
});

describe('the uncertainty of a judgment', () => {
  it('is that of a shrunk t test, by hand', () => {
    // Differences 3, 1, -1, 2: mean 1.25, squared deviations 8.75; with one more chain of variance 0.25: 9 / 4.
    const found = uncertainty(chains([8, 5], [6, 5], [4, 5], [7, 5]))!;
    const error = Math.sqrt(9 / 4 / 4);
    expect(found.pair).toEqual([0, 1]);
    expect(found.difference).toBeCloseTo(1.25, 12);
    expect(found.interval[0]).toBeCloseTo(1.25 - 2.776445 * error, 5);
    expect(found.interval[1]).toBeCloseTo(1.25 + 2.776445 * error, 5);
    expect(found.probability).toBeCloseTo(1 - upperTail(1.25 / error, 4), 12);
  });

  it('adds up the levels with the squares of their shares', () => {
    const own = chains([7, 5], [5, 5]);
    const similar = chains([5, 8], [5, 6], [5, 4]);
    const found = uncertainty(own, similar)!;
    // Own: mean 1, variance (0.25 + 2) / 2 of 2 degrees. Similar: mean -1, variance (0.25 + 8) / 3 of 3 degrees.
    const [a, b] = [(0.25 * 1.125) / 2, (0.25 * 2.75) / 3];
    const degrees = (a + b) ** 2 / (a ** 2 / 2 + b ** 2 / 3);
    expect(found.difference).toBeCloseTo(0, 12);
    expect(found.probability).toBeCloseTo(0.5, 9);
    expect(found.interval[1]).toBeCloseTo(tQuantile(0.95, degrees) * Math.sqrt(a + b), 9);
    // All of the weight on one level makes it that level's.
    const one = uncertainty(own, similar, { individualShare: 1 })!;
    expect(one.interval[1]).toBeCloseTo(1 + tQuantile(0.95, 2) * Math.sqrt(0.5625), 9);
  });

  it('takes the other level’s variance for a level of one chain', () => {
    // Similar: 3, 1, -1, 0; mean 0.75, squared deviations 8.75; with one more chain of variance 0.25: 9 / 4.
    const found = uncertainty(chains([6, 5]), chains([8, 5], [6, 5], [4, 5], [5, 5]))!;
    const [a, b] = [0.25 * (9 / 4), (0.25 * (9 / 4)) / 4];
    const degrees = (a + b) ** 2 / (a ** 2 / 4 + b ** 2 / 4);
    expect(found.difference).toBeCloseTo(0.875, 12);
    expect(found.interval[1]).toBeCloseTo(0.875 + tQuantile(0.95, degrees) * Math.sqrt(a + b), 9);
  });

  it('cannot be told of fewer than two usable chains at each level', () => {
    expect(uncertainty([])).toBeNull();
    expect(uncertainty(chains(null, null))).toBeNull();
    expect(uncertainty(chains([8, 2], null))).toBeNull();
    expect(uncertainty(chains([8, 2]), chains([7, 2]))).toBeNull();
    expect(uncertainty(chains([8, 2]), [{ scores: [7, 2] }, { scores: [1, 2], weight: 0 }])).toBeNull();
    expect(uncertainty(chains([8, 2]), chains([7, 2], [6, 2]))).not.toBeNull();
  });

  it('is told of one chain whose scores were read, by what its distributions say', () => {
    const one = (variance: number): Uncertainty =>
      uncertainty([{ scores: [7, 6], variances: [variance, variance] }])!;
    // The chain's variance alone, worth four chains.
    expect(one(0.5).probability).toBeCloseTo(1 - upperTail(1, 4), 12);
    expect(one(0.1).probability).toBeGreaterThan(one(0.5).probability);
    expect(one(0).probability).toBeLessThan(1);
    // Votes have no variance of their own, and a chain without one tells nothing of the others.
    const options = { method: 'wins' } as const;
    expect(uncertainty([{ scores: [7, 6], variances: [0.1, 0.1] }], [], options)).toBeNull();
    const mixed: ChainScores[] = [{ scores: [7, 6], variances: [0.1, 0.1] }, { scores: [7, 6] }];
    expect(uncertainty(mixed)).toEqual(uncertainty(chains([7, 6], [7, 6])));
  });

  it('does not take two chains that agree as certain, and trusts more of them more', () => {
    const of = (count: number): Uncertainty => uncertainty(chains(...Array(count).fill([7, 6])))!;
    expect(of(2).probability).toBeLessThan(0.975);
    expect(of(4).probability).toBeGreaterThan(of(2).probability);
    expect(of(16).probability).toBeGreaterThan(0.999);
    expect(of(2).interval[0]).toBeLessThan(0);
    expect(of(16).interval[0]).toBeGreaterThan(0);
  });

  it('compares the best two of several, and is less sure where a third is near', () => {
    const far = chains([8, 6, 1], [7, 6, 1], [8, 5, 2]);
    const near = chains([8, 6, 5], [7, 6, 5], [8, 5, 6]);
    const found = uncertainty(far, [], {}, 3)!;
    expect(found.pair).toEqual([0, 1]);
    expect(uncertainty(near, [], {}, 3)!.probability).toBeLessThan(found.probability);
    const three = uncertainty(chains([5, 5, 5], [4, 6, 5], [6, 4, 5]), [], {}, 3)!;
    expect(three.probability).toBeCloseTo(0, 9);
  });

  it('is of votes where votes count, and wider for medians', () => {
    const mixed = chains([10, 1], [4, 5], [4, 5], [4, 5]);
    const votes = uncertainty(mixed, [], { method: 'wins' })!;
    expect(votes).toMatchObject({ pair: [1, 0], difference: 0.5 });
    expect(votes.interval[1]).toBeLessThan(3);
    const plain = chains([6, 5], [7, 5], [8, 5]);
    const width = ({ interval: [low, high] }: Uncertainty): number => high - low;
    const [mean, median] = [uncertainty(plain)!, uncertainty(plain, [], { method: 'median' })!];
    expect(width(median) / width(mean)).toBeCloseTo(Math.sqrt(Math.PI / 2), 6);
    expect(width(uncertainty(plain, [], { method: 'trimmed', trim: 0.25 })!) / width(mean)).toBeCloseTo(
      Math.SQRT2,
      6,
    );
  });

  it('exchanges with the candidates', () => {
    const score = fc.integer({ min: 10, max: 100 }).map((tenths) => tenths / 10);
    const some = fc.array(fc.tuple(score, score), { minLength: 2, maxLength: 8 });
    fc.assert(
      fc.property(some, some, (own, similar) => {
        const there = uncertainty(chains(...own), chains(...similar))!;
        const flip = (list: [number, number][]): ChainScores[] => chains(...list.map(([a, b]) => [b, a]));
        const back = uncertainty(flip(own), flip(similar))!;
        expect(back.difference).toBeCloseTo(there.difference, 9);
        expect(back.probability).toBeCloseTo(there.probability, 9);
        expect(there.probability).toBeGreaterThan(0.5 - 1e-9);
      }),
    );
  });

  it('holds the mean of the distribution about as often as it says', () => {
    const random = new Xoshiro128(11, 0);
    const normal = (): number =>
      Math.sqrt(-2 * Math.log(1 - random.uniform())) * Math.cos(2 * Math.PI * random.uniform());
    const draw = (count: number, mean: number): ChainScores[] =>
      Array.from({ length: count }, () => ({ scores: [5 + mean + 1.2 * normal(), 5] }));
    let held = 0;
    const rounds = 1000;
    for (let round = 0; round < rounds; round += 1) {
      const { interval, pair } = uncertainty(draw(8, 0.6), draw(4, 0.2))!;
      const truth = pair[0] === 0 ? 0.4 : -0.4;
      if (interval[0] <= truth && truth <= interval[1]) held += 1;
    }
    expect(held / rounds).toBeGreaterThan(0.92);
    expect(held / rounds).toBeLessThan(0.99);
  });
});

import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { AggregateOptions, LevelScores } from '../../src/kernels/aggregate.js';
import { compiled, describeEach, reference } from './implementations.js';

const rows = (...chains: number[][]) => Float64Array.from(chains.flat());
const levels = (individual: number[][], prototype: number[][] = [], candidates = 2): LevelScores => ({
  candidates,
  individual: rows(...individual),
  prototype: rows(...prototype),
});

describeEach('aggregateScores', (kernels) => {
  it('takes the mean of each level and weighs them half and half', () => {
    const result = kernels.aggregateScores(
      levels(
        [
          [8, 6],
          [6, 2],
        ],
        [[1, 9]],
      ),
    );
    expect([...result.individual]).toEqual([7, 4]);
    expect([...result.prototype]).toEqual([1, 9]);
    expect([...result.scores]).toEqual([4, 6.5]);
    expect([result.usableIndividual, result.usablePrototype]).toEqual([2, 1]);
  });

  it('gives a level all the weight where the other has no usable chain', () => {
    expect([...kernels.aggregateScores(levels([[8, 6]])).scores]).toEqual([8, 6]);
    expect([...kernels.aggregateScores(levels([], [[1, 9]])).scores]).toEqual([1, 9]);
    expect([...kernels.aggregateScores(levels([[8, Number.NaN]], [[1, 9]])).scores]).toEqual([1, 9]);
    const unequal = kernels.aggregateScores(levels([[Infinity, 2]], [[1, 9]]), { individualShare: 1 });
    expect([...unequal.scores]).toEqual([1, 9]);
  });

  it('gives NaN, not a number made up, where no chain is usable', () => {
    const result = kernels.aggregateScores(levels([[Number.NaN, 1]]));
    expect([...result.scores]).toEqual([Number.NaN, Number.NaN]);
    expect(result.usableIndividual).toBe(0);
  });

  it('weighs chains, and leaves out those of weight 0', () => {
    const weighed = {
      ...levels([
        [9, 1],
        [3, 7],
        [100, 100],
      ]),
      individualWeights: Float64Array.of(3, 1, 0),
    };
    const result = kernels.aggregateScores(weighed);
    expect([...result.scores]).toEqual([7.5, 2.5]);
    expect(result.usableIndividual).toBe(2);
  });

  it('takes medians, between two where the weight splits evenly', () => {
    const odd = kernels.aggregateScores(
      levels([
        [1, 5],
        [9, 5],
        [2, 5],
      ]),
      { method: 'median' },
    );
    expect([...odd.scores]).toEqual([2, 5]);
    const even = kernels.aggregateScores(
      levels([
        [1, 5],
        [9, 7],
      ]),
      { method: 'median' },
    );
    expect([...even.scores]).toEqual([5, 6]);
    const heavy = {
      ...levels([
        [1, 1],
        [9, 9],
      ]),
      individualWeights: Float64Array.of(1, 3),
    };
    expect([...kernels.aggregateScores(heavy, { method: 'median' }).scores]).toEqual([9, 9]);
  });

  it('cuts the trimmed share from both ends', () => {
    const chains = [[100], [1], [2], [3], [-100]];
    const trimmed = kernels.aggregateScores(levels(chains, [], 1), { method: 'trimmed', trim: 0.2 });
    expect([...trimmed.scores]).toEqual([2]);
    const nothingCut = kernels.aggregateScores(levels(chains, [], 1), { method: 'trimmed', trim: 0.1 });
    expect(nothingCut.scores[0]).toBeCloseTo(1.2, 12);
  });

  it('refuses what does not fit', () => {
    const good = levels([[1, 2]]);
    const refuses = (given: LevelScores, options?: AggregateOptions) =>
      expect(() => kernels.aggregateScores(given, options)).toThrow(
        expect.objectContaining({ code: 'INVALID_OPTION' }),
      );
    refuses({ ...good, candidates: 0 });
    refuses({ ...good, individual: Float64Array.of(1, 2, 3) });
    refuses({ ...good, individualWeights: Float64Array.of(1, 1) });
    refuses({ ...good, individualWeights: Float64Array.of(-1) });
    refuses({ ...good, individualWeights: Float64Array.of(Number.NaN) });
    refuses(good, { trim: 0.5 });
    refuses(good, { individualShare: 2 });
    refuses(good, { method: 'mode' as 'mean' });
  });
});

describeEach('countWins', (kernels) => {
  it('counts wins, ties and unusable chains', () => {
    const scores = rows([8, 6], [5, 5], [1, 2], [Number.NaN, 2], [3, 2.95]);
    expect(kernels.countWins(scores, 2)).toEqual({ wins: Uint32Array.of(2, 1), ties: 1, unusable: 1 });
    expect(kernels.countWins(scores, 2, 0.1)).toEqual({ wins: Uint32Array.of(1, 1), ties: 2, unusable: 1 });
  });

  it('counts nothing where there is nothing', () => {
    expect(kernels.countWins(new Float64Array(0), 3)).toEqual({
      wins: new Uint32Array(3),
      ties: 0,
      unusable: 0,
    });
  });

  it('refuses a negative tolerance and a broken row', () => {
    expect(() => kernels.countWins(rows([1, 2]), 2, -1)).toThrow(
      expect.objectContaining({ code: 'INVALID_OPTION' }),
    );
    expect(() => kernels.countWins(rows([1, 2, 3]), 2)).toThrow(
      expect.objectContaining({ code: 'INVALID_OPTION' }),
    );
  });
});

it.each(compiled.map((kernels) => [kernels.name, kernels] as const))(
  '%s aggregates to the last bit as the reference',
  (_name, kernels) => {
    const score = fc.oneof(
      { weight: 9, arbitrary: fc.double({ min: -100, max: 100, noNaN: true }) },
      { weight: 1, arbitrary: fc.constantFrom(Number.NaN, Infinity) },
    );
    const level = fc.array(fc.tuple(score, score, score), { maxLength: 12 });
    fc.assert(
      fc.property(
        level,
        level,
        fc.constantFrom('mean', 'median', 'trimmed'),
        fc.double({ min: 0, max: 0.49, noNaN: true }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.infiniteStream(fc.constantFrom(0, 0.5, 1, 1, 1, 3)),
        (individual, prototype, method, trim, individualShare, weights) => {
          const take = (count: number) => Float64Array.from({ length: count }, () => weights.next().value!);
          const given = {
            ...levels(individual, prototype, 3),
            individualWeights: take(individual.length),
            prototypeWeights: take(prototype.length),
          };
          const options = { method, trim, individualShare } as const;
          expect(kernels.aggregateScores(given, options)).toEqual(reference.aggregateScores(given, options));
          expect(kernels.countWins(given.individual, 3, trim)).toEqual(
            reference.countWins(given.individual, 3, trim),
          );
        },
      ),
    );
  },
);

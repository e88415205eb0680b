import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { aggregateLevels, type ChainScores } from '../../src/scaling/aggregate-levels.js';
import { implementations } from '../kernels/implementations.js';

const chains = (...scores: (readonly number[] | null)[]): ChainScores[] =>
  scores.map((one) => ({ scores: one }));

describe.each(implementations)('levels aggregated by $name kernels', (kernels) => {
  it('weigh half and half whatever their numbers of chains', () => {
    const outcome = aggregateLevels(kernels, 2, chains([8, 4], [6, 4]), chains([1, 9]));
    expect(outcome).toEqual({
      scores: [4, 6.5],
      winner: 1,
      tie: false,
      individual: { scores: [7, 4], usable: 2, lost: 0 },
      prototype: { scores: [1, 9], usable: 1, lost: 0 },
    });
  });

  it('pass their weight on where they have no usable chain', () => {
    const lost = chains(null, null);
    expect(aggregateLevels(kernels, 2, chains([8, 4], null), lost)).toMatchObject({
      scores: [8, 4],
      winner: 0,
      individual: { usable: 1, lost: 1 },
      prototype: { scores: null, usable: 0, lost: 2 },
    });
    expect(aggregateLevels(kernels, 2, lost, chains([3, 5]))).toMatchObject({ scores: [3, 5], winner: 1 });
    expect(aggregateLevels(kernels, 2, chains([3, 5]), [], { individualShare: 0 }).scores).toEqual([3, 5]);
    expect(aggregateLevels(kernels, 2, lost, [])).toMatchObject({ scores: null, winner: null, tie: false });
    expect(aggregateLevels(kernels, 3, [], [])).toMatchObject({ scores: null, winner: null, tie: false });
  });

  it('take other shares, methods and weights', () => {
    const own = chains([8, 4], [6, 4]);
    const similar = chains([1, 9]);
    expect(aggregateLevels(kernels, 2, own, similar, { individualShare: 0.75 }).scores).toEqual([5.5, 5.25]);
    const three = chains([1, 5], [9, 5], [9, 6]);
    expect(aggregateLevels(kernels, 2, three, [], { method: 'median' }).scores).toEqual([9, 5]);
    expect(aggregateLevels(kernels, 2, three, [], { method: 'trimmed', trim: 0.4 }).scores).toEqual([9, 5]);
    const weighted = [
      { scores: [2, 4], weight: 3 },
      { scores: [6, 4], weight: 1 },
      { scores: [10, 1], weight: 0 },
    ];
    expect(aggregateLevels(kernels, 2, [], weighted)).toMatchObject({
      scores: [3, 4],
      prototype: { usable: 2, lost: 1 },
    });
  });

  it('count wins, a shared first place as shared votes', () => {
    const outcome = aggregateLevels(kernels, 3, chains([9, 1, 1], [5, 5, 1], [2, 3, 1], null), [], {
      method: 'wins',
    });
    expect(outcome.scores![0]).toBeCloseTo(0.5, 12);
    expect(outcome.scores![1]).toBeCloseTo(0.5, 12);
    expect(outcome).toMatchObject({ tie: true, winner: null, individual: { usable: 3, lost: 1 } });
    // One chain far off does not outvote two.
    const far = chains([10, 1], [4, 5], [4, 5]);
    expect(aggregateLevels(kernels, 2, far, []).winner).toBe(0);
    expect(aggregateLevels(kernels, 2, far, [], { method: 'wins' }).winner).toBe(1);
  });

  it('tie within the last bits, and not beyond', () => {
    const third = 1 / 3;
    expect(aggregateLevels(kernels, 2, chains([third, 0.1], [0, 0.1 + third - 0.2]), []).tie).toBe(true);
    expect(aggregateLevels(kernels, 2, chains([5, 5 + 1e-6]), [])).toMatchObject({ tie: false, winner: 1 });
  });

  it('refuse what makes no sense', () => {
    const refused = (run: () => unknown, message: RegExp): void =>
      expect(run).toThrow(
        expect.objectContaining({ code: 'INVALID_OPTION', message: expect.stringMatching(message) }),
      );
    refused(
      () => aggregateLevels(kernels, 2, chains([1, 2, 3]), []),
      /individual level must hold 2 scores.* got 3/,
    );
    refused(() => aggregateLevels(kernels, 2, [], chains([1])), /prototype level/);
    refused(() => aggregateLevels(kernels, 2, [{ scores: [1, 2], weight: -1 }], []), /not negative/);
    refused(() => aggregateLevels(kernels, 2, [{ scores: [1, 2], weight: Number.NaN }], []), /finite/);
    refused(() => aggregateLevels(kernels, 2, [], [], { individualShare: 2 }), /individualShare/);
    refused(() => aggregateLevels(kernels, 2, [], [], { method: 'best' as 'mean' }), /method/);
    refused(() => aggregateLevels(kernels, 0, [], []), /candidates/);
  });
});

const kernels = implementations[0]!;
const score = fc.integer({ min: 10, max: 100 }).map((tenths) => tenths / 10);
const chain = fc.option(fc.tuple(score, score), { nil: null }).map((scores) => ({ scores }));
const someChains = fc.array(chain, { maxLength: 12 });

describe('laws', () => {
  it('exchanging the candidates exchanges the outcome, and the order of chains does not matter', () => {
    const flip = (list: readonly ChainScores[]): ChainScores[] =>
      list.map(({ scores }) => ({ scores: scores === null ? null : [...scores].reverse() })).reverse();
    fc.assert(
      fc.property(
        someChains,
        someChains,
        fc.constantFrom('mean', 'wins', 'median'),
        (own, similar, method) => {
          const options = { method } as const;
          const there = aggregateLevels(kernels, 2, own, similar, options);
          const back = aggregateLevels(kernels, 2, flip(own), flip(similar), options);
          expect(back.tie).toBe(there.tie);
          expect(back.winner).toBe(there.winner === null ? null : 1 - there.winner);
        },
      ),
    );
  });

  it('equals means taken by hand', () => {
    fc.assert(
      fc.property(someChains, someChains, (own, similar) => {
        const means = [own, similar]
          .map((list) => list.flatMap(({ scores }) => (scores === null ? [] : [scores[0]! - scores[1]!])))
          .filter((list) => list.length > 0)
          .map((list) => list.reduce((sum, value) => sum + value, 0) / list.length);
        const { scores } = aggregateLevels(kernels, 2, own, similar);
        if (means.length === 0) expect(scores).toBeNull();
        else
          expect(scores![0]! - scores![1]!).toBeCloseTo(means.reduce((a, b) => a + b, 0) / means.length, 9);
      }),
    );
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { WholeRubric } from '../../app/src/judgment/criteria.js';
import { whyNot } from '../../app/src/judgment/why-not.js';

const rubric = (...criteria: [name: string, weight: number, scores: number[]][]): WholeRubric => ({
  criteria: criteria.map(([name, weight, scores]) => ({ key: name, name, weight, scores })),
});

/** The mean difference after the weight of one criterion became `add` more, the others scaled to the rest. */
function differenceAfter(rubrics: readonly WholeRubric[], name: string, add: number): number {
  const differences = rubrics.map(({ criteria }) => {
    const own = criteria.find((one) => one.name === name);
    return criteria.reduce((sum, one) => {
      const weight =
        own === undefined
          ? one.weight
          : one === own
            ? own.weight + add
            : (one.weight * (100 - own.weight - add)) / (100 - own.weight);
      return sum + (weight * (one.scores[0]! - one.scores[1]!)) / 100;
    }, 0);
  });
  return differences.reduce((sum, value) => sum + value, 0) / differences.length;
}

describe('why not the other response', () => {
  it('says what each criterion adds, largest first, which sums to the difference', () => {
    const why = whyNot([rubric(['length', 40, [4, 8]], ['tone', 60, [9, 3]])], [0, 1])!;
    expect(why.difference).toBeCloseTo(2);
    expect(why.contributions.map(({ name }) => name)).toEqual(['tone', 'length']);
    expect(why.contributions.map(({ points }) => points)).toEqual([
      expect.closeTo(3.6),
      expect.closeTo(-1.6),
    ]);
  });

  it('finds the smallest change of one weight that makes both equal', () => {
    // 0.6 x 6 - 0.4 x 4 = 2; both are equal where tone weighs 40 and length 60.
    const why = whyNot([rubric(['length', 40, [4, 8]], ['tone', 60, [9, 3]])], [0, 1])!;
    expect(why.flip!.to).toBeCloseTo(why.flip!.name === 'length' ? 60 : 40);
  });

  it('finds none where the other is worse by every criterion', () => {
    const why = whyNot([rubric(['length', 50, [8, 2]], ['tone', 50, [7, 3]])], [0, 1])!;
    expect(why.flip).toBeNull();
    expect(whyNot([rubric(['only', 100, [8, 2]])], [0, 1])!.flip).toBeNull();
    expect(whyNot([], [0, 1])).toBeNull();
  });

  const score = fc.integer({ min: 1, max: 10 });
  const names = ['a', 'b', 'c', 'd'];
  const rubrics = fc.array(
    fc.array(fc.tuple(fc.integer({ min: 1, max: 9 }), score, score), { minLength: 2, maxLength: 4 }),
    { minLength: 1, maxLength: 5 },
  );

  it('flips the difference where it says so, and leaves every weight from 0 to 100', () => {
    let found = 0;
    fc.assert(
      fc.property(rubrics, (drawn) => {
        const given = drawn.map((criteria) => {
          const sum = criteria.reduce((total, [weight]) => total + weight, 0);
          return rubric(
            ...criteria.map(([weight, first, second], index): [string, number, number[]] => [
              names[index]!,
              (100 * weight) / sum,
              [first, second],
            ]),
          );
        });
        const { flip, difference } = whyNot(given, [0, 1])!;
        expect(difference).toBeCloseTo(differenceAfter(given, 'none', 0), 9);
        if (flip === null) return;
        found += 1;
        const add = flip.to - flip.from;
        expect(differenceAfter(given, flip.name, add)).toBeCloseTo(0, 9);
        if (Math.abs(difference) > 1e-6) {
          const beyond = differenceAfter(given, flip.name, add * 1.01);
          expect(Math.sign(beyond)).toBe(-Math.sign(difference));
        }
        for (const { criteria } of given) {
          const own = criteria.find(({ name }) => name === flip.name);
          if (own === undefined) continue;
          expect(own.weight + add).toBeGreaterThanOrEqual(-1e-9);
          expect(own.weight + add).toBeLessThanOrEqual(100 + 1e-9);
        }
      }),
      { seed: 27, numRuns: 300 },
    );
    expect(found).toBeGreaterThan(50);
  });
});

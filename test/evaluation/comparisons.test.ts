import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { allPairs, compare, holm } from '../../src/evaluation/figures/comparisons.js';
import { SETTINGS } from './stored-chains.js';

describe('holm', () => {
  it('steps down from the smallest', () => {
    // 0.005 * 4, 0.01 * 3, 0.03 * 2, 0.04 * 1 raised to the one before.
    const adjusted = holm([0.01, 0.04, 0.03, 0.005]);
    [0.03, 0.06, 0.06, 0.02].forEach((value, index) => {
      expect(adjusted[index]).toBeCloseTo(value, 12);
    });
    expect(holm([0.7, 0.8])).toEqual([1, 1]);
    expect(holm([])).toEqual([]);
  });

  it('never lowers a p-value, keeps their order, and lies between Bonferroni and none', () => {
    const pValue = fc.double({ min: 0, max: 1, noNaN: true });
    fc.assert(
      fc.property(fc.array(pValue, { minLength: 1, maxLength: 12 }), (pValues) => {
        const adjusted = holm(pValues);
        adjusted.forEach((value, index) => {
          expect(value).toBeGreaterThanOrEqual(pValues[index]!);
          expect(value).toBeLessThanOrEqual(Math.min(1, pValues.length * pValues[index]!) + 1e-12);
          adjusted.forEach((other, another) => {
            if (pValues[index]! < pValues[another]!) expect(value).toBeLessThanOrEqual(other);
          });
        });
      }),
    );
  });
});

describe('allPairs', () => {
  it('gives each pair once, the later one first', () => {
    expect(allPairs(['a', 'b', 'c'])).toEqual([
      ['b', 'a'],
      ['c', 'a'],
      ['c', 'b'],
    ]);
    expect(allPairs(['a'])).toEqual([]);
  });
});

describe('compare', () => {
  const users = Uint32Array.from({ length: 40 }, (_, row) => row >> 1);
  const named = (name: string, value: (row: number) => number) => ({
    name,
    values: Float64Array.from({ length: 40 }, (_, row) => value(row)),
  });
  const all = named('all', () => 1);
  const none = named('none', () => 0);
  const most = named('most', (row) => (row % 4 === 0 ? 0 : 1));
  const other = named('other', (row) => (row % 4 === 1 ? 0 : 1));

  it('tells what is plainly better, and corrects for how many were asked', async () => {
    const [first, second] = await compare(
      SETTINGS,
      [
        [most, none],
        [most, other],
      ],
      users,
    );
    expect(first).toMatchObject({ first: 'most', second: 'none', difference: 0.75, rows: 40, users: 20 });
    expect(first!.pValue).toBeLessThan(0.001);
    expect(first!.adjusted).toBeCloseTo(2 * first!.pValue, 12);
    expect(first!.byUsers.low).toBeGreaterThan(0.5);
    // Each of the two is wrong once for every second user, in the same users: the users' differences are all 0.
    expect(second).toMatchObject({ difference: 0, pValue: 1, adjusted: 1 });
  });

  it('is the exact sign-flip test where users are few', async () => {
    // Five users whose rows all favour the first: of 32 sign patterns two are as extreme.
    const five = Uint32Array.from({ length: 40 }, (_, row) => row % 5);
    const better = named('better', (row) => (row < 20 ? 1 : 0));
    const [one] = await compare({ ...SETTINGS, resamples: 20_000 }, [[better, none]], five);
    expect(one!.pValue).toBeCloseTo(2 / 32, 2);
  });

  it('cannot tell an interval where the two never differ, or always do', async () => {
    const [same, opposite] = await compare(
      SETTINGS,
      [
        [all, all],
        [all, none],
      ],
      users,
    );
    expect(same!.byUsers.untold).toBe('all rows differ by 0');
    expect(same!.pValue).toBe(1);
    expect(opposite!.byUsers.untold).toBe('all rows differ by 1');
  });

  it('is empty without rows or pairs', async () => {
    expect(await compare(SETTINGS, [], users)).toEqual([]);
    expect(await compare(SETTINGS, [[all, none]], new Uint32Array())).toEqual([]);
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Xoshiro128 } from '../../src/kernels/random.js';
import { figureOf, renumbered } from '../../src/statistics/cluster-interval.js';
import { tQuantile } from '../../src/statistics/student-t.js';
import { sortedQuantile } from '../../src/statistics/summary.js';
import { SETTINGS } from '../evaluation/stored-chains.js';
import { describeEach } from '../kernels/implementations.js';

const MANY = { ...SETTINGS, resamples: 40_000 };

/** Rows of users, one list of values a user. */
function rowsOf(lists: readonly (readonly number[])[]) {
  return {
    numerators: Float64Array.from(lists.flat()),
    users: Uint32Array.from(lists.flatMap((list, user) => list.map(() => user))),
  };
}

describeEach('figureOf', (kernels) => {
  it('is Student over user means where all users have as many rows', async () => {
    // Users' means 0, 0.25, 0.25, 0.5, 0.5, 1: mean 5/12, sample variance 7/60, G = 6, t(5) = 2.570582.
    const lists = [
      [0, 0, 0, 0],
      [1, 0, 0, 0],
      [0, 0, 1, 0],
      [1, 1, 0, 0],
      [0, 1, 1, 0],
      [1, 1, 1, 1],
    ];
    const mean = 5 / 12;
    const error = Math.sqrt(7 / 60 / 6);
    const figure = await figureOf({ ...MANY, kernels }, rowsOf(lists), 'difference');
    expect(figure).toMatchObject({ rows: 24, users: 6 });
    expect(figure.value).toBeCloseTo(mean, 12);
    expect(figure.byUsers.low).toBeCloseTo(mean - 2.570582 * error, 6);
    expect(figure.byUsers.high).toBeCloseTo(mean + 2.570582 * error, 6);
    // A share on the scale of the empirical logit: 12.5 rows in effect, half a row more on either side.
    const rows = (mean * (1 - mean)) / error ** 2;
    expect(rows).toBeCloseTo(12.5, 9);
    const middle = (mean * rows + 0.5) / (rows + 1);
    const logit = Math.log(middle / (1 - middle));
    const step = (2.570582 * error) / (middle * (1 - middle));
    const share = await figureOf({ ...MANY, kernels }, rowsOf(lists));
    expect(share.byUsers.low).toBeCloseTo(1 / (1 + Math.exp(step - logit)), 6);
    expect(share.byUsers.high).toBeCloseTo(1 / (1 + Math.exp(-step - logit)), 6);
  });

  it('is the basic bootstrap over rows', async () => {
    // 16 rows, 12 of them 1: a resample's sum is binomial(16, 0.75), its 2.5% and 97.5% points are 8 and 15.
    const numerators = Float64Array.from({ length: 16 }, (_, row) => (row < 12 ? 1 : 0));
    const users = Uint32Array.from(numerators, (_, row) => row);
    const { byRows } = await figureOf({ ...MANY, kernels }, { numerators, users });
    expect(byRows.low).toBeCloseTo(1.5 - 15 / 16, 10);
    expect(byRows.high).toBeCloseTo(1.5 - 8 / 16, 10);
  });

  it('weighs rows by their denominators', async () => {
    const values = rowsOf(Array.from({ length: 12 }, (_, user) => [user % 3 === 0 ? 1 : 0, 1, 0]));
    const denominators = Float64Array.from(values.numerators, (_, row) => (row % 3 === 2 ? 0 : 1));
    const figure = await figureOf({ ...MANY, kernels }, { ...values, denominators });
    expect(figure.value).toBeCloseTo((4 + 12) / 24, 12);
    // A third of the users has 1, the others 0.5: between-user variance of 12 means, t(11) = 2.200985.
    const error = Math.sqrt((12 / 11) * (1 / 3) * (2 / 3) * 0.25 * (1 / 12));
    const rows = 2 / 9 / error ** 2;
    const middle = ((2 / 3) * rows + 0.5) / (rows + 1);
    const step = (2.200985 * error) / (middle * (1 - middle));
    expect(figure.byUsers.low).toBeCloseTo(1 / (1 + Math.exp(step - Math.log(middle / (1 - middle)))), 6);
  });
});

describe('figureOf', () => {
  it('has wider intervals over users than over rows where a user answers alike', async () => {
    const lists = Array.from({ length: 20 }, (_, user) => new Array<number>(10).fill(user % 2));
    const { byUsers, byRows } = await figureOf(SETTINGS, rowsOf(lists));
    expect(byUsers.high! - byUsers.low!).toBeGreaterThan(2 * (byRows.high! - byRows.low!));
  });

  it('takes one dominating user as few users', async () => {
    // One user with 60 rows, nine with 3: (87)^2 / (3600 + 81) = 2.0562 users of equal size.
    const lists = [
      Array.from({ length: 60 }, (_, row) => row % 2),
      ...Array.from({ length: 9 }, (_, user) => (user % 2 ? [1, 0, 1] : [0, 1, 0])),
    ];
    const { numerators, users } = rowsOf(lists);
    const { value, byUsers } = await figureOf(SETTINGS, { numerators, users }, 'difference');
    // Leaving each user out by hand.
    const without = lists.map((_, left) => {
      const others = lists.filter((__, user) => user !== left).flat();
      return others.reduce<number>((sum, one) => sum + one, 0) / others.length;
    });
    const variance = 0.9 * without.reduce((sum, mean) => sum + (mean - value!) ** 2, 0);
    const reach = tQuantile(0.95, 87 ** 2 / 3681 - 1) * Math.sqrt(variance);
    expect(byUsers.high).toBeCloseTo(Math.min(1, value! + reach), 9);
    expect(byUsers.low).toBeCloseTo(Math.max(-1, value! - reach), 9);
  });

  it('holds the truth in 93 to 97% of small evaluations with correlated rows', async () => {
    // 8 users with 6 rows each; a user is right with 0.95 or 0.55, so rows correlate at 0.21 and the truth is 0.75.
    const random = new Xoshiro128(7, 0);
    const rounds = 1000;
    let [held, told] = [0, 0];
    for (let round = 0; round < rounds; round += 1) {
      const lists = Array.from({ length: 8 }, () => {
        const rate = random.uniform() < 0.5 ? 0.95 : 0.55;
        return Array.from({ length: 6 }, () => (random.uniform() < rate ? 1 : 0));
      });
      const { byUsers } = await figureOf({ ...SETTINGS, resamples: 100 }, rowsOf(lists));
      if (byUsers.untold !== undefined) continue;
      told += 1;
      if (byUsers.low <= 0.75 && byUsers.high >= 0.75) held += 1;
    }
    expect(told).toBeGreaterThan(0.95 * rounds);
    expect(held / told).toBeGreaterThan(0.93);
    expect(held / told).toBeLessThan(0.97);
  });

  it.each([
    ['nothing', [], 'there are no rows'],
    ['few rows', [[1], [0], [1], [1], [0], [1]], '6 rows are too few'],
    ['one class', Array.from({ length: 20 }, () => [1, 1]), 'the same outcome'],
    ['the other class', Array.from({ length: 20 }, () => [0, 0]), 'the same outcome'],
    ['half everywhere', Array.from({ length: 20 }, () => [0.5]), 'the same outcome'],
  ])('cannot tell an interval of %s', async (_, lists, why) => {
    const { byUsers, byRows } = await figureOf(SETTINGS, rowsOf(lists));
    expect(byUsers.untold).toContain(why);
    expect(byRows.untold).toContain(why);
  });

  it('tells an interval over rows but none over users where users are few, or alike', async () => {
    const few = await figureOf(
      SETTINGS,
      rowsOf(Array.from({ length: 4 }, (_, user) => [1, 0, 1, user % 2, 0])),
    );
    expect(few.byUsers.untold).toContain('4 users are too few');
    expect(few.byRows.low).toBeLessThan(few.value!);
    const alike = await figureOf(SETTINGS, rowsOf(Array.from({ length: 9 }, () => [1, 0])));
    expect(alike.byUsers.untold).toContain('all users have the same value');
    expect(alike.byRows.untold).toBeUndefined();
  });

  it('says of differences that are all the same what they are', async () => {
    const lists = Array.from({ length: 12 }, () => [0]);
    expect((await figureOf(SETTINGS, rowsOf(lists), 'difference')).byUsers.untold).toBe(
      'all rows differ by 0',
    );
  });

  it('lies around the share, inside [0, 1], whatever the rows', async () => {
    const user = fc.array(fc.constantFrom(0, 0.5, 1), { minLength: 1, maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(fc.array(user, { minLength: 1, maxLength: 20 }), async (lists) => {
        const { value, byUsers, byRows } = await figureOf({ ...SETTINGS, resamples: 200 }, rowsOf(lists));
        for (const { low = value!, high = value! } of [byUsers]) {
          expect(low).toBeGreaterThanOrEqual(0);
          expect(high).toBeLessThanOrEqual(1);
          expect(low).toBeLessThanOrEqual(value!);
          expect(high).toBeGreaterThanOrEqual(value!);
        }
        if (byRows.low !== undefined) expect(byRows.low).toBeLessThanOrEqual(byRows.high);
      }),
      { numRuns: 60 },
    );
  });

  it('does not depend on how users are numbered, and repeats with its seed', async () => {
    const values = rowsOf(
      Array.from({ length: 8 }, (_, user) => [user % 2, 1 - user / 31, user % 3 === 0 ? 0 : 1]),
    );
    const renamed = { ...values, users: values.users.map((user) => 1000 - 7 * user) };
    expect(await figureOf(SETTINGS, renamed)).toEqual(await figureOf(SETTINGS, values));
    expect(await figureOf({ ...SETTINGS, seed: 2 }, values)).not.toEqual(await figureOf(SETTINGS, values));
  });
});

describe('sortedQuantile', () => {
  it('interpolates between order statistics', () => {
    expect(sortedQuantile(Float64Array.of(1, 2, 4), 0)).toBe(1);
    expect(sortedQuantile(Float64Array.of(1, 2, 4), 0.75)).toBe(3);
    expect(sortedQuantile(Float64Array.of(1, 2, 4), 1)).toBe(4);
    expect(sortedQuantile(Float64Array.of(3), 0.975)).toBe(3);
  });
});

describe('renumbered', () => {
  it('numbers from 0 in the order of the first row', () => {
    expect(renumbered(Uint32Array.of(7, 2, 7, 9))).toEqual({ users: Uint32Array.of(0, 1, 0, 2), count: 3 });
  });
});

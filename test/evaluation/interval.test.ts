import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { figureOf, quantile, renumbered } from '../../src/evaluation/interval.js';
import { tQuantile } from '../../src/scaling/student-t.js';
import { describeEach } from '../kernels/implementations.js';
import { SETTINGS } from './stored-chains.js';

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
    // Users' means 0, 0.25, 0.25, 0.5, 0.5, 1: mean 5/12, sample variance 0.118055..., G = 6, t(5) = 2.570582.
    const lists = [
      [0, 0, 0, 0],
      [1, 0, 0, 0],
      [0, 0, 1, 0],
      [1, 1, 0, 0],
      [0, 1, 1, 0],
      [1, 1, 1, 1],
    ];
    const mean = 5 / 12;
    const error = Math.sqrt(0.1180555555555556 / 6);
    const figure = await figureOf({ ...MANY, kernels }, rowsOf(lists), 'difference');
    expect(figure).toMatchObject({ rows: 24, users: 6 });
    expect(figure.value).toBeCloseTo(mean, 12);
    expect(figure.byUsers.low).toBeCloseTo(mean - 2.570582 * error, 2);
    expect(figure.byUsers.high).toBeCloseTo(mean + 2.570582 * error, 2);
    // The same on the logit scale.
    const logit = Math.log(mean / (1 - mean));
    const step = (2.570582 * error) / (mean * (1 - mean));
    const share = await figureOf({ ...MANY, kernels }, rowsOf(lists));
    expect(share.byUsers.low).toBeCloseTo(1 / (1 + Math.exp(step - logit)), 2);
    expect(share.byUsers.high).toBeCloseTo(1 / (1 + Math.exp(-step - logit)), 2);
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
    const p = 2 / 3;
    const step = (2.200985 * error) / (p * (1 - p));
    expect(figure.byUsers.low).toBeCloseTo(1 / (1 + Math.exp(step - Math.log(2))), 2);
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
    const { resamples, seed } = SETTINGS;
    const means = await SETTINGS.kernels.bootstrapMeans(numerators, { resamples, seed, clusters: users });
    const centre = means.reduce((sum, mean) => sum + mean, 0) / resamples;
    const variance = means.reduce((sum, mean) => sum + (mean - centre) ** 2, 0) / (resamples - 1);
    const reach = tQuantile(0.95, 87 ** 2 / 3681 - 1) * Math.sqrt((variance * 10) / 9);
    expect(byUsers.high).toBeCloseTo(Math.min(1, value! + reach), 9);
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
    const values = rowsOf(Array.from({ length: 8 }, (_, user) => [user % 2, 1, user % 3 === 0 ? 0 : 1]));
    const renamed = { ...values, users: values.users.map((user) => 1000 - 7 * user) };
    expect(await figureOf(SETTINGS, renamed)).toEqual(await figureOf(SETTINGS, values));
    expect(await figureOf({ ...SETTINGS, seed: 2 }, values)).not.toEqual(await figureOf(SETTINGS, values));
  });
});

describe('quantile', () => {
  it('interpolates between order statistics', () => {
    expect(quantile(Float64Array.of(1, 2, 4), 0)).toBe(1);
    expect(quantile(Float64Array.of(1, 2, 4), 0.75)).toBe(3);
    expect(quantile(Float64Array.of(1, 2, 4), 1)).toBe(4);
    expect(quantile(Float64Array.of(3), 0.975)).toBe(3);
  });
});

describe('renumbered', () => {
  it('numbers from 0 in the order of the first row', () => {
    expect(renumbered(Uint32Array.of(7, 2, 7, 9))).toEqual({ users: Uint32Array.of(0, 1, 0, 2), count: 3 });
  });
});

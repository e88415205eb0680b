// Means and shares with 95% intervals: over users, whose rows are not independent, and over single rows.
// Knows values and their clusters; nothing of levels or rows of data.

import type { Kernels } from '../kernels/kernels.js';
import { tQuantile } from '../scaling/student-t.js';

/** How intervals are computed. */
export interface IntervalSettings {
  readonly kernels: Kernels;
  /** Resamples of each bootstrap. */
  readonly resamples: number;
  /** Unsigned 32-bit integer. */
  readonly seed: number;
}

/** Fewest users, and fewest rows, from which an interval is told. */
export const FEWEST_USERS = 5;
export const FEWEST_ROWS = 10;

/** A 95% interval, or why none can be told. */
export type Interval =
  | { readonly low: number; readonly high: number; readonly untold?: undefined }
  | { readonly untold: string; readonly low?: undefined; readonly high?: undefined };

/** One figure with what it rests on. */
export interface Figure {
  /** Null where there is nothing to take a mean of. */
  readonly value: number | null;
  readonly rows: number;
  readonly users: number;
  /** Whole users are resampled. */
  readonly byUsers: Interval;
  /** Single rows are resampled (the benchmark's own basic bootstrap); too narrow where users differ. */
  readonly byRows: Interval;
}

/** Values of rows, one row an entry of each array. */
export interface RowValues {
  readonly numerators: Float64Array;
  /** Weights of the rows; absent: 1 each. The figure is the sum of numerators over the sum of denominators. */
  readonly denominators?: Float64Array;
  /** User of each row, numbered from 0 in any way. */
  readonly users: Uint32Array;
}

/** Where a figure lies: shares in [0, 1], differences of shares in [-1, 1]. */
export type Scale = 'share' | 'difference';

/**
 * A share (or a difference of shares) with both intervals.
 *
 * By users: the standard error is that of the means of bootstrap resamples of whole users, times
 * sqrt(G / (G - 1)) for G users, which a resample of few clusters understates. The interval is m -+ t se with t from Student's
 * distribution with (sum n_g)^2 / sum n_g^2 - 1 degrees of freedom (n_g the rows of user g: G - 1 where all
 * users have as many, fewer where some dominate). For a share it is computed on the logit scale and mapped back, which
 * keeps it inside [0, 1] and gives it the skew that shares near 0 or 1 have. `bench/coverage` measures how often it
 * holds the truth; plain percentiles hold it too seldom below about 40 users.
 *
 * By rows: the basic bootstrap, 2 m - q, cut to the scale's range.
 */
export async function figureOf(
  settings: IntervalSettings,
  values: RowValues,
  scale: Scale = 'share',
): Promise<Figure> {
  const { users, count: userCount } = renumbered(values.users);
  const { numerators, denominators } = values;
  const rows = numerators.length;
  const weight = denominators === undefined ? rows : sum(denominators);
  if (rows === 0 || weight === 0) {
    const untold = { untold: 'there are no rows' };
    return { value: null, rows, users: userCount, byUsers: untold, byRows: untold };
  }
  const value = sum(numerators) / weight;
  const untold = untoldBecause(values, value, scale);
  if (untold !== null) {
    return { value, rows, users: userCount, byUsers: { untold }, byRows: { untold } };
  }
  const byUsers = await userInterval(settings, values, users, userCount, value, scale);
  return {
    value,
    rows,
    users: userCount,
    byUsers,
    byRows: await rowInterval(settings, values, value, scale),
  };
}

async function userInterval(
  settings: IntervalSettings,
  values: RowValues,
  users: Uint32Array,
  userCount: number,
  value: number,
  scale: Scale,
): Promise<Interval> {
  if (userCount < FEWEST_USERS) {
    return { untold: `${userCount} users are too few for an interval (at least ${FEWEST_USERS})` };
  }
  const means = finite(await resampled(settings, values, users));
  const error = deviation(means) * Math.sqrt(userCount / (userCount - 1));
  if (error === 0) return { untold: 'all users have the same value' };
  const reach = tQuantile(0.95, Math.max(1, effectiveClusters(values, users, userCount) - 1));
  if (scale === 'difference') return within(value - reach * error, value + reach * error, scale);
  const logit = Math.log(value / (1 - value));
  const step = (reach * error) / (value * (1 - value));
  return within(logistic(logit - step), logistic(logit + step), scale);
}

async function rowInterval(
  settings: IntervalSettings,
  values: RowValues,
  value: number,
  scale: Scale,
): Promise<Interval> {
  const means = finite(await resampled(settings, values, undefined)).sort();
  return within(2 * value - quantile(means, 0.975), 2 * value - quantile(means, 0.025), scale);
}

/** Ratios of resampled sums. One seed draws the same rows for numerators and denominators. */
async function resampled(
  { kernels, resamples, seed }: IntervalSettings,
  { numerators, denominators }: RowValues,
  clusters: Uint32Array | undefined,
): Promise<Float64Array> {
  const options = { resamples, seed, ...(clusters === undefined ? {} : { clusters }) };
  const above = await kernels.bootstrapMeans(numerators, options);
  if (denominators === undefined) return above;
  const below = await kernels.bootstrapMeans(denominators, options);
  return above.map((value, index) => value / below[index]!);
}

/** Why no interval can be told whatever is resampled; null where one can. */
function untoldBecause({ numerators, denominators }: RowValues, value: number, scale: Scale): string | null {
  const rows = denominators === undefined ? numerators.length : denominators.filter((one) => one > 0).length;
  if (rows < FEWEST_ROWS) return `${rows} rows are too few for an interval (at least ${FEWEST_ROWS})`;
  const same = numerators.every((one, index) => one === value * (denominators?.[index] ?? 1));
  if (scale === 'difference') return same ? `all rows differ by ${value}` : null;
  const oneClass = same || value <= 0 || value >= 1;
  return oneClass ? 'all rows have the same outcome, so how much they vary cannot be told from them' : null;
}

/** Number of clusters of equal size that would weigh as these do. */
function effectiveClusters({ denominators }: RowValues, users: Uint32Array, userCount: number): number {
  const sizes = new Float64Array(userCount);
  users.forEach((user, row) => {
    sizes[user]! += denominators?.[row] ?? 1;
  });
  const total = sum(sizes);
  return (total * total) / sizes.reduce((all, size) => all + size * size, 0);
}

/** Users numbered from 0 without gaps, in the order of their first row. */
export function renumbered(users: Uint32Array): { readonly users: Uint32Array; readonly count: number } {
  const numbers = new Map<number, number>();
  const dense = users.map((user) => {
    const known = numbers.get(user) ?? numbers.size;
    numbers.set(user, known);
    return known;
  });
  return { users: dense, count: numbers.size };
}

/** Resamples that happen to draw no weight at all have no ratio. */
function finite(means: Float64Array): Float64Array {
  return means.every(Number.isFinite) ? means : means.filter(Number.isFinite);
}

function within(low: number, high: number, scale: Scale): Interval {
  const least = scale === 'share' ? 0 : -1;
  return { low: Math.max(least, low), high: Math.min(1, high) };
}

function logistic(x: number): number {
  return 1 / (1 + Math.exp(-x));
}

/** Linear interpolation between the two nearest order statistics; `sorted` ascends. */
export function quantile(sorted: Float64Array, share: number): number {
  const place = share * (sorted.length - 1);
  const below = Math.floor(place);
  const above = Math.min(sorted.length - 1, below + 1);
  return sorted[below]! + (place - below) * (sorted[above]! - sorted[below]!);
}

function deviation(values: Float64Array): number {
  const mean = sum(values) / values.length;
  const squares = values.reduce((all, value) => all + (value - mean) ** 2, 0);
  // Equal means of whole users differ in their last bits at most.
  const variance = squares / Math.max(1, values.length - 1);
  return variance < 1e-28 ? 0 : Math.sqrt(variance);
}

export function sum(values: Float64Array): number {
  return values.reduce((all, value) => all + value, 0);
}

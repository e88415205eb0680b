// Means and shares with 95% intervals: over users, whose rows are not independent, and over single rows.
// Knows values and their clusters; nothing of levels or rows of data.

import type { Kernels } from '../kernels/kernels.js';
import { logistic, logit } from './share.js';
import { tQuantile } from './student-t.js';
import { sortedQuantile, sum } from './summary.js';

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
  /** Whole users are left out in turn (jackknife). */
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
 * By users: the standard error is the jackknife's, which leaves each user out in turn: se^2 = (G - 1) / G sum_g d_g^2, d_g what
 * the figure loses without user g (with rows of unequal weight (sum of the user's residuals) / (weight of the others)). The
 * interval is m -+ t se with t from Student's distribution with (sum n_g)^2 / sum n_g^2 - 1 degrees of freedom (n_g the
 * weight of user g: G - 1 where all users have as much, fewer where some dominate). For a share it lies on the scale of the
 * empirical logit: with n = m (1 - m) / se^2 rows in effect, half a row is added to either side (Haldane 1956, Anscombe
 * 1956), which keeps it inside [0, 1], gives it the skew of shares near 0 or 1, and keeps it from growing too wide
 * where few users are nearly all alike. `bench/coverage` measures how often it holds the truth, beside the percentile
 * bootstrap of whole users, which holds it too seldom below about 40 users.
 *
 * By rows: the basic bootstrap, 2 m - q, cut to the scale's range.
 */
export async function figureOf(
  settings: IntervalSettings,
  values: RowValues,
  scale: Scale = 'share',
): Promise<Figure> {
  const dense = renumbered(values.users);
  const { numerators, denominators } = values;
  const rows = numerators.length;
  const weight = denominators === undefined ? rows : sum(denominators);
  if (rows === 0 || weight === 0) {
    const untold = { untold: 'there are no rows' };
    return { value: null, rows, users: dense.count, byUsers: untold, byRows: untold };
  }
  const value = sum(numerators) / weight;
  const untold = untoldBecause(values, value, scale);
  if (untold !== null) {
    return { value, rows, users: dense.count, byUsers: { untold }, byRows: { untold } };
  }
  return {
    value,
    rows,
    users: dense.count,
    byUsers: userInterval(values, dense, value, scale),
    byRows: await rowInterval(settings, values, value, scale),
  };
}

function userInterval(
  { numerators, denominators }: RowValues,
  { users, count }: Renumbered,
  value: number,
  scale: Scale,
): Interval {
  const weights = new Float64Array(count);
  const residuals = new Float64Array(count);
  users.forEach((user, row) => {
    const weight = denominators?.[row] ?? 1;
    weights[user]! += weight;
    residuals[user]! += numerators[row]! - value * weight;
  });
  const told = weights.filter((weight) => weight > 0).length;
  if (told < FEWEST_USERS)
    return { untold: `${told} users are too few for an interval (at least ${FEWEST_USERS})` };
  const error = jackknifeError(residuals, weights, told);
  if (error === 0) return { untold: 'all users have the same value' };
  const reach = tQuantile(0.95, Math.max(1, effectiveClusters(weights) - 1)) * error;
  if (scale === 'difference') return within(value - reach, value + reach, scale);
  const spread = value * (1 - value);
  const rows = spread / error ** 2;
  const middle = (value * rows + 0.5) / (rows + 1);
  const at = logit(middle);
  const step = reach / (middle * (1 - middle));
  // Shrinking moves the middle towards one half; the figure itself is never left outside.
  return within(Math.min(value, logistic(at - step)), Math.max(value, logistic(at + step)), scale);
}

/** Standard error by leaving out each of `count` users in turn; equal up to rounding is 0. */
function jackknifeError(residuals: Float64Array, weights: Float64Array, count: number): number {
  const total = sum(weights);
  const squares = residuals.reduce(
    (all, residual, user) => all + (residual / (total - weights[user]!)) ** 2,
    0,
  );
  const variance = ((count - 1) / count) * squares;
  return variance < 1e-28 ? 0 : Math.sqrt(variance);
}

async function rowInterval(
  settings: IntervalSettings,
  values: RowValues,
  value: number,
  scale: Scale,
): Promise<Interval> {
  const means = finite(await resampled(settings, values)).sort();
  return within(2 * value - sortedQuantile(means, 0.975), 2 * value - sortedQuantile(means, 0.025), scale);
}

/** Ratios of resampled sums. One seed draws the same rows for numerators and denominators. */
async function resampled(
  { kernels, resamples, seed }: IntervalSettings,
  { numerators, denominators }: RowValues,
): Promise<Float64Array> {
  const above = await kernels.bootstrapMeans(numerators, { resamples, seed });
  if (denominators === undefined) return above;
  const below = await kernels.bootstrapMeans(denominators, { resamples, seed });
  return above.map((value, index) => value / below[index]!);
}

/** Why no interval can be told whatever is left out or resampled; null where one can. */
function untoldBecause({ numerators, denominators }: RowValues, value: number, scale: Scale): string | null {
  const rows = denominators === undefined ? numerators.length : denominators.filter((one) => one > 0).length;
  if (rows < FEWEST_ROWS) return `${rows} rows are too few for an interval (at least ${FEWEST_ROWS})`;
  const same = numerators.every((one, index) => one === value * (denominators?.[index] ?? 1));
  if (scale === 'difference') return same ? `all rows differ by ${value}` : null;
  const oneClass = same || value <= 0 || value >= 1;
  return oneClass ? 'all rows have the same outcome, so how much they vary cannot be told from them' : null;
}

/** Number of clusters of equal weight that would weigh as these do. */
function effectiveClusters(weights: Float64Array): number {
  const total = sum(weights);
  return (total * total) / weights.reduce((all, weight) => all + weight * weight, 0);
}

/** Users of rows with numbers without gaps. */
export interface Renumbered {
  readonly users: Uint32Array;
  readonly count: number;
}

/** Users numbered from 0 without gaps, in the order of their first row. */
export function renumbered(users: Uint32Array): Renumbered {
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

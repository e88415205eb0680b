// Medians, and 95% intervals for means, quantiles and ratios of repeated runs; random orders from a seed.
// Pure arithmetic; what the numbers measure is its callers'.

import { tQuantile } from '../scaling/student-t.js';

/** A figure with its 95% interval; `low` and `high` are null where too few values tell none. */
export interface Estimate {
  readonly value: number;
  readonly low: number | null;
  readonly high: number | null;
  /** Values it rests on. */
  readonly n: number;
}

/** The q-th quantile, linear between neighbours; `values` is not empty. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const at = q * (sorted.length - 1);
  const low = Math.floor(at);
  const high = Math.min(low + 1, sorted.length - 1);
  return sorted[low]! + (at - low) * (sorted[high]! - sorted[low]!);
}

/** The middle value; `values` is not empty. */
export const median = (values: readonly number[]): number => quantile(values, 0.5);

/** `values` is not empty. */
export const mean = (values: readonly number[]): number => sum(values) / values.length;

export const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

/** Standard deviation of a sample; 0 for a single value. */
export function deviation(values: readonly number[]): number {
  if (values.length < 2) return 0;
  const middle = mean(values);
  return Math.sqrt(sum(values.map((value) => (value - middle) ** 2)) / (values.length - 1));
}

/** The factor for a 95% interval of a mean of n values; NaN for fewer than two. */
export function student95(n: number): number {
  return n < 2 ? Number.NaN : tQuantile(0.95, n - 1);
}

/** Mean with its interval (Student's t); `values` is not empty. */
export function meanEstimate(values: readonly number[]): Estimate {
  const value = mean(values);
  const n = values.length;
  if (n < 2) return { value, low: null, high: null, n };
  const half = (student95(n) * deviation(values)) / Math.sqrt(n);
  return { value, low: value - half, high: value + half, n };
}

/** {@link meanEstimate} of amounts, which are never negative: neither is the interval's lower end. */
export function amountEstimate(values: readonly number[]): Estimate {
  const estimate = meanEstimate(values);
  return { ...estimate, low: estimate.low === null ? null : Math.max(0, estimate.low) };
}

/**
 * A quantile with the interval between two order statistics, whose ranks come from the binomial distribution: no
 * assumption but that the values are independent. The interval is null where the sample is too small for one of 95%.
 */
export function quantileEstimate(values: readonly number[], q: number): Estimate {
  const n = values.length;
  const sorted = [...values].sort((a, b) => a - b);
  const value = quantile(sorted, q);
  let below = 0;
  let lowRank = 0;
  let highRank = n + 1;
  // P(Bin(n, q) <= k), summed up from k = 0 on.
  for (let k = 0; k <= n; k += 1) {
    const at = binomial(n, k, q);
    if (below + at <= 0.025) lowRank = k + 1;
    if (below + at >= 0.975 && highRank === n + 1) highRank = k + 1;
    below += at;
  }
  if (lowRank < 1 || highRank > n) return { value, low: null, high: null, n };
  return { value, low: sorted[lowRank - 1]!, high: sorted[highRank - 1]!, n };
}

function binomial(n: number, k: number, p: number): number {
  let log = 0;
  for (let i = 1; i <= k; i += 1) log += Math.log((n - k + i) / i);
  return Math.exp(log + k * Math.log(p) + (n - k) * Math.log1p(-p));
}

/** A ratio with its 95% interval. */
export interface Ratio {
  readonly ratio: number;
  readonly low: number | null;
  readonly high: number | null;
  readonly pairs: number;
}

/**
 * Geometric mean of a/b over pairs that ran in the same round, with a 95% interval of Student's t on the logarithms.
 * Drift that falls on both of a pair cancels. With fewer than two pairs the interval is null. Values are above 0.
 */
export function pairedRatio(a: readonly number[], b: readonly number[]): Ratio {
  const n = Math.min(a.length, b.length);
  const logs = Array.from({ length: n }, (_, i) => Math.log(a[i]! / b[i]!));
  const { value, low, high } = meanEstimate(logs);
  return {
    ratio: Math.exp(value),
    low: low === null ? null : Math.exp(low),
    high: high === null ? null : Math.exp(high),
    pairs: n,
  };
}

/**
 * Whether two estimates of one figure differ by more than their intervals explain: the distance against the margins
 * of both, added as squares. Null where one has no interval.
 */
export function differs(first: Estimate, second: Estimate): boolean | null {
  if (first.low === null || first.high === null || second.low === null || second.high === null) return null;
  const [small, large] = first.value <= second.value ? [first, second] : [second, first];
  const margin = Math.hypot(small.high! - small.value, large.value - large.low!);
  return large.value - small.value > margin;
}

/** second/first with the interval that both margins give on the logarithms; null bounds where it cannot be told. */
export function ratioOf(first: Estimate, second: Estimate): Ratio | null {
  if (!(first.value > 0 && second.value > 0)) return null;
  const ratio = second.value / first.value;
  const bounds = [first.low, first.high, second.low, second.high];
  if (bounds.some((bound) => bound === null || bound <= 0)) return { ratio, low: null, high: null, pairs: 0 };
  const down = Math.hypot(Math.log(first.high! / first.value), Math.log(second.value / second.low!));
  const up = Math.hypot(Math.log(first.value / first.low!), Math.log(second.high! / second.value));
  return { ratio, low: ratio * Math.exp(-down), high: ratio * Math.exp(up), pairs: 0 };
}

/** Median with its smallest and largest value and the 95% interval of the mean; `values` is not empty. */
export function summary(values: readonly number[]): {
  readonly n: number;
  readonly median: number;
  readonly min: number;
  readonly max: number;
  readonly mean: number;
  readonly low: number | null;
  readonly high: number | null;
} {
  const { value, low, high, n } = meanEstimate(values);
  return {
    n,
    median: median(values),
    min: Math.min(...values),
    max: Math.max(...values),
    mean: value,
    low,
    high,
  };
}

/** `1.23 [1.20, 1.26]`, or the ratio alone where there is no interval. */
export function ratioText({ ratio, low, high }: Omit<Ratio, 'pairs'>, digits = 2): string {
  const fixed = (value: number): string => value.toFixed(digits);
  return low === null || high === null ? fixed(ratio) : `${fixed(ratio)} [${fixed(low)}, ${fixed(high)}]`;
}

/**
 * How much slower the second half of the rounds was than the first, as a ratio of medians over all contenders;
 * null with fewer than four rounds. Far from 1, the machine drifted while it was measured.
 */
export function drift(seconds: Readonly<Record<string, readonly number[]>>): number | null {
  const ratios = Object.values(seconds)
    .filter((times) => times.length >= 4)
    .map((times) => {
      const half = times.length >> 1;
      return median(times.slice(-half)) / median(times.slice(0, half));
    });
  return ratios.length === 0 ? null : median(ratios);
}

/** A generator of uniform numbers in [0, 1) from a seed. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let x = Math.imul(state ^ (state >>> 15), 1 | state);
    x = (x + Math.imul(x ^ (x >>> 7), 61 | x)) ^ x;
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A copy in random order. */
export function shuffled<T>(values: readonly T[], random: () => number): T[] {
  const copy = [...values];
  for (let i = copy.length - 1; i > 0; i -= 1) {
    const j = Math.floor(random() * (i + 1));
    [copy[i], copy[j]] = [copy[j]!, copy[i]!];
  }
  return copy;
}

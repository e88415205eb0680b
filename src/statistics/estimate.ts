// Figures of repeated runs with their 95% intervals: amounts, quantiles, and whether two of them differ.
// Pure arithmetic; what the numbers measure is its callers'.

import { tQuantile } from './student-t.js';
import { deviation, mean, median, sortedQuantile } from './summary.js';

/** A figure with its 95% interval; `low` and `high` are null where too few values tell none. */
export interface Estimate {
  readonly value: number;
  readonly low: number | null;
  readonly high: number | null;
  /** Values it rests on. */
  readonly n: number;
}

/** Mean with its interval m -+ t s / sqrt(n), t from Student's distribution; `values` is not empty and may be negative. */
export function meanEstimate(values: readonly number[]): Estimate {
  const value = mean(values);
  const n = values.length;
  const reach = reachOf(values);
  return reach === null
    ? { value, low: null, high: null, n }
    : { value, low: value - reach, high: value + reach, n };
}

/**
 * Mean of amounts, which are never negative (times, tokens, bytes), with an interval on the log scale: the mean m times
 * exp(-+ t s / (m sqrt(n))), the delta method for log m. Neither end is below 0, and both are as many times as far
 * from the mean. `values` is not empty; where all are 0, so is the interval.
 */
export function amountEstimate(values: readonly number[]): Estimate {
  const value = mean(values);
  const n = values.length;
  const reach = reachOf(values);
  if (reach === null) return { value, low: null, high: null, n };
  const factor = value === 0 ? 1 : Math.exp(reach / value);
  return { value, low: value / factor, high: value * factor, n };
}

/** Half the width of Student's 95% interval of the mean; null for fewer than two values. */
function reachOf(values: readonly number[]): number | null {
  const n = values.length;
  return n < 2 ? null : (tQuantile(0.95, n - 1) * deviation(values)) / Math.sqrt(n);
}

/**
 * A quantile with the interval between two order statistics, whose ranks come from the binomial distribution: no
 * assumption but that the values are independent. The interval is null where the sample is too small for one of 95%.
 */
export function quantileEstimate(values: readonly number[], q: number): Estimate {
  const n = values.length;
  const sorted = [...values].sort((a, b) => a - b);
  const value = sortedQuantile(sorted, q);
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

/** Median of amounts with their smallest and largest, and the mean with its interval on the log scale; `values` is not empty. */
export function summary(values: readonly number[]): {
  readonly n: number;
  readonly median: number;
  readonly min: number;
  readonly max: number;
  readonly mean: number;
  readonly low: number | null;
  readonly high: number | null;
} {
  const { value, low, high, n } = amountEstimate(values);
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

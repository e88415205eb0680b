// Medians, and intervals for means and ratios of interleaved runs.
// Pure arithmetic.

/** The q-th quantile, linear between neighbours; `values` is not empty. */
export function quantile(values, q) {
  const sorted = [...values].sort((a, b) => a - b);
  const at = q * (sorted.length - 1);
  const low = Math.floor(at);
  const high = Math.min(low + 1, sorted.length - 1);
  return sorted[low] + (at - low) * (sorted[high] - sorted[low]);
}

export const median = (values) => quantile(values, 0.5);

export const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

/** Standard deviation of a sample; 0 for a single value. */
export function deviation(values) {
  if (values.length < 2) return 0;
  const middle = mean(values);
  return Math.sqrt(values.reduce((sum, value) => sum + (value - middle) ** 2, 0) / (values.length - 1));
}

/** Two-sided 95% quantiles of Student's t by degrees of freedom, 1 on; beyond the table the normal's. */
const STUDENT = [
  12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16, 2.145, 2.131,
  2.12, 2.11, 2.101, 2.093, 2.086, 2.08, 2.074, 2.069, 2.064, 2.06, 2.056, 2.052, 2.048, 2.045, 2.042,
];

/** The factor for a 95% interval of a mean of n values. */
export function student95(n) {
  return n < 2 ? Number.NaN : (STUDENT[n - 2] ?? 1.96);
}

/**
 * Geometric mean of a/b over pairs that ran in the same round, with a 95% interval of Student's t on the logarithms.
 * Drift that falls on both of a pair cancels. With fewer than two pairs the interval is null.
 */
export function pairedRatio(a, b) {
  const n = Math.min(a.length, b.length);
  const logs = Array.from({ length: n }, (_, i) => Math.log(a[i] / b[i]));
  const middle = mean(logs);
  const ratio = Math.exp(middle);
  if (n < 2) return { ratio, low: null, high: null, pairs: n };
  const half = (student95(n) * deviation(logs)) / Math.sqrt(n);
  return { ratio, low: Math.exp(middle - half), high: Math.exp(middle + half), pairs: n };
}

/** Median with its smallest and largest value and the 95% interval of the mean. */
export function summary(values) {
  const half =
    values.length < 2 ? null : (student95(values.length) * deviation(values)) / Math.sqrt(values.length);
  const middle = mean(values);
  return {
    n: values.length,
    median: median(values),
    min: Math.min(...values),
    max: Math.max(...values),
    mean: middle,
    low: half === null ? null : middle - half,
    high: half === null ? null : middle + half,
  };
}

/** `1.23 [1.20, 1.26]`, or the ratio alone where there is no interval. */
export function ratioText({ ratio, low, high }, digits = 2) {
  const fixed = (value) => value.toFixed(digits);
  return low === null ? fixed(ratio) : `${fixed(ratio)} [${fixed(low)}, ${fixed(high)}]`;
}

/** A generator of uniform numbers in [0, 1) from a seed. */
export function seededRandom(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let x = Math.imul(state ^ (state >>> 15), 1 | state);
    x = (x + Math.imul(x ^ (x >>> 7), 61 | x)) ^ x;
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A copy in random order. */
export function shuffled(values, random) {
  const copy = [...values];
  for (let i = copy.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [copy[i], copy[j]] = [copy[j], copy[i]];
  }
  return copy;
}

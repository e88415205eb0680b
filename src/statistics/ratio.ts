// Ratios of repeated runs with their 95% intervals, and their text.
// Pure arithmetic; what the numbers measure is its callers'.

import { type Estimate, meanEstimate } from './estimate.js';

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

/** `1.23 [1.20, 1.26]`, or the ratio alone where there is no interval. */
export function ratioText({ ratio, low, high }: Omit<Ratio, 'pairs'>, digits = 2): string {
  const fixed = (value: number): string => value.toFixed(digits);
  return low === null || high === null ? fixed(ratio) : `${fixed(ratio)} [${fixed(low)}, ${fixed(high)}]`;
}

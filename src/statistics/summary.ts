// Sums, means, quantiles and spread of a list of numbers.
// Knows numbers only; intervals are `estimate.ts`.

/** The sum of all values; 0 of none. */
export function sum(values: ArrayLike<number>): number {
  let total = 0;
  for (let index = 0; index < values.length; index += 1) total += values[index]!;
  return total;
}

/** The mean; `values` is not empty. */
export const mean = (values: ArrayLike<number>): number => sum(values) / values.length;

/** Standard deviation of a sample (n - 1 below the line); 0 for a single value. */
export function deviation(values: readonly number[]): number {
  if (values.length < 2) return 0;
  const middle = mean(values);
  return Math.sqrt(sum(values.map((value) => (value - middle) ** 2)) / (values.length - 1));
}

/** The quantile `share` (0 to 1), linear between its two neighbours; `values` is not empty and need not be sorted. */
export function quantile(values: readonly number[], share: number): number {
  return sortedQuantile(Float64Array.from(values).sort(), share);
}

/** {@link quantile} of values that ascend. */
export function sortedQuantile(sorted: ArrayLike<number>, share: number): number {
  const place = share * (sorted.length - 1);
  const below = Math.floor(place);
  const above = Math.min(sorted.length - 1, below + 1);
  return sorted[below]! + (place - below) * (sorted[above]! - sorted[below]!);
}

/** The middle value; `values` is not empty. */
export const median = (values: readonly number[]): number => quantile(values, 0.5);

/**
 * How much slower the second half of the rounds was than the first: the median over all contenders of the ratio of both
 * halves' medians. Null with fewer than four rounds. Far from 1, the machine drifted while it was measured.
 */
export function drift(times: Readonly<Record<string, readonly number[]>>): number | null {
  const ratios = Object.values(times)
    .filter((list) => list.length >= 4)
    .map((list) => {
      const half = list.length >> 1;
      return median(list.slice(-half)) / median(list.slice(0, half));
    });
  return ratios.length === 0 ? null : median(ratios);
}

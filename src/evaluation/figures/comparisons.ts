// Differences between two ways to judge, on the same rows: interval, p-value, correction for how many were tested.
// Knows one value a row and way; nothing of how they were judged.

import {
  figureOf,
  type Interval,
  type IntervalSettings,
  renumbered,
} from '../../statistics/cluster-interval.js';

/** One way to judge and its value on each row. */
export interface Contender {
  readonly name: string;
  /** From 0 (wrong) to 1 (correct). Shape [rows]. */
  readonly values: Float64Array;
}

/** How much better the first is than the second. */
export interface Comparison {
  readonly first: string;
  readonly second: string;
  /** Mean of first minus second, over all rows. */
  readonly difference: number;
  readonly rows: number;
  readonly users: number;
  readonly byUsers: Interval;
  readonly byRows: Interval;
  /**
   * Two-sided sign-flip permutation test in which the rows of a user flip together: it takes the differences as
   * symmetric around zero where there is none. With G users it cannot fall below about 2^(1 - G).
   */
  readonly pValue: number;
  /** The p-value after Holm's correction for all comparisons of its table. */
  readonly adjusted: number;
}

/**
 * Compares pairs of contenders on the same rows. All of them are one family for Holm's correction.
 * `users`: user of each row. Empty where there are no rows or no pairs.
 */
export async function compare(
  settings: IntervalSettings,
  pairs: readonly (readonly [Contender, Contender])[],
  users: Uint32Array,
): Promise<Comparison[]> {
  const { kernels, resamples, seed } = settings;
  if (users.length === 0) return [];
  const clusters = renumbered(users).users;
  const tested: Omit<Comparison, 'adjusted'>[] = [];
  for (const [first, second] of pairs) {
    const numerators = first.values.map((value, row) => value - second.values[row]!);
    const figure = await figureOf(settings, { numerators, users }, 'difference');
    const { pValue } = await kernels.permutationTest(first.values, second.values, {
      permutations: resamples,
      seed,
      clusters,
    });
    tested.push({
      first: first.name,
      second: second.name,
      difference: figure.value ?? 0,
      rows: figure.rows,
      users: figure.users,
      byUsers: figure.byUsers,
      byRows: figure.byRows,
      pValue,
    });
  }
  const adjusted = holm(tested.map(({ pValue }) => pValue));
  return tested.map((comparison, index) => ({ ...comparison, adjusted: adjusted[index]! }));
}

/** Holm's step-down adjustment of p-values (1979): order kept, each at least its own, at most 1. */
export function holm(pValues: readonly number[]): number[] {
  const order = pValues.map((_, index) => index).sort((a, b) => pValues[a]! - pValues[b]!);
  const adjusted = new Array<number>(pValues.length);
  let least = 0;
  order.forEach((index, rank) => {
    least = Math.max(least, Math.min(1, (pValues.length - rank) * pValues[index]!));
    adjusted[index] = least;
  });
  return adjusted;
}

/** Every pair of a list, the later one first: larger levels are listed after smaller ones. */
export function allPairs<T>(list: readonly T[]): (readonly [T, T])[] {
  return list.flatMap((later, index) => list.slice(0, index).map((earlier) => [later, earlier] as const));
}

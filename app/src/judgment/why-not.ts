// Why one response and not another: what each criterion adds to the difference, and the smallest change of one weight
// that would make the other win. Arithmetic on whole rubrics; knows no chains and no page.
import type { WholeRubric } from './criteria.js';

/** What a criterion adds to the difference between two responses. */
export interface Contribution {
  readonly name: string;
  /** Mean over the rubrics of weight times difference, in points of the final score: above 0 it speaks for the first. */
  readonly points: number;
  /** Mean weight in percent. */
  readonly weight: number;
}

/** A change of one weight, the others shrinking or growing in proportion, after which both responses are equal. */
export interface Flip {
  readonly name: string;
  /** Mean weight in percent, now and where both are equal. */
  readonly from: number;
  readonly to: number;
}

export interface WhyNot {
  /** Mean difference between the responses by the rubrics, in points; above 0 the first is ahead. */
  readonly difference: number;
  /** Largest first. */
  readonly contributions: readonly Contribution[];
  /** Null where no change of a single weight makes both equal. */
  readonly flip: Flip | null;
  /** Rubrics that it stands on. */
  readonly rubrics: number;
}

/** Compares two responses by rubrics; null without one. */
export function whyNot(
  rubrics: readonly WholeRubric[],
  [first, second]: readonly [number, number],
): WhyNot | null {
  const count = rubrics.length;
  if (count === 0) return null;
  const sums = new Map<string, { name: string; points: number; weight: number }>();
  for (const { criteria } of rubrics) {
    for (const { key, name, weight, scores } of criteria) {
      const sum = sums.get(key) ?? { name, points: 0, weight: 0 };
      sum.points += (weight * (scores[first]! - scores[second]!)) / 100 / count;
      sum.weight += weight / count;
      sums.set(key, sum);
    }
  }
  const contributions = [...sums.values()].sort((a, b) => Math.abs(b.points) - Math.abs(a.points));
  const difference = contributions.reduce((sum, { points }) => sum + points, 0);
  const flips = [...sums.keys()].flatMap((key) => flipBy(rubrics, key, first, second, difference) ?? []);
  flips.sort((a, b) => Math.abs(a.to - a.from) - Math.abs(b.to - b.from));
  return { difference, contributions, flip: flips[0] ?? null, rubrics: count };
}

/**
 * The same number of percentage points is added to the criterion's weight in every rubric that has it, and its other weights
 * are scaled so that they sum to the rest: the difference is linear in these points, so that its root is exact. A root
 * at which a weight would leave 0 to 100 is none.
 */
function flipBy(
  rubrics: readonly WholeRubric[],
  key: string,
  first: number,
  second: number,
  difference: number,
): Flip | null {
  let slope = 0;
  const weights: number[] = [];
  for (const { criteria } of rubrics) {
    const own = criteria.find((criterion) => criterion.key === key);
    if (own === undefined) continue;
    // Of a rubric of one criterion the rest is nothing: its weight cannot change.
    if (own.weight >= 100) return null;
    const gap = ({ scores }: { readonly scores: readonly number[] }): number =>
      scores[first]! - scores[second]!;
    const rest = criteria.reduce((sum, one) => (one === own ? sum : sum + (one.weight * gap(one)) / 100), 0);
    slope += (gap(own) / 100 - rest / (100 - own.weight)) / rubrics.length;
    weights.push(own.weight);
  }
  if (Math.abs(slope) < 1e-12) return null;
  const change = -difference / slope;
  if (change > 100 - Math.max(...weights) || change < -Math.min(...weights)) return null;
  const { name } = rubrics.flatMap(({ criteria }) => criteria).find((one) => one.key === key)!;
  const from = weights.reduce((sum, weight) => sum + weight, 0) / weights.length;
  return { name, from, to: from + change };
}

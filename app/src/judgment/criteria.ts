// The criteria of several chains side by side: what each weighs, and how each response does by it.
// A criterion is known by its name; chains write their own rubrics.
import type { ShownChain } from '../engines/engine.js';

/** A criterion over the chains that have it. */
export interface CriterionRow {
  readonly name: string;
  /** Mean weight in percent over all chains that count; a chain without the criterion weighs it 0. */
  readonly weight: number;
  /** Chains that have it. */
  readonly chains: number;
  /** Scores by response, one a chain that has it. Shape [responses][chains]. */
  readonly scores: readonly (readonly number[])[];
  /** Means of these. Shape [responses]. */
  readonly means: readonly number[];
}

/** A chain whose rubric is whole: weights, and a score for each criterion and response, by response. */
export interface WholeRubric {
  readonly criteria: readonly {
    readonly key: string;
    readonly name: string;
    readonly weight: number;
    /** Shape [responses]. */
    readonly scores: readonly number[];
  }[];
}

const keyOf = (name: string): string => name.trim().toLowerCase().replace(/\s+/g, ' ');

/** The chains that say of each criterion what it weighs and how each response does; weights are scaled to sum to 100. */
export function wholeRubrics(chains: readonly ShownChain[]): WholeRubric[] {
  return chains.flatMap(({ reading, order, scores }) => {
    const { rubric, responses } = reading;
    const sum = rubric.reduce((total, { weight }) => total + (weight ?? Number.NaN), 0);
    if (scores === null || rubric.length === 0 || !(sum > 0)) return [];
    if (responses.some(({ criterionScores }) => criterionScores?.length !== rubric.length)) return [];
    const criteria = new Map<string, { key: string; name: string; weight: number; scores: number[] }>();
    for (const [index, { name, weight }] of rubric.entries()) {
      const byResponse: number[] = [];
      for (const [position, response] of order.entries()) {
        byResponse[response] = responses[position]!.criterionScores![index]!;
      }
      const share = (100 * weight!) / sum;
      const key = keyOf(name);
      const same = criteria.get(key);
      if (same === undefined) criteria.set(key, { key, name, weight: share, scores: byResponse });
      else {
        // Named twice in one rubric: one criterion with both weights.
        const whole = same.weight + share;
        same.scores = same.scores.map((score, at) => (score * same.weight + byResponse[at]! * share) / whole);
        same.weight = whole;
      }
    }
    return [{ criteria: [...criteria.values()] }];
  });
}

/** The criteria of these rubrics, the weightiest first. */
export function criterionRows(rubrics: readonly WholeRubric[], responses: number): CriterionRow[] {
  const rows = new Map<string, { name: string; weight: number; scores: number[][] }>();
  for (const { criteria } of rubrics) {
    for (const { key, name, weight, scores } of criteria) {
      let row = rows.get(key);
      if (row === undefined) {
        row = { name, weight: 0, scores: Array.from({ length: responses }, () => []) };
        rows.set(key, row);
      }
      row.weight += weight / rubrics.length;
      for (const [response, score] of scores.entries()) row.scores[response]!.push(score);
    }
  }
  const mean = (values: readonly number[]): number =>
    values.reduce((sum, value) => sum + value, 0) / values.length;
  return [...rows.values()]
    .map((row) => ({ ...row, chains: row.scores[0]!.length, means: row.scores.map(mean) }))
    .sort((a, b) => b.weight - a.weight || (a.name < b.name ? -1 : 1));
}

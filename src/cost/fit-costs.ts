// The coefficients of the cost model: what the engine's work costs by its own counters, and the time beside it.
// Least squares over blocks; how a judgment's work comes about is `simulate.ts`.

import { chainsOf, type Variant, variantName } from './bench-plan.js';
import type { BlockRecord } from './bench-record.js';
import type { StepCost } from './engine-work.js';
import { nonNegativeFit } from './least-squares.js';
import { mean, sum } from './statistics.js';

/** Time beside the engine's, in milliseconds: prompts written, chains read, similar users found. */
export interface Overhead {
  readonly judgment: number;
  readonly chain: number;
  /** Of a judgment with similar users: embedding part 1 of a chain and the search by it. */
  readonly search: number;
}

/** Coefficients of the engine's work from all blocks, each block weighing as much as any other. */
export function fitSteps(counted: readonly BlockRecord[]): {
  readonly step: StepCost;
  /** Mean distance of the fitted time of a block from the measured one, as a share. */
  readonly fitError: number;
} {
  const used = counted.flatMap(({ counters }) =>
    counters !== null && counters.decodeMs > 0 ? [counters] : [],
  );
  const rows = used.map((one) =>
    [
      one.calls,
      one.promptRows,
      one.sampleRows,
      one.promptAttended,
      one.sampleAttended,
      one.rowCells,
      one.cellsRead,
    ].map((value) => value / one.decodeMs),
  );
  const fitted = nonNegativeFit(
    rows,
    used.map(() => 1),
  );
  const [call = 0, promptRow = 0, sampleRow = 0, promptAttended = 0, sampleAttended = 0] = fitted;
  const [rowCell = 0, cellRead = 0] = fitted.slice(5);
  const errors = rows.map((row) => Math.abs(sum(row.map((value, index) => value * fitted[index]!)) - 1));
  const tokens = sum(used.map(({ generatedTokens }) => generatedTokens));
  const draw = tokens === 0 ? 0 : sum(used.map(({ drawMs }) => drawMs)) / tokens;
  return {
    step: { call, promptRow, sampleRow, promptAttended, sampleAttended, rowCell, cellRead, draw },
    fitError: errors.length === 0 ? 0 : mean(errors),
  };
}

/** What blocks of one mode took beside the engine. */
export function fitOverhead(blocks: readonly BlockRecord[], levels: readonly Variant[]): Overhead {
  const rows: number[][] = [];
  const left: number[] = [];
  for (const variant of levels) {
    const its = blocks.filter((block) => block.variant === variantName(variant));
    const judged = sum(its.map((block) => block.judged));
    if (judged === 0) continue;
    const all = sum(its.map(({ ms }) => ms));
    const engine = sum(its.map(({ counters }) => (counters?.decodeMs ?? 0) + (counters?.drawMs ?? 0)));
    // Weighed by the whole: a level counts by the share of its time that is not the engine's.
    const each = all / judged;
    rows.push([1, chainsOf(variant), variant.level.prototype > 0 ? 1 : 0].map((value) => value / each));
    left.push(Math.max(0, all - engine) / all);
  }
  const [judgment = 0, chain = 0, search = 0] = rows.length === 0 ? [] : nonNegativeFit(rows, left);
  return { judgment, chain, search };
}

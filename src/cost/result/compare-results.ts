// Two results of the same bench, figure by figure: what changed, and whether it is more than noise.
// Knows results; nothing of how they came about.

import { PgenrmError } from '../../errors.js';
import type { ReportTable } from '../../report/table.js';
import { differs, type Estimate } from '../../statistics/estimate.js';
import { type Ratio, ratioOf, ratioText } from '../../statistics/ratio.js';
import { identityDifferences } from '../measure/bench-record.js';
import type { ModeFigures, ScalingResult, VariantResult } from './result.js';
import { estimateText } from './result-tables.js';

/** One figure in both results. */
export interface ComparedFigure {
  /** Such as `ind-8, full`. */
  readonly of: string;
  readonly figure: string;
  readonly first: Estimate;
  readonly second: Estimate;
  /** second/first; null where one is not above 0. */
  readonly ratio: Ratio | null;
  /** Whether they lie further apart than their intervals explain; null where one has none. */
  readonly changed: boolean | null;
  /** Whether the second value lies in the first one's interval; null where it has none. */
  readonly inside: boolean | null;
}

/** What two results have to say to each other. */
export interface Comparison {
  /** Conditions that differ: figures that changed may do so because of them. */
  readonly conditions: readonly string[];
  readonly figures: readonly ComparedFigure[];
  /** Levels that only one of them has. */
  readonly onlyFirst: readonly string[];
  readonly onlySecond: readonly string[];
}

const MODE_FIGURES = {
  medianMs: 'median ms',
  p95Ms: 'p95 ms',
  p99Ms: 'p99 ms',
  msPerJudgment: 'ms a judgment',
  firstChainMs: 'first chain ms',
  judgmentsPerSecond: 'judgments/s',
  generatedTokensPerSecond: 'new tokens/s',
  decodedPromptTokens: 'prompt decoded',
  savedPromptTokens: 'prompt saved',
  generatedTokens: 'generated',
  processorMs: 'CPU ms',
  joules: 'energy, J',
  flops: 'FLOPs',
} as const satisfies Partial<Record<keyof ModeFigures, string>>;

const VARIANT_FIGURES = {
  usedChains: 'chains used',
  lostChains: 'chains lost',
  savedChains: 'chains saved',
  kvBytes: 'KV bytes',
} as const satisfies Partial<Record<keyof VariantResult, string>>;

/**
 * Compares two results. Other conditions, such as another model or machine, are told and not refused: how much they change
 * may be the question. Errors: `RUN_MISMATCH` where no level is in both.
 */
export function compareResults(first: ScalingResult, second: ScalingResult): Comparison {
  const names = ({ variants }: ScalingResult): string[] => variants.map(({ name }) => name);
  if (!names(first).some((name) => names(second).includes(name))) {
    const list = (one: ScalingResult): string => names(one).join('; ') || 'none';
    throw new PgenrmError(
      'RUN_MISMATCH',
      `no level was measured in both results: the first has ${list(first)}, the second ${list(second)}`,
    );
  }
  const figures = first.variants.flatMap((one): ComparedFigure[] => {
    const other = second.variants.find(({ name }) => name === one.name);
    return other === undefined ? [] : variantFigures(one, other);
  });
  return {
    conditions: [
      ...identityDifferences(first.header.identity, second.header.identity),
      ...different('pgenrm', first.header.pgenrm, second.header.pgenrm),
      ...different('driver', first.header.driver, second.header.driver),
      ...different('libllama', first.header.libraryHash, second.header.libraryHash),
      ...different('Node', first.header.machine.node, second.header.machine.node),
    ],
    figures,
    onlyFirst: names(first).filter((name) => !names(second).includes(name)),
    onlySecond: names(second).filter((name) => !names(first).includes(name)),
  };
}

function different(name: string, first: string | null, second: string | null): string[] {
  return first === second ? [] : [`${name} was ${first ?? 'none'}, is ${second ?? 'none'}`];
}

function variantFigures(first: VariantResult, second: VariantResult): ComparedFigure[] {
  const pairs: [of: string, figure: string, a: Estimate | null, b: Estimate | null][] = [];
  for (const mode of ['alone', 'full'] as const) {
    for (const [key, figure] of Object.entries(MODE_FIGURES) as [keyof typeof MODE_FIGURES, string][]) {
      const of = `${first.name}, ${mode}`;
      pairs.push([of, figure, first[mode]?.[key] ?? null, second[mode]?.[key] ?? null]);
    }
  }
  for (const [key, figure] of Object.entries(VARIANT_FIGURES) as [keyof typeof VARIANT_FIGURES, string][]) {
    pairs.push([first.name, figure, first[key], second[key]]);
  }
  return pairs.flatMap(([of, figure, a, b]): ComparedFigure[] => {
    if (a === null || b === null) return [];
    const { low, high } = a;
    const inside = low === null || high === null ? null : b.value >= low && b.value <= high;
    return [{ of, figure, first: a, second: b, ratio: ratioOf(a, b), changed: differs(a, b), inside }];
  });
}

/** Counts of the figures whose change can be told. */
export function agreement({ figures }: Comparison): {
  readonly told: number;
  readonly agree: number;
  readonly inside: number;
} {
  const told = figures.filter(({ changed }) => changed !== null);
  return {
    told: told.length,
    agree: told.filter(({ changed }) => changed === false).length,
    inside: told.filter(({ inside }) => inside === true).length,
  };
}

/** The figures that changed, or all of them. */
export function comparisonTable(comparison: Comparison, all: boolean): ReportTable {
  const digits = ({ value }: Estimate): number => (Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 1 ? 2 : 4);
  return {
    title: all ? 'All figures' : 'Figures that changed by more than noise',
    note: 'Ratio: second over first, with the interval that both margins give.',
    head: ['level', 'figure', 'first', 'second', 'ratio', 'more than noise'],
    rows: comparison.figures
      .filter(({ changed }) => all || changed === true)
      .map(({ of, figure, first, second, ratio, changed }) => [
        of,
        figure,
        estimateText(first, digits(first)),
        estimateText(second, digits(second)),
        ratio === null ? '-' : ratioText(ratio),
        changed === null ? 'cannot be told' : changed ? 'yes' : 'no',
      ]),
  };
}

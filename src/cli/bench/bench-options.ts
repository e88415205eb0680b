// The options of `pgenrm bench scaling` as the parts of a bench take them.
// Knows names, ranges and defaults; nothing of what the options do.

import type { Variant } from '../../cost/measure/bench-plan.js';
import type { Prices } from '../../cost/result/result.js';
import { PgenrmError } from '../../errors.js';
import { stoppingLevels } from '../../evaluation/figures/adaptive-replay.js';
import { levelName, type ScalingLevel } from '../../scaling/level.js';
import { checkBankOptions } from '../options/bank-options.js';
import { type FlagName, type FlagValues, OWN_MODEL } from '../options/table/table.js';

/** The flags of the command. */
export const BENCH_SCALING_FLAGS = [
  ...(['data', 'users', 'test:split', 'format', 'group', 'bench:limit'] as const),
  ...(['bank', 'embedder', 'bankOverlap', 'bench:levels', 'bench:adaptive', 'adaptiveLevels'] as const),
  ...(['rounds', 'minutes', 'rows', 'fullChains', 'quick', 'checkMeasuring', 'accuracy'] as const),
  ...(['pricePerHour', 'priceInput', 'priceCachedInput', 'priceOutput'] as const),
  ...(['seed', 'temperature', 'maxTokens', 'historyEvents', 'grammar', 'modelNote'] as const),
  ...OWN_MODEL,
  ...(['bench:out', 'resume', 'force', 'json', 'quiet'] as const),
] as const satisfies readonly FlagName[];

/** The options as commander reads them. */
export type BenchOptions = FlagValues<typeof BENCH_SCALING_FLAGS>;

/** Sizes by rule; the quick ones end in a minute or two with the bundled model. */
export function benchSizes(options: BenchOptions, maxSequences: number) {
  const quick = options.quick === true;
  return {
    rounds: options.rounds ?? (quick ? 3 : 5),
    aloneRows: options.rows ?? (quick ? 2 : 4),
    fullChains: options.fullChains ?? (quick ? 1 : 2) * maxSequences,
  };
}

/** Levels where none are named. */
export function benchLevels(options: BenchOptions, similar: boolean): ScalingLevel[] {
  const level = (individual: number, prototype = 0): ScalingLevel => ({ individual, prototype });
  if (options.quick === true) return [level(1), level(4), level(8), ...(similar ? [level(4, 2)] : [])];
  return [level(1), level(8), level(16), level(32), ...(similar ? [level(8, 4), level(16, 8)] : [])];
}

/** Every level, with adaptive stopping beside it where it may stop early. Errors: `INVALID_OPTION` where one that is named may not. */
export function benchVariants(
  levels: readonly ScalingLevel[],
  adaptiveLevels: readonly ScalingLevel[] | null,
  risk: number | 'off',
): Variant[] {
  const plain = levels.map((level): Variant => ({ level, adaptive: null }));
  if (risk === 'off') return plain;
  const stopping = stoppingLevels(adaptiveLevels ?? levels);
  const never = adaptiveLevels?.find((level) => !stopping.includes(level));
  if (never !== undefined)
    throw refused(`${levelName(never)} has too few chains to stop early; leave it out of --adaptive-levels`);
  const adaptive = stopping.map((level): Variant => ({ level, adaptive: risk }));
  const named = (variant: Variant): string => levelName(variant.level);
  const beside = plain.flatMap((one) => [one, ...adaptive.filter((other) => named(other) === named(one))]);
  return [...beside, ...adaptive.filter((one) => !beside.includes(one))];
}

/** Refuses options that do not go together. Errors: `INVALID_OPTION`. */
export function checkBenchOptions(options: BenchOptions, levels: readonly ScalingLevel[]): void {
  checkBankOptions(
    options,
    levels.some(({ prototype }) => prototype > 0),
  );
  if ((options.priceInput === undefined) !== (options.priceOutput === undefined))
    throw refused('--price-input and --price-output go together; give both or none');
  if (options.priceCachedInput !== undefined && options.priceInput === undefined)
    throw refused('--price-cached-input goes with --price-input and --price-output');
  if (options.adaptive === 'off' && options.adaptiveLevels !== undefined)
    throw refused('--adaptive-levels has no part where --adaptive is off');
}

/** The prices that were given. */
export function pricesOf(options: BenchOptions): Prices {
  return {
    perHour: options.pricePerHour ?? null,
    input: options.priceInput ?? null,
    cachedInput: options.priceCachedInput ?? null,
    output: options.priceOutput ?? null,
  };
}

function refused(message: string): PgenrmError {
  return new PgenrmError('INVALID_OPTION', message);
}

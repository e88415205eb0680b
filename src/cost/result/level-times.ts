// What a judgment takes as a function of its level: least squares over measured levels, and its error on levels left out.
// Knows chains and milliseconds; nothing of engines, and nothing that was not measured.

import type { ScalingLevel } from '../../scaling/level.js';
import { nonNegativeFit } from '../../statistics/least-squares.js';
import { mean, sum } from '../../statistics/summary.js';
import type { Mode } from '../measure/bench-plan.js';
import type { ScalingResult } from './result.js';

/** One measured level. */
export interface MeasuredLevel {
  readonly name: string;
  readonly level: ScalingLevel;
  /** Milliseconds a judgment, above 0. */
  readonly ms: number;
}

/** The measured times of results in one mode, without levels with adaptive stopping: what that saves depends on what chains say. */
export function measuredLevels(results: readonly ScalingResult[], mode: Mode): MeasuredLevel[] {
  return results.flatMap(({ variants }) =>
    variants.flatMap(({ name, individual, prototype, adaptive, ...modes }): MeasuredLevel[] => {
      const ms = modes[mode]?.msPerJudgment.value ?? 0;
      return adaptive !== null || ms <= 0 ? [] : [{ name, level: { individual, prototype }, ms }];
    }),
  );
}

/** A fitted time: its parts in milliseconds, none below 0. */
export interface LevelTimes {
  /** Of a judgment, whatever its level. */
  readonly judgment: number;
  /** For the square root of the number of the user's own chains: chains that decode together share each pass. */
  readonly together: number;
  /** Of each of the user's own chains, and of each chain as a similar user. */
  readonly own: number;
  readonly similar: number;
}

/** A level as the fit to the other levels predicts it. */
export interface LeftOutLevel {
  readonly name: string;
  readonly measuredMs: number;
  readonly predictedMs: number;
  /** predicted / measured - 1. */
  readonly error: number;
}

/** Fewest different levels that a fit is made of. */
export const FEWEST_LEVELS = 2;
/** Fewest numbers of own chains from which their square root is told from their number. */
const FEWEST_FOR_ROOT = 3;

/**
 * Fits time = judgment + together sqrt(m) + own m + similar n to levels of m own chains and n as similar users, no
 * part below 0, each level weighing by its relative error. Null for fewer than {@link FEWEST_LEVELS} different levels.
 */
export function fitLevelTimes(measured: readonly MeasuredLevel[]): LevelTimes | null {
  if (new Set(measured.map(({ name }) => name)).size < FEWEST_LEVELS) return null;
  const curved = new Set(measured.map(({ level }) => level.individual)).size >= FEWEST_FOR_ROOT;
  // Relative errors: both sides over the measured time.
  const rows = measured.map(({ level, ms }) => featuresOf(level, curved).map((feature) => feature / ms));
  const [judgment = 0, together = 0, own = 0, similar = 0] = nonNegativeFit(
    rows,
    rows.map(() => 1),
  );
  return { judgment, together, own, similar };
}

function featuresOf({ individual, prototype }: ScalingLevel, curved: boolean): number[] {
  return [1, curved ? Math.sqrt(individual) : 0, individual, prototype];
}

/** Milliseconds of a judgment at a level. */
export function predictedMs({ judgment, together, own, similar }: LevelTimes, level: ScalingLevel): number {
  const parts = [judgment, together, own, similar];
  return sum(featuresOf(level, true).map((feature, index) => feature * parts[index]!));
}

/**
 * Each level as the fit to all others predicts it, in the order of the levels. A level with similar users is left in where no
 * other one has any: nothing would be left to learn their cost from. Empty where too few levels remain.
 */
export function leftOutLevels(measured: readonly MeasuredLevel[]): LeftOutLevel[] {
  return [...new Set(measured.map(({ name }) => name))].flatMap((name): LeftOutLevel[] => {
    const [its, others] = [true, false].map((own) => measured.filter((one) => (one.name === name) === own));
    const { level } = its![0]!;
    if (level.prototype > 0 && others!.every((other) => other.level.prototype === 0)) return [];
    const fit = fitLevelTimes(others!);
    if (fit === null) return [];
    const measuredMs = mean(its!.map(({ ms }) => ms));
    const predicted = predictedMs(fit, level);
    return [{ name, measuredMs, predictedMs: predicted, error: predicted / measuredMs - 1 }];
  });
}

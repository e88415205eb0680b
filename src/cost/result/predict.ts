// What a level would cost, by a regression over measured results: times, how far they may be off, and what nothing is known of.
// Knows results; the regression is `level-times.ts`.

import { PgenrmError } from '../../errors.js';
import { levelName, type ScalingLevel } from '../../scaling/level.js';
import { mean } from '../../statistics/summary.js';
import type { Mode } from '../measure/bench-plan.js';
import { type BenchIdentity, identityDifferences } from '../measure/bench-record.js';
import {
  FEWEST_LEVELS,
  fitLevelTimes,
  type LeftOutLevel,
  leftOutLevels,
  type MeasuredLevel,
  measuredLevels,
  predictedMs,
} from './level-times.js';
import type { ScalingResult } from './result.js';

/** What is asked. */
export interface PredictionWish {
  readonly level: ScalingLevel;
  /** Workers that decode at once; absent: those that all results have. */
  readonly workers?: number;
}

/** The time of a judgment in one mode. */
export interface PredictedTime {
  /** Milliseconds a judgment. */
  readonly ms: number;
  /** What was measured of this very level, mean of the results; null where none was. */
  readonly measuredMs: number | null;
  /** Each measured level as the others predict it. */
  readonly leftOut: readonly LeftOutLevel[];
  /** Mean and largest distance of left-out levels from their prediction, as shares; null where none could be left out. */
  readonly meanError: number | null;
  readonly largestError: number | null;
}

/** What a judgment at a level costs, as far as measurements tell. */
export interface Prediction {
  readonly level: string;
  readonly workers: number;
  /** Results and different levels that it rests on. */
  readonly results: number;
  readonly levels: readonly string[];
  /** Null where the results hold no such times. */
  readonly alone: PredictedTime | null;
  readonly full: PredictedTime | null;
  readonly judgmentsPerSecond: number | null;
  /** Where the level lies outside of what was measured. */
  readonly cautions: readonly string[];
}

const workersOf = ({ header }: ScalingResult): number => header.identity.generator.workers ?? 1;

/**
 * Predicts a level from one result or several of the same machine, model and data.
 * Errors: `RUN_MISMATCH` where results were measured under other conditions; `INVALID_OPTION` where there is nothing to go
 * on: no result with so many workers, too few levels, or no level with similar users.
 */
export function predictLevel(
  results: readonly ScalingResult[],
  { level, workers }: PredictionWish,
): Prediction {
  checkAlike(results);
  const used = withWorkers(results, workers);
  const [alone, full] = [measuredLevels(used, 'alone'), measuredLevels(used, 'full')];
  const measured = [...alone, ...full];
  const levels = [...new Map(measured.map((one) => [one.name, one.level]))];
  if (levels.length < FEWEST_LEVELS)
    throw nothing(
      `${levels.length === 0 ? 'no level was' : `only ${levels[0]![0]} was`} measured, a prediction needs ${FEWEST_LEVELS} levels or more`,
    );
  if (level.prototype > 0 && levels.every(([, { prototype }]) => prototype === 0))
    throw nothing('no measured level has similar users, so what they cost is not known');
  const [aloneTime, fullTime] = [timeOf(alone, level), timeOf(full, level)];
  return {
    level: levelName(level),
    workers: workersOf(used[0]!),
    results: used.length,
    levels: levels.map(([name]) => name),
    alone: aloneTime,
    full: fullTime,
    judgmentsPerSecond: fullTime === null ? null : 1000 / fullTime.ms,
    cautions: cautionsOf(
      levels.map(([, one]) => one),
      level,
    ),
  };
}

const nothing = (why: string): PgenrmError =>
  new PgenrmError(
    'INVALID_OPTION',
    `there is nothing to go on: ${why}; measure more with pgenrm bench scaling --levels`,
  );

/** Names of conditions that may differ: which levels, how many rounds and workers. */
const MAY_DIFFER =
  /^(levels|rows|fullChains|checkMeasuring|seed|retrieveBy|data rows|bank .*|generator workers|generator maxSequences) was /;

function checkAlike(results: readonly ScalingResult[]): void {
  const [first, ...others] = results.map(({ header }): BenchIdentity => header.identity);
  for (const other of others) {
    const differences = identityDifferences(first!, other).filter((text) => !MAY_DIFFER.test(text));
    if (differences.length === 0) continue;
    throw new PgenrmError(
      'RUN_MISMATCH',
      `the results were measured under other conditions: ${differences.join('; ')}; give results of one machine, model and data`,
    );
  }
}

function withWorkers(results: readonly ScalingResult[], workers: number | undefined): ScalingResult[] {
  const numbers = [...new Set(results.map(workersOf))].sort((a, b) => a - b);
  const list = numbers.join(', ');
  if (workers === undefined && numbers.length > 1)
    throw new PgenrmError(
      'INVALID_OPTION',
      `the results were measured with different numbers of workers (${list}); say which with --workers`,
    );
  const wished = workers ?? numbers[0];
  const used = results.filter((result) => workersOf(result) === wished);
  if (used.length > 0) return used;
  throw new PgenrmError(
    'INVALID_OPTION',
    `there is nothing to go on: no result has ${wished} workers, those given have ${list}; measure with pgenrm bench scaling --engine workers=${wished}`,
  );
}

function timeOf(measured: readonly MeasuredLevel[], level: ScalingLevel): PredictedTime | null {
  const fit = fitLevelTimes(measured);
  if (fit === null) return null;
  const same = measured.filter(({ name }) => name === levelName(level)).map(({ ms }) => ms);
  const leftOut = leftOutLevels(measured);
  const errors = leftOut.map(({ error }) => Math.abs(error));
  return {
    ms: predictedMs(fit, level),
    measuredMs: same.length === 0 ? null : mean(same),
    leftOut,
    meanError: errors.length === 0 ? null : mean(errors),
    largestError: errors.length === 0 ? null : Math.max(...errors),
  };
}

function cautionsOf(measured: readonly ScalingLevel[], level: ScalingLevel): string[] {
  const own = measured.map(({ individual }) => individual);
  const similar = measured.map(({ prototype }) => prototype).filter((prototype) => prototype > 0);
  const outside = (what: string, asked: number, [least, most]: readonly [number, number]): string[] =>
    asked >= least && asked <= most
      ? []
      : [
          `${asked} ${what} lie outside of what was measured (${least === most ? least : `${least} to ${most}`})`,
        ];
  return [
    ...outside('own chains', level.individual, [Math.min(...own), Math.max(...own)]),
    ...(level.prototype === 0
      ? []
      : outside('similar users', level.prototype, [Math.min(...similar), Math.max(...similar)])),
    ...(level.prototype > 0 && similar.length === 1
      ? ['only one measured level has similar users, so how well their cost is predicted is not known']
      : []),
  ];
}

/** The prediction for people. */
export function predictionText({
  level,
  workers,
  results,
  levels,
  alone,
  full,
  judgmentsPerSecond,
  cautions,
}: Prediction): string {
  const from = `${results === 1 ? 'one result' : `${results} results`}, ${workers === 1 ? 'one worker' : `${workers} workers`}`;
  return [
    `${level}, by a regression over ${levels.length} measured levels (${levels.join(', ')}; ${from})`,
    ...timeLines('alone', alone, ''),
    ...timeLines(
      'full',
      full,
      judgmentsPerSecond === null ? '' : `, ${judgmentsPerSecond.toFixed(3)} judgments/s`,
    ),
    ...cautions.map((caution) => `! ${caution}`),
  ].join('\n');
}

function timeLines(mode: Mode, time: PredictedTime | null, rate: string): string[] {
  if (time === null) return [`${mode}: fewer than ${FEWEST_LEVELS} levels were measured`];
  const { ms, measuredMs, meanError, largestError, leftOut } = time;
  const percent = (share: number): string => `${(100 * share).toFixed(1)}%`;
  return [
    `${mode}: ${ms.toFixed(0)} ms a judgment${rate}${measuredMs === null ? '' : `; measured: ${measuredMs.toFixed(0)} ms`}`,
    meanError === null || largestError === null
      ? '  how far it may be off is not known: too few levels were measured to leave one out'
      : `  error on left-out levels: ${percent(meanError)} on average, ${percent(largestError)} at most (${leftOut.length} levels)`,
  ];
}

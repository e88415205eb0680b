// What the stated probability that the winner wins is worth about the user: one slope, learned on other users' rows.
// Knows stated probabilities and outcomes; nothing of chains.

import type { IntervalSettings } from '../../statistics/cluster-interval.js';
import { logistic, logit } from '../../statistics/share.js';
import { type Calibration, CalibrationTally, type StatedJudgment } from './calibration.js';

/** The judgments of one row with its user's number. */
export interface RowJudgments {
  readonly user: number;
  readonly judgments: readonly StatedJudgment[];
}

/** The calibration of probabilities that were mapped by what other users' rows tell. */
export interface Recalibration {
  /**
   * b in logit(recalibrated) = b logit(stated), of all rows together: below 1 the stated ones are too sure, at 0 they
   * tell nothing. From 0 to 10.
   */
  readonly slope: number;
  /** Parts into which users are divided; each part's probabilities are mapped by a slope of the other parts. */
  readonly folds: number;
  readonly calibration: Calibration;
}

/** Most parts of users, and fewest users from which a slope is told. */
export const MOST_FOLDS = 10;
export const FEWEST_RECALIBRATED_USERS = 10;

const MOST_SLOPE = 10;
/** Probabilities nearer to 0 or 1 count as this near: certainty would outweigh all else. */
const CERTAIN = 1e-4;

/**
 * Recalibrates by temperature, cross-fitted over users: no row is mapped by a slope that its own user's rows had a part in.
 * The slope has the least log loss, each row weighing as its judgments do. Null where it cannot be told: fewer than ten
 * users, or a part without both right and wrong winners to learn from. The intervals of the result take the slopes as given.
 */
export async function recalibrate(
  settings: IntervalSettings,
  rows: readonly RowJudgments[],
): Promise<Recalibration | null> {
  const numbers = new Map<number, number>();
  const told = rows.filter(({ judgments }) => judgments.length > 0);
  for (const { user } of told) if (!numbers.has(user)) numbers.set(user, numbers.size);
  if (numbers.size < FEWEST_RECALIBRATED_USERS) return null;
  const folds = MOST_FOLDS;
  const foldOf = ({ user }: RowJudgments): number => numbers.get(user)! % folds;
  const slopes: number[] = [];
  for (let fold = 0; fold < folds; fold += 1) {
    const others = told.filter((row) => foldOf(row) !== fold).flatMap(({ judgments }) => judgments);
    if (!others.some(({ correct }) => correct) || others.every(({ correct }) => correct)) return null;
    slopes.push(slopeOf(others));
  }
  const tally = new CalibrationTally();
  for (const row of told) {
    const slope = slopes[foldOf(row)]!;
    tally.add(
      row.judgments.map((one) => ({ ...one, probability: mapped(one.probability, slope) })),
      row.user,
    );
  }
  const slope = slopeOf(told.flatMap(({ judgments }) => judgments));
  return { slope, folds, calibration: await tally.report(settings) };
}

/** The probability whose logit is `slope` times that of the one stated. */
export function mapped(probability: number, slope: number): number {
  return logistic(slope * clampedLogit(probability));
}

/** The slope of least log loss, from 0 to 10. The loss is convex in it, so its derivative is halved down to its zero. */
export function slopeOf(judgments: readonly StatedJudgment[]): number {
  const points = judgments.map(({ probability, correct, weight }) => ({
    x: clampedLogit(probability),
    y: correct ? 1 : 0,
    weight,
  }));
  const derivative = (slope: number): number =>
    points.reduce((sum, { x, y, weight }) => sum + weight * (logistic(slope * x) - y) * x, 0);
  if (derivative(0) >= 0) return 0;
  if (derivative(MOST_SLOPE) <= 0) return MOST_SLOPE;
  let [low, high] = [0, MOST_SLOPE];
  while (high - low > 1e-6) {
    const middle = (low + high) / 2;
    if (derivative(middle) < 0) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

function clampedLogit(probability: number): number {
  return logit(Math.min(1 - CERTAIN, Math.max(CERTAIN, probability)));
}

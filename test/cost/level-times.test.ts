import { describe, expect, it } from 'vitest';
import {
  fitLevelTimes,
  leftOutLevels,
  type MeasuredLevel,
  predictedMs,
} from '../../src/cost/result/level-times.js';
import { levelName } from '../../src/scaling/level.js';

/** Levels that take what this says of own chains and those as similar users. */
const measured = (
  levels: readonly (readonly [individual: number, prototype: number])[],
  ms: (individual: number, prototype: number) => number,
): MeasuredLevel[] =>
  levels.map(([individual, prototype]) => {
    const level = { individual, prototype };
    return { name: levelName(level), level, ms: ms(individual, prototype) };
  });
const truth = (m: number, n: number): number => 100 + 40 * Math.sqrt(m) + 10 * m + 300 * n;
const LEVELS = [
  [1, 0],
  [4, 0],
  [8, 0],
  [16, 0],
  [8, 2],
  [8, 4],
] as const;

describe('the time of a level', () => {
  it('finds the parts that made the times, and predicts levels by them', () => {
    const fit = fitLevelTimes(measured(LEVELS, truth))!;
    expect(fit.judgment).toBeCloseTo(100, 6);
    expect(fit.together).toBeCloseTo(40, 6);
    expect(fit.own).toBeCloseTo(10, 6);
    expect(fit.similar).toBeCloseTo(300, 6);
    expect(predictedMs(fit, { individual: 32, prototype: 8 })).toBeCloseTo(truth(32, 8), 6);
  });

  it('has no part below zero, and weighs each level by its relative error', () => {
    // A line through both would begin below zero.
    const fit = fitLevelTimes(
      measured(
        [
          [1, 0],
          [10, 0],
        ],
        (m) => (m === 1 ? 5 : 100),
      ),
    )!;
    expect(Object.values(fit).every((part) => part >= 0)).toBe(true);
    // own = sum(m / ms) / sum((m / ms)^2) with one part left: (1/5 + 1/10) / (1/25 + 1/100).
    expect(fit).toEqual({ judgment: 0, together: 0, own: expect.closeTo(6, 9), similar: 0 });
  });

  it('takes two numbers of chains for a line, three for a curve', () => {
    const two = fitLevelTimes(
      measured(
        [
          [1, 0],
          [9, 0],
        ],
        truth,
      ),
    )!;
    expect(two.together).toBe(0);
    expect(predictedMs(two, { individual: 9, prototype: 0 })).toBeCloseTo(truth(9, 0), 9);
    expect(fitLevelTimes(measured([[1, 0]], truth))).toBeNull();
    expect(fitLevelTimes([])).toBeNull();
  });

  it('predicts each level from the others alone', () => {
    const left = leftOutLevels(measured(LEVELS, truth));
    expect(left.map(({ name }) => name)).toEqual([
      '1',
      'ind-4',
      'ind-8',
      'ind-16',
      'ind-8+pro-2',
      'ind-8+pro-4',
    ]);
    for (const { error } of left) expect(error).toBeCloseTo(0, 6);
    // A level that takes twice as long is missed by half, whatever it does to the fit of all.
    const slow = measured(LEVELS, (m, n) => truth(m, n) * (m === 16 ? 2 : 1));
    const missed = leftOutLevels(slow).find(({ name }) => name === 'ind-16')!;
    expect(missed).toMatchObject({
      measuredMs: 2 * truth(16, 0),
      predictedMs: expect.closeTo(truth(16, 0), 6),
      error: expect.closeTo(-0.5, 9),
    });
    // All runs of a level are left out together.
    const twice = leftOutLevels([...slow, ...slow]);
    expect(twice.map(({ error }) => error)).toEqual(
      leftOutLevels(slow).map(({ error }) => expect.closeTo(error, 9)),
    );
  });

  it('leaves no level out where the others say nothing of it', () => {
    expect(
      leftOutLevels(
        measured(
          [
            [1, 0],
            [4, 0],
          ],
          truth,
        ),
      ),
    ).toEqual([]);
    const one = leftOutLevels(
      measured(
        [
          [1, 0],
          [4, 0],
          [8, 0],
          [8, 4],
        ],
        truth,
      ),
    );
    expect(one.map(({ name }) => name)).toEqual(['1', 'ind-4', 'ind-8']);
  });
});

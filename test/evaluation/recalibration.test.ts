import { describe, expect, it } from 'vitest';
import { openChains } from '../../src/evaluation/chains/chains-file.js';
import { evaluate } from '../../src/evaluation/evaluate.js';
import {
  mapped,
  type RowJudgments,
  recalibrate,
  slopeOf,
} from '../../src/evaluation/figures/recalibration.js';
import { csvText } from '../../src/evaluation/report/report-csv.js';
import { reportPage } from '../../src/evaluation/report/report-page.js';
import { markdownText } from '../../src/evaluation/report/report-text.js';
import { Xoshiro128 } from '../../src/kernels/random.js';
import { temporaryFolder } from '../support/preference-file.js';
import { chainsOf, identity, SETTINGS, storedRow, writeStored } from './stored-chains.js';

const stated = (probability: number, correct: boolean, weight = 1) => ({ probability, correct, weight });

/** Rows whose winners are right with the probability that `truth` makes of the one stated. */
function drawn(users: number, truth: (stated: number) => number, seed = 3): RowJudgments[] {
  const draw = new Xoshiro128(seed, 0);
  return Array.from({ length: users }, (_, user) => user).flatMap((user) =>
    [0, 1, 2, 3].map(() => {
      const probability = 0.5 + draw.uniform() / 2;
      return { user, judgments: [stated(probability, draw.uniform() < truth(probability))] };
    }),
  );
}

describe('slopeOf', () => {
  it('is the ratio of logits where all state the same', () => {
    // 0.9 stated, 3 of 4 right: logit 0.75 / logit 0.9.
    const judgments = [true, true, true, false].map((correct) => stated(0.9, correct));
    expect(slopeOf(judgments)).toBeCloseTo(Math.log(3) / Math.log(9), 5);
    expect(mapped(0.9, slopeOf(judgments))).toBeCloseTo(0.75, 5);
    const weighted = [stated(0.9, true, 3), stated(0.9, false, 1)];
    expect(slopeOf(weighted)).toBeCloseTo(slopeOf(judgments), 5);
  });

  it('is 0 where the stated ones mislead, and bounded where all are right', () => {
    expect(slopeOf([stated(0.9, false), stated(0.8, false), stated(0.6, true)])).toBe(0);
    expect(slopeOf([stated(0.9, true)])).toBe(10);
  });

  it('keeps the order of probabilities, and the half where it is', () => {
    expect(mapped(0.5, 0.3)).toBe(0.5);
    expect(mapped(0.9, 0.3)).toBeGreaterThan(mapped(0.8, 0.3));
    // Certainty does not stay certain.
    expect(mapped(1, 0.3)).toBeLessThan(0.95);
  });
});

describe('recalibrate', () => {
  it('finds the slope of probabilities that are too sure, and leaves true ones as they are', async () => {
    const rows = drawn(500, (probability) => mapped(probability, 0.4));
    const over = (await recalibrate(SETTINGS, rows))!;
    expect(over.slope).toBeCloseTo(0.4, 1);
    expect(Math.abs(over.calibration.stated! - over.calibration.observed.value!)).toBeLessThan(0.02);
    const raw = rows.flatMap(({ judgments }) => judgments);
    const brier = raw.reduce((sum, one) => sum + (one.probability - +one.correct) ** 2, 0) / raw.length;
    expect(over.calibration.brier.value!).toBeLessThan(brier);
    expect(
      (await recalibrate(
        SETTINGS,
        drawn(500, (probability) => probability),
      ))!.slope,
    ).toBeCloseTo(1, 0);
  });

  it('maps no row by a slope that its own user had a part in', async () => {
    const rows = drawn(20, (probability) => probability);
    const flipped = rows.map((row) => ({
      ...row,
      judgments: row.judgments.map((one) => (row.user === 7 ? { ...one, correct: !one.correct } : one)),
    }));
    // User 7 alone, to see what their rows are mapped to.
    const meanOf7 = async (all: RowJudgments[]): Promise<number> => {
      const others = all.filter(({ user }) => user % 10 !== 7).flatMap(({ judgments }) => judgments);
      const own = all.filter(({ user }) => user % 10 === 7).flatMap(({ judgments }) => judgments);
      return own.reduce((sum, { probability }) => sum + mapped(probability, slopeOf(others)), 0);
    };
    const statedOf = async (all: RowJudgments[]): Promise<number> => {
      const { calibration } = (await recalibrate(SETTINGS, all))!;
      return calibration.stated! * calibration.judgments;
    };
    expect(await meanOf7(flipped)).toBe(await meanOf7(rows));
    // By hand: every part by the slope of the others.
    let expected = 0;
    for (let fold = 0; fold < 10; fold += 1) {
      const of = (inside: boolean) =>
        flipped.filter(({ user }) => (user % 10 === fold) === inside).flatMap(({ judgments }) => judgments);
      const slope = slopeOf(of(false));
      for (const { probability } of of(true)) expected += mapped(probability, slope);
    }
    expect(await statedOf(flipped)).toBeCloseTo(expected, 9);
  });

  it('says nothing of few users, or where all winners are right', async () => {
    expect(
      await recalibrate(
        SETTINGS,
        drawn(9, () => 0.7),
      ),
    ).toBeNull();
    expect(
      await recalibrate(
        SETTINGS,
        drawn(30, () => 1),
      ),
    ).toBeNull();
    expect(await recalibrate(SETTINGS, [])).toBeNull();
  });
});

describe('a report', () => {
  it('has the recalibrated probabilities beside the stated ones, in every form', async () => {
    // Chains of one mind that are wrong of every third user.
    const rows = Array.from({ length: 30 }, (_, user) =>
      storedRow(
        user + 1,
        chainsOf(
          user % 3 === 0
            ? [
                [4, 8],
                [4, 8],
              ]
            : [
                [8, 4 - user / 10],
                [8, 4],
              ],
        ),
      ),
    );
    const path = await writeStored(await temporaryFolder(), rows, { identity: identity() });
    const levels = [{ individual: 2, prototype: 0 }];
    const report = await evaluate(await openChains(path), { ...SETTINGS, levels });
    const { calibration, recalibration } = report.levels[0]!;
    expect(calibration!.stated).toBeGreaterThan(0.9);
    expect(recalibration!.slope).toBeLessThan(1);
    expect(recalibration!.calibration.brier.value!).toBeLessThan(calibration!.brier.value!);
    expect(report.baselines.every((one) => one.recalibration === null)).toBe(true);
    for (const text of [markdownText(report), reportPage(report, [])])
      expect(text).toMatch(/ind-2 recalibrated \(slope 0\.\d\d\)/);
    const csv = csvText(report);
    for (const figure of ['recalibration_slope', 'recalibrated_brier', 'recalibrated_observed'])
      expect(csv).toContain(`,${figure},`);
  });
});

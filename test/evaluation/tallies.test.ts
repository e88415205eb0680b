import { describe, expect, it } from 'vitest';
import { breakdown } from '../../src/evaluation/figures/breakdown.js';
import { CalibrationTally } from '../../src/evaluation/figures/calibration.js';
import type { RowOutcome } from '../../src/evaluation/figures/level-outcome.js';
import { OutcomeTable } from '../../src/evaluation/figures/outcome-table.js';
import { PositionTally } from '../../src/evaluation/figures/position-tally.js';
import { chain, SETTINGS, storedRow } from './stored-chains.js';

const CORRECT: RowOutcome = { correct: 1, tied: 0, failed: 0, half: 1 };
const WRONG: RowOutcome = { correct: 0, tied: 0, failed: 0, half: 0 };
const TIED: RowOutcome = { correct: 0, tied: 1, failed: 0, half: 0.5 };
const FAILED: RowOutcome = { correct: 0, tied: 0, failed: 1, half: 0 };

describe('CalibrationTally', () => {
  it('gives Brier score, bins and expected error of judgments worked out by hand', async () => {
    const tally = new CalibrationTally();
    tally.add([{ probability: 0.95, correct: true, weight: 1 }], 0);
    tally.add([{ probability: 0.95, correct: false, weight: 1 }], 1);
    tally.add(
      [
        { probability: 0.6, correct: true, weight: 0.5 },
        { probability: 0.7, correct: false, weight: 0.5 },
      ],
      2,
    );
    const { judgments, stated, observed, brier, expectedError, bins } = await tally.report(SETTINGS);
    expect(judgments).toBe(3);
    expect(stated).toBeCloseTo((0.95 + 0.95 + 0.3 + 0.35) / 3, 12);
    expect(observed.value).toBeCloseTo(1.5 / 3, 12);
    // 0.05^2, 0.95^2, half of 0.4^2, half of 0.7^2.
    expect(brier.value).toBeCloseTo((0.0025 + 0.9025 + 0.08 + 0.245) / 3, 12);
    expect(bins).toHaveLength(10);
    expect(bins[9]).toMatchObject({ judgments: 2, stated: 0.95, observed: { value: 0.5, rows: 2 } });
    expect(bins[6]).toMatchObject({ from: 0.6, judgments: 0.5, observed: { value: 1 } });
    expect(bins[7]).toMatchObject({ from: 0.7, judgments: 0.5, observed: { value: 0 } });
    expect(bins[0]).toMatchObject({ judgments: 0, stated: null, observed: { value: null } });
    // |0.95 - 0.5| * 2 + |0.6 - 1| * 0.5 + |0.7 - 0| * 0.5, over 3.
    expect(expectedError).toBeCloseTo((0.9 + 0.2 + 0.35) / 3, 12);
  });

  it('takes the judgments of a row as one row, and certainty into the last bin', async () => {
    const tally = new CalibrationTally();
    tally.add(
      [
        { probability: 1, correct: true, weight: 0.5 },
        { probability: 1, correct: true, weight: 0.5 },
      ],
      0,
    );
    const { brier, bins } = await tally.report(SETTINGS);
    expect(brier).toMatchObject({ value: 0, rows: 1 });
    expect(bins[9]!.judgments).toBe(1);
  });

  it('has nothing to say of no judgments', async () => {
    const { judgments, stated, brier, expectedError } = await new CalibrationTally().report(SETTINGS);
    expect([judgments, stated, brier.value, expectedError]).toEqual([0, null, null, null]);
  });
});

describe('PositionTally', () => {
  it('counts preferences for the first shown, accuracy by place, and lost chains', async () => {
    const tally = new PositionTally();
    const row = storedRow(1, [
      chain(0, [5, 1], { order: [0, 1] }), // prefers the first shown, which is chosen
      chain(1, [5, 1], { order: [1, 0] }), // prefers the second shown, which is chosen
      chain(2, [1, 5], { order: [1, 0] }), // prefers the first shown, which is not chosen
      chain(3, [3, 3], { order: [0, 1] }), // a tie
      chain(4, null),
    ]);
    tally.add(row.chains, row, 0);
    const report = await tally.report(SETTINGS);
    expect(report).toMatchObject({ chains: 5, lost: { noJson: 1 }, unbiased: 0.5 });
    expect(report.usable.value).toBeCloseTo(4 / 5, 12);
    expect(report.prefersFirst.value).toBeCloseTo(2 / 3, 12);
    expect(report.tied.value).toBeCloseTo(1 / 4, 12);
    expect(report.accuracyShownFirst.value).toBeCloseTo(1.5 / 2, 12);
    expect(report.accuracyShownLater.value).toBeCloseTo(1 / 2, 12);
  });

  it('finds a model that always prefers what it sees first, and clears one that never looks', async () => {
    const [biased, fair] = [new PositionTally(), new PositionTally()];
    for (let user = 0; user < 30; user += 1) {
      const always = [0, 1].map((index) => chain(index, index === 0 ? [9, 1] : [1, 9]));
      const never = [0, 1].map((index) => chain(index, user % 2 === 0 ? [9, 1] : [1, 9]));
      biased.add(always, storedRow(user, always), user);
      fair.add(never, storedRow(user, never), user);
    }
    expect((await biased.report(SETTINGS)).prefersFirst).toMatchObject({ value: 1, users: 30 });
    expect((await fair.report(SETTINGS)).prefersFirst.value).toBe(0.5);
  });

  it('expects a third of three candidates', async () => {
    const tally = new PositionTally();
    const row = storedRow(1, [chain(0, [9, 1, 1])], { lengths: [1, 2, 3] });
    tally.add(row.chains, row, 0);
    expect((await tally.report(SETTINGS)).unbiased).toBeCloseTo(1 / 3, 12);
  });
});

describe('OutcomeTable', () => {
  const traits = { history: 1, criteria: false };
  const one = (outcome: RowOutcome) => new Map([['1', outcome]]);

  it('counts ties as half, as wrong, and not at all', () => {
    const table = new OutcomeTable(['1']);
    for (const outcome of [CORRECT, CORRECT, WRONG, TIED, FAILED]) table.add(traits, one(outcome));
    const rows = table.select();
    expect([...table.accuracy('1', 'half', rows).numerators]).toEqual([1, 1, 0, 0.5, 0]);
    expect([...table.accuracy('1', 'wrong', rows).numerators]).toEqual([1, 1, 0, 0, 0]);
    expect([...table.accuracy('1', 'excluded', rows).denominators!]).toEqual([1, 1, 1, 0, 0]);
    expect(table.counts('1', rows)).toEqual({ correct: 2, tied: 1, wrong: 1, failed: 1 });
  });

  it('numbers users, and takes a row without one as a user of its own', () => {
    const table = new OutcomeTable(['1']);
    const numbers = ['a', undefined, 'b', 'a', undefined].map((user) =>
      table.add({ ...traits, ...(user === undefined ? {} : { user }) }, one(CORRECT)),
    );
    expect(numbers).toEqual([0, 1, 2, 0, 3]);
    expect(table.users).toBe(4);
    expect([...table.usersOf(table.select())]).toEqual(numbers);
  });

  it('breaks accuracy down by length of history, group and criteria, and leaves out what is all alike', async () => {
    const table = new OutcomeTable(['1']);
    [0, 1, 2, 3, 5, 6, 40].forEach((history, index) => {
      const group = index % 2 ? { group: 'unseen' } : {};
      table.add({ history, criteria: false, ...group }, one(history > 2 ? CORRECT : WRONG));
    });
    const entries = await breakdown(SETTINGS, table, 'half');
    const of = (trait: string) =>
      entries
        .filter((entry) => entry.trait === trait)
        .map(({ value, accuracy }) => [value, accuracy.value, accuracy.rows]);
    expect(of('history')).toEqual([
      ['0', 0, 1],
      ['1-2', 0, 2],
      ['3-5', 1, 2],
      ['6+', 1, 2],
    ]);
    expect(of('group').map(([value]) => value)).toEqual(['unseen', 'unknown']);
    expect(of('criteria')).toEqual([]);
    for (const { accuracy } of entries) expect(accuracy.byUsers.untold).toContain('too few');
  });
});

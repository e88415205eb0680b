import { describe, expect, it } from 'vitest';
import { openChains } from '../../src/evaluation/chains/chains-file.js';
import type { ChainsRow } from '../../src/evaluation/chains/chains-record.js';
import { type EvaluateOptions, evaluate } from '../../src/evaluation/evaluate.js';
import { remarks } from '../../src/evaluation/report/remarks.js';
import { parseLevel } from '../../src/scaling/level.js';
import { error } from '../bank/made-world.js';
import { temporaryFolder } from '../support/preference-file.js';
import { chainsOf, identity, SETTINGS, storedRow, writeStored } from './stored-chains.js';

type Scores = readonly (readonly number[] | null)[];

async function evaluated(
  rows: readonly ChainsRow[],
  levels: readonly string[],
  options: Partial<EvaluateOptions> & { sampling?: object; header?: object } = {},
) {
  const { sampling, header, ...rest } = options;
  const path = await writeStored(await temporaryFolder(), rows, {
    identity: identity({ sampling: { individual: 4, ...sampling } }),
    ...(header === undefined ? {} : { header }),
  });
  return evaluate(await openChains(path), {
    kernels: SETTINGS.kernels,
    resamples: 500,
    levels: levels.map(parseLevel),
    ...rest,
  });
}

// Four chains a row. Level 1: the share of correct chains; ind-2: groups (0, 1) and (2, 3); ind-4: their mean.
const RIGHT: Scores = [
  [9, 1],
  [9, 1],
  [9, 1],
  [9, 1],
];
const MIXED: Scores = [[9, 1], [1, 8], [4, 4], null];
const WRONG: Scores = [
  [1, 9],
  [1, 9],
  [1, 9],
  [1, 9],
];

describe('evaluate', () => {
  it('takes scores anew from stored distributions, and refuses to where there are none', async () => {
    const low = [0.6, 0, 0, 0, 0, 0, 0, 0, 0, 0.4];
    const flat = Array(10).fill(0.1);
    const criteria = [{ name: 'Fit', weight: 100, distributions: [low, flat] }];
    const rows = Array.from({ length: 40 }, (_, index) =>
      storedRow(
        index + 1,
        chainsOf(RIGHT).map((chain) => ({ ...chain, seed: 100 * index + chain.index, criteria })),
      ),
    );
    const accuracy = async (options: Partial<EvaluateOptions>): Promise<number> =>
      (await evaluated(rows, ['1'], options)).levels[0]!.accuracy.half.value!;
    expect(await accuracy({})).toBe(1);
    // Means 4.6 and 5.5: the first is chosen and never ahead.
    expect(await accuracy({ readout: 'expected' })).toBe(0);
    // Drawn, it is ahead with 0.6 x 0 + 0.4 x 0.9 and ties with 0.1: 0.41, by 160 chains; 4 standard errors.
    const drawn = await accuracy({ readout: 'sampled' });
    expect(Math.abs(drawn - 0.41)).toBeLessThan(0.16);
    expect(await accuracy({ readout: 'sampled' })).toBe(drawn);
    const report = await evaluated(rows, ['1'], { readout: 'sampled' });
    expect(remarks(report).join('\n')).toContain('taken anew from the stored distributions: sampled');
    const plain = rows.map((row) => ({ ...row, chains: chainsOf(RIGHT) }));
    await expect(evaluated(plain, ['1'], { readout: 'expected' })).rejects.toMatchObject(
      error('INVALID_OPTION', /none; leave it out/),
    );
  });

  it('works out every level from the same chains', async () => {
    const rows = [RIGHT, MIXED, WRONG].map((scores, index) => storedRow(index + 1, chainsOf(scores)));
    const { levels, baselines, rows: counts } = await evaluated(rows, ['1', 'ind-2', 'ind-4']);
    // Mixed row: 1/4 correct, 1/4 tied, 1/4 failed; then (10, 9) correct and a tie; then 14 against 13, correct.
    expect(levels.map(({ accuracy }) => accuracy.half.value)).toEqual([
      (1 + 0.375) / 3,
      (1 + 0.75) / 3,
      2 / 3,
    ]);
    expect(levels.map(({ accuracy }) => accuracy.wrong.value)).toEqual([1.25 / 3, 1.5 / 3, 2 / 3]);
    expect(levels[0]!.accuracy.excluded.value).toBeCloseTo(1.25 / 2.5, 12);
    expect(levels[0]!.counts).toEqual({ correct: 1.25, tied: 0.25, wrong: 1.25, failed: 0.25 });
    expect(levels.map(({ cost }) => cost)).toEqual([
      { judgmentsPerRow: 4, tokens: 10 },
      { judgmentsPerRow: 2, tokens: 20 },
      { judgmentsPerRow: 1, tokens: 40 },
    ]);
    expect(baselines.map(({ name, accuracy }) => [name, accuracy.half.value])).toEqual([
      ['longest response', 1],
    ]);
    expect(counts).toMatchObject({ read: 3, asked: 3, evaluated: 3, users: 3 });
    expect(levels[0]!.accuracy.half.byUsers.untold).toContain('too few');
  });

  it('averages users, not rows, where each user counts alike', async () => {
    const of = (user: string, scores: Scores, number: number) =>
      storedRow(number, chainsOf(scores), { user });
    const rows = [of('a', RIGHT, 1), of('a', RIGHT, 2), of('a', RIGHT, 3), of('b', WRONG, 4)];
    const { levels } = await evaluated(rows, ['ind-4']);
    expect(levels[0]!.accuracy.half.value).toBe(0.75);
    expect(levels[0]!.perUser).toMatchObject({ value: 0.5, users: 2 });
  });

  it('compares levels with each other and with baselines on the same rows', async () => {
    // Single chains are right three times of four, four together always.
    const rows = Array.from({ length: 40 }, (_, index) => {
      const scores = [0, 1, 2, 3].map((place) => (place === index % 4 ? [4, 5] : [9, 1]));
      return storedRow(index + 1, chainsOf(scores), {
        user: `u${index % 10}`,
        lengths: index % 2 ? [5, 4] : [4, 5],
        history: index % 8,
        criteria: index % 2 === 0,
        group: index % 10 < 5 ? 'seen' : 'unseen',
        noHistory: chainsOf([
          [2, 1],
          [1, 2],
        ]),
      });
    });
    const report = await evaluated(rows, ['1', 'ind-4'], { sampling: { individual: 4, noHistory: 2 } });
    expect(report.differences).toHaveLength(1);
    expect(report.differences[0]).toMatchObject({ first: 'ind-4', second: '1', difference: 0.25, rows: 40 });
    expect(report.differences[0]!.byUsers.untold).toBe('all rows differ by 0.25');
    expect(
      report.againstBaselines.map(({ first, second, difference }) => [first, second, difference]),
    ).toEqual([
      ['1', 'no history', 0.25],
      ['1', 'longest response', 0.25],
      ['ind-4', 'no history', 0.5],
      ['ind-4', 'longest response', 0.5],
    ]);
    const kinds = new Map<string, number>();
    for (const { trait, value, name, accuracy } of report.breakdown)
      if (name === 'ind-4') kinds.set(`${trait} ${value}`, accuracy.rows);
    expect(Object.fromEntries(kinds)).toEqual({
      'history 0': 5,
      'history 1-2': 10,
      'history 3-5': 15,
      'history 6+': 10,
      'group seen': 20,
      'group unseen': 20,
      'criteria not stated': 20,
      'criteria stated': 20,
    });
    const { individual, prototype, noHistory } = report.singleChains;
    expect(individual).toMatchObject({ chains: 160, usable: { value: 1 } });
    expect(prototype).toBeNull();
    expect(noHistory).toMatchObject({ chains: 80, prefersFirst: { value: 1 } });
    // A single chain states no probability; four that agree state a high one, and it is right.
    expect(report.levels[0]).toMatchObject({ calibration: null, withoutProbability: 40 });
    expect(report.levels[1]!.calibration).toMatchObject({ judgments: 40, observed: { value: 1 } });
    expect(report.levels[1]!.calibration!.stated).toBeGreaterThan(0.7);
  });

  it('keeps failed rows in the denominator, and counts those it leaves out', async () => {
    const { label: _, ...unlabelled } = storedRow(4, chainsOf(RIGHT));
    const invalid = { ...unlabelled, row: 3, id: 'r3', status: 'invalid' as const, lengths: [], chains: [] };
    const rows = [
      storedRow(1, chainsOf(RIGHT)),
      storedRow(2, [], { status: 'failed', error: { code: 'CONTEXT_OVERFLOW', message: 'too long' } }),
      invalid,
      unlabelled,
    ];
    const report = await evaluated(rows, ['ind-4']);
    expect(report.rows).toMatchObject({ read: 4, failed: 1, invalid: 1, unlabelled: 1, evaluated: 2 });
    expect(report.rows).toMatchObject({ withHistory: 4, withCriteria: 0 });
    expect(report.levels[0]!.accuracy).toMatchObject({
      half: { value: 0.5 },
      wrong: { value: 0.5 },
      excluded: { value: 1 },
    });
    const words = remarks(report).join('\n');
    for (const told of ['1 row failed', '1 row does not fit', '1 row has no label'])
      expect(words).toContain(told);
  });

  it('says what is missing: rows, neighbours, events, and users of the bank who are evaluated', async () => {
    const similar = chainsOf([[9, 1]], { level: 'prototype' });
    const rows = [storedRow(1, [...chainsOf(RIGHT), ...similar], { droppedEvents: 2 })];
    const report = await evaluated(rows, ['ind-4+pro-2'], {
      sampling: { individual: 4, prototype: 2 },
      header: { overlap: { users: 7, examples: ['x', 'y'] } },
    });
    const words = remarks({ ...report, rows: { ...report.rows, asked: 9 } }).join('\n');
    expect(words).toMatch(/8 of 9 rows are missing/);
    expect(words).toMatch(/1 row has fewer than 2 similar users/);
    expect(words).toMatch(/1 row had no room/);
    expect(words).toMatch(/7 users of the bank are evaluated too \(x, y, \.\.\.\)/);
  });

  it('counts ties as the protocol says, unless told otherwise', async () => {
    const rows = [storedRow(1, chainsOf([[4, 4]]))];
    const settings = { sampling: { individual: 1 }, header: { protocol: 'personal-reward-bench' } };
    expect((await evaluated(rows, ['1'], settings)).settings.ties).toBe('wrong');
    expect((await evaluated(rows, ['1'], { ...settings, ties: 'half' })).settings.ties).toBe('half');
  });

  it('refuses levels that are not stored, come twice, or are none, and options out of range', async () => {
    const rows = [storedRow(1, chainsOf(RIGHT))];
    await expect(evaluated(rows, ['ind-8'])).rejects.toMatchObject(
      error('INVALID_OPTION', /ind-8 needs 8 individual and 0 prototype chains a row, and .* holds 4 and 0/),
    );
    await expect(evaluated(rows, ['ind-4+pro-1'])).rejects.toMatchObject(
      error('INVALID_OPTION', /holds 4 and 0/),
    );
    await expect(evaluated(rows, ['1', 'ind-1'])).rejects.toMatchObject(
      error('INVALID_OPTION', /listed twice/),
    );
    await expect(evaluated(rows, [])).rejects.toMatchObject(error('INVALID_OPTION'));
    await expect(evaluated(rows, ['1'], { resamples: 5 })).rejects.toMatchObject(error('INVALID_OPTION'));
    await expect(evaluated(rows, ['1'], { ties: 'maybe' as never })).rejects.toMatchObject(
      error('INVALID_OPTION'),
    );
  });

  it('refuses rows without labels, and stops when told to', async () => {
    const { label: _, ...unlabelled } = storedRow(1, chainsOf(RIGHT));
    await expect(evaluated([unlabelled], ['1'])).rejects.toMatchObject(
      error('INPUT_MALFORMED', /1 rows and none of them says/),
    );
    const reason = new Error('enough');
    await expect(
      evaluated([storedRow(1, chainsOf(RIGHT))], ['1'], { signal: AbortSignal.abort(reason) }),
    ).rejects.toBe(reason);
  });
});

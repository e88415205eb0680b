import { describe, expect, it } from 'vitest';
import { openChains } from '../../src/evaluation/chains/chains-file.js';
import { evaluate } from '../../src/evaluation/evaluate.js';
import { csvText } from '../../src/evaluation/report/report-csv.js';
import { reportTables } from '../../src/evaluation/report/report-tables.js';
import { parseLevel } from '../../src/scaling/level.js';
import { temporaryFolder } from '../support/preference-file.js';
import { chainsOf, identity, SETTINGS, storedRow, writeStored } from './stored-chains.js';

type Scores = readonly (readonly number[] | null)[];

async function replayed(
  rows: readonly (readonly [own: Scores, similar: Scores])[],
  level: string,
  risk: number,
) {
  const { individual, prototype } = parseLevel(level);
  const stored = rows.map(([own, similar], index) =>
    storedRow(index + 1, [...chainsOf(own), ...chainsOf(similar, { level: 'prototype' })], {
      user: `u${index % 6}`,
    }),
  );
  const path = await writeStored(await temporaryFolder(), stored, {
    identity: identity({
      sampling: { individual, prototype, retrieveBy: prototype === 0 ? null : 'chain' },
    }),
  });
  return evaluate(await openChains(path), {
    kernels: SETTINGS.kernels,
    resamples: 200,
    levels: [{ individual: 1, prototype: 0 }, parseLevel(level)],
    adaptive: [risk],
  });
}

const times = (count: number, scores: readonly number[] | null): Scores =>
  Array.from({ length: count }, () => scores);

describe('adaptive stopping over stored chains', () => {
  it('saves what comes after the wave in which it stops, and compares with all chains', async () => {
    // Ind-16 has waves of 4. Clear rows stop after one; open rows never do; the last one turns over after it stopped.
    const clear: Scores = times(16, [9, 1]);
    const open: Scores = Array.from({ length: 16 }, (_, index) => (index % 2 ? [5, 6] : [6, 5]));
    const turning: Scores = [...times(4, [6, 5]), ...times(12, [1, 9])];
    const rows = [
      ...Array.from({ length: 5 }, () => clear),
      ...Array.from({ length: 5 }, () => open),
      turning,
    ];
    const report = await replayed(
      rows.map((own) => [own, []]),
      'ind-16',
      0.2,
    );
    expect(report.adaptive).toHaveLength(1);
    const [one] = report.adaptive;
    expect(one).toMatchObject({ level: 'ind-16', risk: 0.2 });
    // 6 of 11 rows use 4 of 16 chains of 10 tokens.
    expect(one!.tokensSaved.value).toBeCloseTo((6 * 12) / (11 * 16), 12);
    expect(one!.chainsSaved.value).toBeCloseTo((6 * 12) / (11 * 16), 12);
    expect(one!.changed.value).toBeCloseTo(1 / 11, 12);
    // All chains: clear rows right, open ones tied, the turning one wrong; stopped early it is right.
    expect(report.levels[1]!.accuracy.half.value).toBeCloseTo(7.5 / 11, 12);
    expect(one!.accuracy.value).toBeCloseTo(8.5 / 11, 12);
    expect(one!.difference).toMatchObject({ first: 'ind-16 at 0.2', second: 'ind-16', rows: 11 });
    expect(one!.difference.difference).toBeCloseTo(1 / 11, 12);
    const table = reportTables(report).find(({ title }) => title === 'Adaptive stopping')!;
    expect(table.rows[0]!.slice(0, 3)).toEqual(['ind-16 at 0.2', '77.3', '+9.1']);
    expect(csvText(report)).toMatch(/adaptive,ind-16,,risk,0.2,tokens_saved,0.409/);
    // What was not asked for is in no breakdown.
    expect(report.breakdown.some(({ name }) => name.includes(' at '))).toBe(false);
  });

  it('at risk 0 changes nothing', async () => {
    const rows = Array.from({ length: 12 }, (_, row) =>
      Array.from({ length: 8 }, (__, index) => [1 + ((7 * row + 3 * index) % 10), 5] as const),
    );
    const { adaptive, levels } = await replayed(
      rows.map((own) => [own, []]),
      'ind-8',
      0,
    );
    expect(adaptive[0]!.changed.value).toBe(0);
    expect(adaptive[0]!.accuracy.value).toBe(levels[1]!.accuracy.half.value);
  });

  it('writes no similar user before an own chain can be read', async () => {
    // Waves of Ind-8+Pro-4 hold 2 and 2, 4 and 2, 6 and 4: the first two own chains are lost.
    const own: Scores = [null, null, ...times(6, [9, 1])];
    const rows = Array.from({ length: 10 }, () => [own, times(4, [9, 1])] as const);
    const { adaptive } = await replayed(rows, 'ind-8+pro-4', 0.2);
    // It stops after the second wave (2 own, 2 similar usable), not after the first.
    expect(adaptive[0]!.chainsSaved.value).toBeCloseTo(1 - 6 / 12, 12);
  });

  it('replays levels that can stop early alone, and refuses what makes no sense', async () => {
    const rows = Array.from({ length: 10 }, () => [times(4, [9, 1]), []] as const);
    const path = await writeStored(
      await temporaryFolder(),
      rows.map(([own], index) => storedRow(index + 1, chainsOf(own))),
      { identity: identity({ sampling: { individual: 4 } }) },
    );
    const stored = await openChains(path);
    const of = (options: object) =>
      evaluate(stored, {
        kernels: SETTINGS.kernels,
        resamples: 100,
        levels: ['1', 'ind-4'].map(parseLevel),
        ...options,
      });
    expect((await of({ adaptive: [0.1] })).adaptive.map(({ level }) => level)).toEqual(['ind-4']);
    await expect(of({ adaptive: [0.7] })).rejects.toMatchObject({ code: 'INVALID_OPTION' });
    await expect(of({ adaptive: [0.1], aggregate: { method: 'median' } })).rejects.toMatchObject({
      code: 'INVALID_OPTION',
      message: expect.stringMatching(/mean or wins/),
    });
  });
});

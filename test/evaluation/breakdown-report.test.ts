import { describe, expect, it } from 'vitest';
import { openChains } from '../../src/evaluation/chains/chains-file.js';
import type { ChainsRow } from '../../src/evaluation/chains/chains-record.js';
import { evaluate } from '../../src/evaluation/evaluate.js';
import { csvText } from '../../src/evaluation/report/report-csv.js';
import { reportPage } from '../../src/evaluation/report/report-page.js';
import { markdownText, terminalText } from '../../src/evaluation/report/report-text.js';
import { temporaryFolder } from '../support/preference-file.js';
import { chainsOf, identity, SETTINGS, storedRow, writeStored } from './stored-chains.js';

const EIGHT = identity({ sampling: { individual: 8 } });

/** Rows of every length of history, of seen and unseen users, with criteria and without. */
async function reportOf(traits: (index: number) => Partial<ChainsRow>) {
  const rows = Array.from({ length: 28 }, (_, index) =>
    storedRow(index + 1, chainsOf(Array.from({ length: 8 }, () => [index % 5, 2.5])), {
      user: `u${index % 14}`,
      ...traits(index),
    }),
  );
  const path = await writeStored(await temporaryFolder(), rows, { identity: EIGHT });
  return evaluate(await openChains(path), {
    ...SETTINGS,
    levels: [1, 2, 8].map((individual) => ({ individual, prototype: 0 })),
    adaptive: [0.1],
  });
}

describe('the breakdown', () => {
  const VALUES = [
    ...['0', '1-2', '3-5', '6+'].map((value) => ['history', `history events: ${value}`, value]),
    ...['seen', 'unseen'].map((value) => ['group', `user: ${value}`, value]),
    ...['stated', 'not stated'].map((value) => ['criteria', `criteria: ${value}`, value]),
  ] as const;

  it('stands in every form of the report, whatever else does', async () => {
    const report = await reportOf((index) => ({
      history: [0, 1, 2, 3, 5, 6, 40][index % 7]!,
      group: index % 2 ? 'seen' : 'unseen',
      criteria: index % 4 < 2,
    }));
    const csv = csvText(report);
    for (const text of [terminalText(report), markdownText(report), reportPage(report, [])])
      for (const [, words] of VALUES) expect(text).toContain(words);
    for (const [trait, , value] of VALUES) {
      expect(csv).toContain(`breakdown,ind-8,,${trait},${value},accuracy_half,`);
      const entry = report.breakdown.find(
        (one) => one.trait === trait && one.value === value && one.name === 'ind-8',
      );
      expect(entry!.accuracy.rows).toBeGreaterThan(0);
    }
    // Two lengths of seven each in 1-2 and 3-5, as in 6+; one in 0.
    const history = report.breakdown.filter(({ trait, name }) => trait === 'history' && name === '1');
    expect(history.map(({ accuracy }) => accuracy.rows)).toEqual([4, 8, 8, 8]);
    expect(report.alike).toEqual([]);
  });

  it('says of what all rows are alike in place of a table', async () => {
    const report = await reportOf(() => ({ history: 8, group: 'unseen' }));
    expect(report.breakdown).toEqual([]);
    expect(report.alike).toEqual([
      { trait: 'history', value: '6+' },
      { trait: 'group', value: 'unseen' },
      { trait: 'criteria', value: 'not stated' },
    ]);
    const words = 'all rows are alike in history events: 6+; user: unseen; criteria: not stated';
    for (const text of [terminalText(report), markdownText(report), reportPage(report, [])])
      expect(text).toContain(words);
    expect(csvText(report)).toContain('alike,,,group,unseen,');
  });
});

describe('data that is too little or all alike', () => {
  const LEVELS = { levels: [{ individual: 1, prototype: 0 }] };

  it('has figures whose intervals say that they cannot be told', async () => {
    const folder = await temporaryFolder();
    const tiny = [1, 2, 3].map((number) => storedRow(number, chainsOf([[number, 2]])));
    const alike = Array.from({ length: 20 }, (_, index) => storedRow(index + 1, chainsOf([[9, 1]])));
    for (const [name, rows, why] of [
      ['tiny', tiny, /3 rows are too few/],
      ['alike', alike, /same outcome/],
    ] as const) {
      const path = await writeStored(folder, rows, { name });
      const report = await evaluate(await openChains(path), { ...SETTINGS, ...LEVELS });
      expect(report.levels[0]!.accuracy.half.value).not.toBeNull();
      expect(report.levels[0]!.accuracy.half.byUsers.untold).toMatch(why);
      expect(terminalText(report)).toContain('cannot be told');
      expect(csvText(report)).toMatch(why);
    }
  });
});

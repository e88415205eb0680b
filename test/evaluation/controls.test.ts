import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { openPreferenceData, type PreferenceRow } from '../../src/data/preference-data.js';
import type { ChainsRow } from '../../src/evaluation/chains/chains-record.js';
import { DonorPool } from '../../src/evaluation/controls/donors.js';
import { PersonalTally } from '../../src/evaluation/controls/personal.js';
import type { EvaluationReport } from '../../src/evaluation/report/report.js';
import { promptText } from '../support/fake-generator.js';
import { row, temporaryFolder, writeRows } from '../support/preference-file.js';
import { fakeEval } from './fake-eval.js';
import { chainsOf, header as headerOf, identity, SETTINGS, storedRow } from './stored-chains.js';

let folder: string;
beforeEach(async () => {
  folder = await temporaryFolder();
});

/** A choice of a user in a conversation; what was chosen names the user. */
function choice(number: number, user: string, prompt: string, split: string): object {
  return row(number, {
    user_id: user,
    split,
    context: [{ role: 'user', content: prompt }],
    chosen: { role: 'assistant', content: `the choice of ${user} number ${number}` },
  });
}

/** u0, u1 and u2 talk of parks with 3, 3 and 2 events; u3 is alone; u4 talks of parks and has no history. */
async function conversations(): Promise<string> {
  const events: [string, string, number][] = [
    ['u0', 'parks', 3],
    ['u1', 'parks', 3],
    ['u2', 'parks', 2],
    ['u3', 'roads', 3],
  ];
  const history = events.flatMap(([user, prompt, count], at) =>
    Array.from({ length: count }, (_, index) => choice(100 * (at + 1) + index, user, prompt, 'train')),
  );
  const asked = [...events, ['u4', 'parks', 0] as const].map(([user, prompt], at) =>
    choice(at, user, prompt, 'test'),
  );
  return writeRows(join(folder, 'conversations.jsonl'), [...history, ...asked]);
}

async function armsOf(count: number, seed = 0, events?: number) {
  const data = await openPreferenceData(await conversations(), { split: 'test' });
  const pool = await DonorPool.of(data, seed);
  const arms = new Map<string, ReturnType<DonorPool['arms']>>();
  for await (const one of data.rows()) {
    const { userId = '' } = one as PreferenceRow;
    arms.set(userId, pool.arms(one as PreferenceRow, count, events));
  }
  return arms;
}

describe('donors', () => {
  it('are users of the same prompts with enough events, and have as many as the user', async () => {
    const arms = await armsOf(1);
    expect(arms.get('u0')!.donors.map(({ id }) => id)).toEqual(['u1']);
    expect(arms.get('u1')!.donors.map(({ id }) => id)).toEqual(['u0']);
    const { own, donors } = arms.get('u2')!;
    expect([own, donors[0]!.user].map(({ history }) => history.length)).toEqual([2, 2]);
    // The newest events of the donor.
    expect(donors[0]!.user.history.at(-1)!.chosen).toMatch(new RegExp(`of ${donors[0]!.id} number \\d02`));
  });

  it('with fewer events cut every arm, and nobody is a donor of their own', async () => {
    const { own, donors } = (await armsOf(5)).get('u0')!;
    expect(donors.map(({ id }) => id)).toEqual(['u1', 'u2']);
    expect([own, ...donors.map(({ user }) => user)].map(({ history }) => history.length)).toEqual([2, 2, 2]);
  });

  it('are told to be missing, and why', async () => {
    const arms = await armsOf(1);
    expect(arms.get('u3')).toMatchObject({ donors: [], noDonor: 'alone' });
    expect(arms.get('u4')).toMatchObject({ donors: [], noDonor: 'no signals' });
    expect((await armsOf(1, 0, 1)).get('u0')!.own.history).toHaveLength(1);
  });

  it('depend on the seed alone', async () => {
    const drawn = async (seed: number) => (await armsOf(1, seed)).get('u2')!.donors[0]!.id;
    const all = async () => {
      const ids: string[] = [];
      for (let seed = 0; seed < 12; seed += 1) ids.push(await drawn(seed));
      return ids;
    };
    const once = await all();
    expect(await all()).toEqual(once);
    expect(new Set(once)).toEqual(new Set(['u0', 'u1']));
  });
});

describe('own minus control', () => {
  const header = headerOf(
    identity({ sampling: { individual: 2, noHistory: 2, swapped: { donors: 1, pool: 'p' } } }),
  );
  const [right, wrong] = [
    chainsOf([
      [6, 4],
      [6, 4],
    ]),
    chainsOf([
      [4, 6],
      [4, 6],
    ]),
  ];

  it('is the difference that the chains were made with', async () => {
    const tally = PersonalTally.of(header)!;
    for (let at = 0; at < 40; at += 1) {
      // Own: always right. Swapped: right in one row of four. None: in every second one.
      const arm = (good: boolean) => (good ? right : wrong);
      const swapped = [{ donor: 'd', events: 3, cut: at < 3, chains: arm(at % 4 === 0) }];
      const one = storedRow(at, right, { noHistory: arm(at % 2 === 0), swapped });
      tally.add({ ...SETTINGS, aggregate: {} }, one, 0, { user: `u${at % 10}`, history: 3, criteria: false });
    }
    const alone = storedRow(99, wrong, { noHistory: wrong, swapped: [], noDonor: 'alone' });
    tally.add({ ...SETTINGS, aggregate: {} }, { ...alone, user: 'z' }, 0, {
      user: 'z',
      history: 3,
      criteria: false,
    });
    const report = await tally.report(SETTINGS, 'half');
    expect(report.controls.map(({ control }) => control)).toEqual(['swapped', 'none']);
    const [swapped, none] = report.controls;
    expect(swapped!.difference).toMatchObject({ difference: 0.75, rows: 40, users: 10 });
    expect(swapped!.own.value).toBe(1);
    expect(none!.difference.rows).toBe(41);
    expect(none!.difference.difference).toBeCloseTo(20 / 41, 12);
    expect(report).toMatchObject({ usersAlone: 1, cut: 3, withoutDonor: { alone: 1 } });
  });

  it('is not reported of a run without controls', () => {
    expect(PersonalTally.of(headerOf(identity()))).toBeNull();
  });
});

describe('pgenrm eval --control', () => {
  const words = async (...more: string[]): Promise<string[]> => [
    ...[await conversations(), '--out', join(folder, 'out')],
    ...['--resamples', '200', '--quiet', '--levels', 'ind-2', ...more],
  ];

  it("judges with another user's history and with none, and tells both differences first", async () => {
    const { code, out, err, generators } = await fakeEval(await words('--control', 'swapped,none'));
    expect([code, err]).toEqual([0, '']);
    expect(out.indexOf('own - swapped')).toBeLessThan(out.indexOf('Accuracy by level'));
    expect(out).toMatch(/own - none/);
    expect(out).toMatch(/1 rows of 1 users who share a prompt with nobody/);
    // Own, none and swapped: two chains each; u3 and u4 have nobody to swap with.
    const chains = generators[0]!.requests.reduce((sum, { seeds }) => sum + seeds.length, 0);
    expect(chains).toBe(5 * 2 + 5 * 2 + 3 * 2);
    const prompts = generators[0]!.requests.map(({ prompt }) => promptText(prompt));
    expect(prompts.filter((text) => text.includes('choice of u0 number 10')).length).toBeGreaterThan(0);
    const text = await readFile(join(folder, 'out', 'chains.jsonl'), 'utf8');
    const stored = text
      .split('\n')
      .slice(1, -1)
      .map((line) => JSON.parse(line) as ChainsRow);
    expect(stored.map(({ user, noDonor }) => [user, noDonor])).toEqual([
      ['u0', undefined],
      ['u1', undefined],
      ['u2', undefined],
      ['u3', 'alone'],
      ['u4', 'no signals'],
    ]);
    expect(stored[0]!.swapped).toMatchObject([{ donor: 'u1', events: 3, cut: false }]);
    const report = JSON.parse(await readFile(join(folder, 'out', 'report.json'), 'utf8')) as EvaluationReport;
    expect(report.personal!.controls.map(({ difference }) => difference.rows)).toEqual([3, 5]);
    const csv = await readFile(join(folder, 'out', 'figures.csv'), 'utf8');
    expect(csv.split('\r\n')[1]).toMatch(/^personal,own,swapped/);
  });

  it('goes on with the same controls only, and refuses an unknown one and the old name', async () => {
    await fakeEval(await words('--control', 'swapped'));
    const again = await fakeEval(await words('--control', 'swapped', '--resume'));
    expect([again.code, again.generators[0]!.requests.length]).toEqual([0, 0]);
    const other = await fakeEval(await words('--control', 'none', '--resume'));
    expect(other.err).toMatch(/RUN_MISMATCH/);
    expect((await fakeEval(await words('--control', 'twin'))).err).toMatch(/INVALID_OPTION.*--control/);
    expect((await fakeEval(await words('--baselines'))).err).toMatch(/now called --control none/);
  });
});

import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { openPreferenceData, type PreferenceRow } from '../../src/data/preference-data.js';
import type { ChainsRow } from '../../src/evaluation/chains/chains-record.js';
import { type ArmsOfRow, DonorPool } from '../../src/evaluation/controls/donors.js';
import { PersonalTally } from '../../src/evaluation/controls/personal.js';
import { HistoryPick } from '../../src/evaluation/controls/shown-history.js';
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
  const pick = new HistoryPick({ by: 'newest', ...(events === undefined ? {} : { events }) });
  const arms = new Map<string, ArmsOfRow>();
  for await (const one of data.rows()) {
    const { userId = '' } = one as PreferenceRow;
    arms.set(userId, await pool.arms(one as PreferenceRow, count, pick));
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

  it('are found by the id of the prompt where the data names one, else by the text of the last turn', async () => {
    const asked = (number: number, user: string, prompt: string, id?: string) => ({
      ...choice(number, user, prompt, number < 10 ? 'test' : 'train'),
      ...(id === undefined ? {} : { prompt_id: id }),
    });
    const rows = [
      // a and b: one prompt in two wordings. c: their text under another id. d and e: no id, the same text.
      ...[asked(1, 'a', 'parks', 'p1'), asked(2, 'b', 'parks, please', 'p1'), asked(3, 'c', 'parks', 'p2')],
      ...[asked(4, 'd', 'parks'), asked(5, 'e', ' parks ')],
      ...['a', 'b', 'c', 'd', 'e'].map((user, at) => asked(10 + at, user, `other ${at}`)),
    ];
    const data = await openPreferenceData(await writeRows(join(folder, 'named.jsonl'), rows), {
      split: 'test',
    });
    const pool = await DonorPool.of(data, 0);
    const found: Record<string, unknown> = {};
    for await (const one of data.rows()) {
      const arms = await pool.arms(one as PreferenceRow, 5, new HistoryPick());
      found[(one as PreferenceRow).userId!] = arms.noDonor ?? arms.donors.map(({ id }) => id);
    }
    expect(found).toEqual({ a: ['b'], b: ['a'], c: 'alone', d: ['e'], e: ['d'] });
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
      const one = storedRow(at, right, { noHistory: arm(at % 2 === 0), swapped, usedEvents: 3 });
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
    expect(report).toMatchObject({ usersAlone: 1, cut: 3, unlike: 0, withoutDonor: { alone: 1 } });
  });

  it('leaves donors out of whom another number of events is shown, and counts such rows', async () => {
    const tally = PersonalTally.of(header)!;
    for (let at = 0; at < 20; at += 1) {
      // The donor of two events makes the judge wrong; of every second row there is one of three events, too.
      const donor = (events: number, good: boolean) => ({
        donor: `d${events}`,
        events,
        cut: false,
        chains: good ? right : wrong,
      });
      const swapped = [donor(2, false), ...(at % 2 === 0 ? [donor(3, true)] : [])];
      const one = storedRow(at, right, { noHistory: right, swapped, usedEvents: 3 });
      tally.add({ ...SETTINGS, aggregate: {} }, one, 0, { user: `u${at}`, history: 3, criteria: false });
    }
    const report = await tally.report(SETTINGS, 'half');
    expect(report.unlike).toBe(20);
    expect(report.controls[0]!.difference).toMatchObject({ difference: 0, rows: 10 });
    expect(report.controls[1]!.difference.rows).toBe(20);
  });

  it('is told by kind of row, where the kinds differ', async () => {
    const tally = PersonalTally.of(header)!;
    for (let at = 0; at < 40; at += 1) {
      // Own is always right; swapped only of users with a long history.
      const long = at % 2 === 0;
      const swapped = [{ donor: 'd', events: 3, cut: false, chains: long ? right : wrong }];
      const one = storedRow(at, right, { noHistory: right, swapped, usedEvents: 3 });
      const traits = { user: `u${at % 10}`, history: long ? 9 : 2, criteria: false, group: 'seen' };
      tally.add({ ...SETTINGS, aggregate: {} }, one, 0, traits);
    }
    const [swapped, none] = (await tally.report(SETTINGS, 'half')).controls;
    const told = swapped!.byKind.map(({ trait, value, difference }) => [trait, value, difference.value]);
    expect(told).toEqual([
      ['history', '1-2', 1],
      ['history', '6+', 0],
    ]);
    expect(none!.byKind.map(({ difference }) => difference.value)).toEqual([0, 0]);
  });

  it('is told of style weights and of similar users at the levels that have them', async () => {
    const bank = identity({ sampling: { individual: 2, prototype: 2, noHistory: 2, random: 2 } });
    const similar = (good: boolean) =>
      (good ? [9, 1] : [1, 9]).flatMap((_, index) =>
        chainsOf([good ? [9, 1] : [1, 9]], { level: 'prototype', index }),
      );
    const baselines = new Map(
      Array.from({ length: 20 }, (_, at) => [
        `${at} r${at}`,
        {
          values: { longer: 1, others: 1, ownStyle: 1, allStyle: 1, bothStyles: at < 15 ? 1 : 0.5 },
          ...(at === 19 ? {} : { swapped: { value: 0.25, tied: 0 } }),
        },
      ]),
    );
    const tally = PersonalTally.of(headerOf(bank), baselines)!;
    for (let at = 0; at < 20; at += 1) {
      // Alone the own chains are wrong; similar users make them right, users at random in half of the rows.
      const chains = [...wrong, ...similar(true)];
      const one = storedRow(at, chains, { noHistory: wrong, random: similar(at % 2 === 0) });
      tally.add({ ...SETTINGS, aggregate: {} }, one, 0, { user: `u${at}`, history: 3, criteria: false });
    }
    const report = await tally.report(SETTINGS, 'half');
    const told = report.controls.map(({ control, level, difference }) => [
      control,
      level,
      difference.difference,
      difference.rows,
    ]);
    expect(told).toEqual([
      ['none', 'ind-2', 0, 20],
      ['random', 'ind-2+pro-2', 0.5, 20],
      ['alone', 'ind-2+pro-2', 1, 20],
      ['style', null, expect.closeTo((15 * 0.75 + 4 * 0.25) / 19, 12), 19],
    ]);
    // Ties are wrong there.
    const strict = (await tally.report(SETTINGS, 'wrong')).controls.at(-1)!;
    expect(strict.own.value).toBeCloseTo(15 / 19, 12);
  });

  it('is not reported of a run without controls', () => {
    expect(PersonalTally.of(headerOf(identity()))).toBeNull();
  });
});

describe('pgenrm eval --sample', () => {
  it('judges the rows that are drawn, with donors among the users of all rows', async () => {
    const out = join(folder, 'sampled');
    const words = [await conversations(), '--out', out, '--resamples', '200', '--quiet', '--levels', 'ind-2'];
    const judged = async (...more: string[]) => {
      const ended = await fakeEval([...words, '--control', 'swapped', ...more]);
      const lines = (await readFile(join(out, 'chains.jsonl'), 'utf8')).trim().split('\n');
      // Each session begins with a header of its own.
      const rows = lines.map((line) => JSON.parse(line) as ChainsRow).filter(({ row }) => row !== undefined);
      return { ...ended, rows };
    };
    const { rows } = await judged('--sample', '2');
    expect(rows).toHaveLength(2);
    // Users of whom no row was drawn are donors too.
    const drawn = new Set(rows.map(({ user }) => user));
    const donors = rows.flatMap(({ swapped = [] }) => swapped.map(({ donor }) => donor));
    expect(donors.some((donor) => !drawn.has(donor))).toBe(true);
    const more = await judged('--sample', '5', '--resume');
    expect([more.code, more.rows.slice(0, 2)]).toEqual([0, rows]);
    expect(more.rows).toHaveLength(5);
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
    expect(out).toMatch(/1 row of 1 user who shares a prompt with nobody/);
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
    // The last one is of style weights; u3 is alone there too.
    expect(report.personal!.controls.map(({ difference }) => difference.rows)).toEqual([3, 5, 4]);
    const csv = await readFile(join(folder, 'out', 'figures.csv'), 'utf8');
    expect(csv.split('\r\n')[1]).toMatch(/^personal,own,swapped/);
  });

  it('puts what needs no model in the same table, with intervals, and finds it again beside stored chains', async () => {
    await fakeEval(await words('--control', 'swapped'));
    const names = ["others' choices", 'style, own choices', "style, everybody's choices", 'style, both'];
    const out = join(folder, 'again');
    const again = await fakeEval([
      ...['--from', join(folder, 'out', 'chains.jsonl'), '--levels', 'ind-2', '--out', out],
      ...['--resamples', '200', '--quiet'],
    ]);
    expect([again.code, again.err]).toEqual([0, '']);
    for (const place of ['out', 'again']) {
      const report = JSON.parse(
        await readFile(join(folder, place, 'report.json'), 'utf8'),
      ) as EvaluationReport;
      expect(report.baselines.map(({ name }) => name).slice(-4)).toEqual(names);
      for (const { accuracy } of report.baselines) expect(accuracy.half.byUsers).toBeDefined();
      expect(report.rows.withoutBaselines).toBe(0);
      const style = report.personal!.controls.find(({ control }) => control === 'style')!;
      // u3 is alone with its prompt; u4 has peers, though no choices of its own.
      expect([style.level, style.difference.rows]).toEqual([null, 4]);
    }
    for (const name of names) expect(again.out).toContain(name);
    // Baselines of other data are refused, and none are needed.
    const beside = join(folder, 'out', 'baselines.json');
    const text = await readFile(beside, 'utf8');
    const from = ['--from', join(folder, 'out', 'chains.jsonl'), '--levels', 'ind-2', '--resamples', '200'];
    await writeFile(beside, text.replace(/"fingerprint":"./, '"fingerprint":"?'));
    expect((await fakeEval(from)).err).toMatch(/RUN_MISMATCH.*other data.*fingerprint/);
    await writeFile(beside, text.slice(0, -9));
    expect((await fakeEval(from)).err).toMatch(/RUN_MISMATCH.*is no JSON/);
    await rm(beside);
    expect((await fakeEval(from)).out).not.toContain('style, both');
  });

  it('says of data without users, and of users without history, that nothing can be swapped', async () => {
    const asked = Array.from({ length: 4 }, (_, at) => ({
      ...choice(at, 'u', 'parks', 'test'),
      id: `q${at}`,
    }));
    const nobody = asked.map(({ user_id: _, ...rest }: Record<string, unknown>) => rest);
    const strangers = asked.map((one, at) => ({ ...one, user_id: `s${at}` }));
    for (const [rows, told, users] of [
      [nobody, '4 rows name no user: left out of own - swapped', 4],
      [strangers, '4 rows without history and criteria have nothing to swap: left out of own - swapped', 4],
    ] as const) {
      const place = await temporaryFolder();
      const data = await writeRows(join(place, 'data.jsonl'), rows);
      const { code, out } = await fakeEval([
        ...[data, '--out', join(place, 'out'), '--control', 'swapped,none', '--levels', 'ind-2'],
        ...['--resamples', '200', '--quiet'],
      ]);
      expect(code).toBe(0);
      expect(out).toContain(told);
      expect(out).not.toMatch(/own - swapped +\S*ind/);
      const report = JSON.parse(
        await readFile(join(place, 'out', 'report.json'), 'utf8'),
      ) as EvaluationReport;
      expect(report.personal!.controls.map(({ control }) => control)).not.toContain('swapped');
      const none = report.personal!.controls.find(({ control }) => control === 'none')!;
      expect([none.difference.rows, none.difference.users]).toEqual([4, users]);
    }
  });

  it('says how many rows were cut because a donor has fewer events', async () => {
    const { out } = await fakeEval(await words('--control', 'swapped', '--donors', '2'));
    // u0 and u1 have three events, u2 has two.
    expect(out).not.toMatch(/unlike numbers/);
    expect(out).toMatch(/2 rows had their own history cut: the other user shows fewer events/);
  });

  it('says where the context had room for more events of one user than of the other', async () => {
    const long = Array.from({ length: 3 }, (_, at) => ({
      ...choice(20 + at, 'v1', 'parks', 'train'),
      rejected: { role: 'assistant', content: 'x '.repeat(4000) },
    }));
    const rows = [
      ...Array.from({ length: 3 }, (_, at) => choice(10 + at, 'v0', 'parks', 'train')),
      ...[...long, choice(0, 'v0', 'parks', 'test'), choice(1, 'v1', 'parks', 'test')],
    ];
    const told = async (...more: string[]) => {
      const place = await temporaryFolder();
      const data = await writeRows(join(place, 'data.jsonl'), rows);
      const { out } = await fakeEval(
        [
          ...[data, '--out', join(place, 'out'), '--control', 'swapped', '--levels', 'ind-2'],
          ...['--resamples', '200', '--quiet', '--max-tokens', '100', ...more],
        ],
        { contextTokens: 12_000 },
      );
      return out;
    };
    expect(await told()).toMatch(/2 rows show unlike numbers of events in their arms/);
    expect(await told('--history-budget', '5000')).not.toMatch(/unlike numbers/);
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

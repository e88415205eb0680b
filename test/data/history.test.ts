import { describe, expect, it } from 'vitest';
import { openPreferenceData } from '../../src/data/preference-data.js';
import type { Row } from './made-files.js';
import { jsonLines, makeFolder, pair, parquet, readRows } from './made-files.js';

const write = makeFolder();
let files = 0;

function file(...rows: unknown[]): string {
  files += 1;
  return write(`rows-${files}.jsonl`, jsonLines(rows));
}

/** Ids of the rows in each row's history, by row id. */
async function histories(
  path: string,
  options?: Parameters<typeof readRows>[1],
): Promise<Record<string, string[]>> {
  const rows = await readRows(path, options);
  return Object.fromEntries(
    rows.map((row) => [row.id, row.user.history.map((event) => event.chosen.replace('good ', ''))]),
  );
}

describe('histories from the file', () => {
  it('come from train and validation rows of the same user, in file order, without the row itself', async () => {
    const path = file(
      pair('t', 'u', 'test'),
      pair('a', 'u', 'train'),
      pair('x', 'other', 'train'),
      pair('b', 'u', 'dev'),
      pair('c', 'u', 'Train'),
      pair('t2', 'u', 'test'),
    );
    expect(await histories(path)).toEqual({
      t: ['a', 'b', 'c'],
      a: ['b', 'c'],
      x: [],
      b: ['a', 'c'],
      c: ['a', 'b'],
      t2: ['a', 'b', 'c'],
    });
    expect(await histories(path, { split: 'test' })).toEqual({ t: ['a', 'b', 'c'], t2: ['a', 'b', 'c'] });
    expect(await histories(path, { split: 'test', historySplits: ['val'] })).toEqual({ t: ['b'], t2: ['b'] });
    expect(await histories(path, { split: 'test', historySplits: [] })).toEqual({ t: [], t2: [] });
  });

  it('leave out rows of the same conversation', async () => {
    const path = file(
      pair('c1', 'u', 'train', 'one'),
      pair('c1', 'u', 'train', 'two'),
      pair('c2', 'u', 'train', 'three'),
    );
    expect(await histories(path)).toEqual({ c1: ['three'], 'c1#2': ['three'], c2: ['one', 'two'] });
  });

  it('leave out the same query and replies under another id', async () => {
    const path = file(
      pair('a', 'u', 'train', 'same'),
      pair('b', 'u', 'train'),
      pair('t', 'u', 'test', 'same'),
    );
    expect(await histories(path, { split: 'test' })).toEqual({ t: ['b'] });
  });

  it('hold every other row of the user in a file without splits', async () => {
    const path = file(pair('a', 'u', undefined), pair('b', 'u', undefined), pair('c', 'v', undefined));
    expect(await histories(path)).toEqual({ a: ['b'], b: ['a'], c: [] });
  });

  it('drop rows without a split once the file has splits', async () => {
    const path = file(pair('a', 'u', undefined), pair('b', 'u', 'train'), pair('t', 'u', 'test'));
    expect(await histories(path, { split: 'test' })).toEqual({ t: ['b'] });
  });

  it('are empty for rows without a user', async () => {
    const rows = ['a', 'b'].map((id) => ({ id, prompt: `q ${id}`, chosen: 'x', rejected: 'y' }));
    expect(await histories(file(...rows))).toEqual({ a: [], b: [] });
  });

  it('give way to a history in the row, even an empty one', async () => {
    const inline = [{ context: [{ role: 'user', content: 'old' }], chosen: 'good inline', rejected: 'r' }];
    const path = file(
      { ...pair('a', 'u', 'train'), history: null },
      { ...pair('t1', 'u', 'test'), history: inline },
      { ...pair('t2', 'u', 'test'), history: [] },
      {
        ...pair('t3', 'u', 'test'),
        history: [{ prompt: 'query t3', chosen: 'good t3', rejected: 'bad t3' }],
      },
    );
    expect(await histories(path, { split: 'test' })).toEqual({ t1: ['inline'], t2: [], t3: [] });
  });

  it('read the same on a second pass', async () => {
    const data = await openPreferenceData(file(pair('a', 'u', 'train'), pair('t', 'u', 'test')));
    const passes = await Promise.all(
      [1, 2].map(async () => {
        const rows = [];
        for await (const row of data.rows()) rows.push(row);
        return rows;
      }),
    );
    expect(passes[0]).toHaveLength(2);
    expect(passes[1]).toEqual(passes[0]);
  });
});

describe('splits', () => {
  it('refuse a name that the file does not have and say which it has', async () => {
    const path = file(pair('a', 'u', 'train'), pair('b', 'u', 'val'));
    await expect(openPreferenceData(path, { split: 'test' })).rejects.toMatchObject({
      code: 'INVALID_OPTION',
      message: expect.stringMatching(/no split "test": it has train, validation$/),
    });
    await expect(openPreferenceData(path, { historySplits: ['tset'] })).rejects.toMatchObject({
      code: 'INVALID_OPTION',
    });
    expect(await histories(path, { split: 'dev' })).toEqual({ b: ['a'] });
    await expect(openPreferenceData(file(pair('a', 'u', undefined)), { split: 'test' })).rejects.toThrow(
      /have no split/,
    );
  });
});

describe('the users file', () => {
  const data = () => file(pair('a', 'u', 'train'), pair('t', 'u', 'test'), pair('v', 'w', 'test'));

  it.each<[string, Row, string | undefined]>([
    ['stated_criteria', { stated_criteria: ' Short answers. ' }, 'Short answers.'],
    ['criteria as a list', { criteria: ['Short.', '', 'Plain.'] }, 'Short.\nPlain.'],
    [
      'system_string',
      { system_string: 'Be kind.' },
      "How an assistant should be, in the user's words: Be kind.",
    ],
    ['no criteria', { stated_criteria: '' }, undefined],
  ])('gives criteria from %s', async (_, fields, expected) => {
    const users = file({ user_id: 'u', ...fields }, { user_id: 'nobody', criteria: 'x' });
    const rows = await readRows(data(), { users, split: 'test' });
    expect(rows[0]?.user.criteria).toBe(expected);
    expect(rows[1]?.user).toEqual({ id: 'w', history: [] });
  });

  it('gives history before that of the data, and may be parquet', async () => {
    const history = [{ prompt: 'old', chosen: 'good old', rejected: 'bad old' }];
    const users = write('users.parquet', parquet([{ user_id: 'u', criteria: 'Short.', history }]));
    const rows = await readRows(data(), { users, split: 'test' });
    expect(rows[0]?.user.history.map((event) => event.chosen)).toEqual(['good old', 'good a']);
    expect(rows[0]?.user.criteria).toBe('Short.');
  });

  it('may hold labelled pairs: a split kept in a file of its own', async () => {
    const train = file(
      pair('a', 'u', 'train'),
      pair('b', 'u', 'val'),
      pair('x', 'u', 'test'),
      pair('t', 'u', 'train', 'same conversation'),
    );
    const test = file(pair('t', 'u', 'test'), pair('v', 'w', 'test'));
    expect(await histories(test, { users: train })).toEqual({ t: ['a', 'b'], v: [] });
    const bad = file(pair('a', 'u', 'train'), { ...pair('b', 'u', 'train'), chosen: 3 });
    expect((await openPreferenceData(test, { users: bad })).users).toMatchObject({ path: bad, problems: 1 });
  });

  it('gives way to criteria in the row', async () => {
    const path = file({ ...pair('t', 'u', 'test'), stated_criteria: 'mine' });
    const rows = await readRows(path, { users: file({ user_id: 'u', criteria: 'theirs' }) });
    expect(rows[0]?.user.criteria).toBe('mine');
  });

  it('is refused where a row does not fit or a user comes twice', async () => {
    const refused = (...rows: unknown[]) =>
      expect(openPreferenceData(data(), { users: file(...rows) })).rejects;
    await refused({ user_id: 'u', criteria: 'x' }, { criteria: 'y' }).toThrow(/row 2: expected user_id/);
    await refused({ user_id: 'u', criteria: 4 }).toThrow(/row 1: criteria: expected text, came the number 4/);
    await refused({ user_id: 'u', history: [{}] }).toThrow(/row 1: history\[0\]/);
    await refused({ user_id: 'u' }, { user_id: 'u' }).toMatchObject({ code: 'DUPLICATE_ID' });
    await expect(openPreferenceData(data(), { users: '/no/such/file' })).rejects.toMatchObject({
      code: 'INPUT_NOT_FOUND',
    });
  });
});

// Kinds of rows that people publish, each with what is right for it: ids, NaN, turns, columns.

import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkSignals } from '../../src/data/known-signals.js';
import { openPreferenceData } from '../../src/data/preference-data.js';
import { userGroups } from '../../src/data/select-rows.js';
import { jsonLines, makeFolder, parquet, readAll, readRows } from './made-files.js';

const write = makeFolder();
const user = (content: string) => ({ role: 'user', content });
const assistant = (content: string) => ({ role: 'assistant', content });

describe('ids', () => {
  const line = (id: string): string =>
    `{"user_id": ${id}, "prompt": "q ${id.replaceAll('"', '')}", "chosen": "a \\"9007199254740993\\"", "rejected": "b"}\n`;

  it.each([
    ['1234567890123456789', '1234567890123456789'],
    ['-9007199254740993', '-9007199254740993'],
    ['9007199254740991', '9007199254740991'],
    ['17.0', '17'],
    ['17.5', '17.5'],
    ['100000000000000000000', '100000000000000000000'],
    ['0.12345678901234567891', '0.12345678901234567891'],
    ['" 007 "', '007'],
    ['"7"', '7'],
    ['"Nadia"', 'Nadia'],
    ['"jo\\u0308rg"', 'j\u00f6rg'],
    ['NaN', undefined],
    ['-Infinity', undefined],
    ['null', undefined],
    ['" "', undefined],
  ])('%s in JSON is the user %s', async (written, id) => {
    const [row] = await readRows(write('ids.jsonl', line(written)));
    expect(row?.userId).toBe(id);
    expect(row?.item.candidates).toContain('a "9007199254740993"');
    const [listed] = await readRows(write('ids.json', `[${line(written)}]`));
    expect(listed?.userId).toBe(id);
  });

  it('of 64 bits join between JSON, Parquet and texts', async () => {
    const ids = [1234567890123456789n, 1234567890123456790n, 17n];
    const rows = ids.map((id) => ({ user_id: id, prompt: `q${id}`, chosen: 'a', rejected: 'b' }));
    const users = write(
      'users.jsonl',
      ids.map((id) => `{"user_id": "${id}", "stated_criteria": "of ${id}", "group": "unseen"}\n`).join(''),
    );
    const inJson = write('data.jsonl', ids.map((id) => line(String(id))).join(''));
    for (const path of [write('data.parquet', parquet(rows)), inJson]) {
      const read = await readRows(path, { users });
      expect(read.map((row) => row.user.criteria)).toEqual(ids.map((id) => `of ${id}`));
      const data = await openPreferenceData(path, { users });
      expect(data.users).toMatchObject({ userCount: 3, usersInData: 3 });
    }
    const numbers = write('numbers.jsonl', ids.map((id) => `{"id": ${id}, "group": "Train"}\n`).join(''));
    expect([...(await userGroups(numbers))]).toEqual(ids.map((id) => [String(id), 'seen']));
  });

  it('in floating point, whose last digits are lost, are refused by name', async () => {
    const rows = [2 ** 60, 1.5].map((id) => ({
      user_id: id,
      prompt: 'q',
      chosen: 'a',
      rejected: 'b',
    }));
    const [row] = await readAll(write('float.parquet', parquet(rows)));
    expect(row).toMatchObject({
      kind: 'problem',
      reason: expect.stringMatching(/user_id: .*floating point/),
    });
  });
});

describe('numbers that JSON does not know', () => {
  it('are absent, and texts that hold their names are left alone', async () => {
    const path = write(
      'nan.jsonl',
      '{"prompt": "Infinity and NaN?", "chosen": "NaN, \\"Infinity\\"", "rejected": "b", "chosen_score": NaN, "rejected_score": -Infinity}\n',
    );
    const [row] = await readRows(path);
    expect(row?.item.context).toEqual([user('Infinity and NaN?')]);
    expect(row?.item.candidates).toContain('NaN, "Infinity"');
    const [bad] = await readAll(
      write('bad.jsonl', `${'{"prompt":"q","chosen":"a","rejected":"b"}\n'}{"a": NaN,}\n`),
    ).then((all) => all.slice(1));
    expect(bad).toMatchObject({ kind: 'problem', reason: expect.stringMatching(/line 2 is not JSON/) });
  });
});

async function first(row: object) {
  const [read] = await readRows(write('row.jsonl', jsonLines([row])));
  if (read === undefined) throw new TypeError('no row');
  return read;
}

async function reason(row: object): Promise<string> {
  const good = { prompt: 'q', chosen: 'a', rejected: 'b' };
  const [, problem] = await readAll(write('row.jsonl', jsonLines([good, row])));
  return problem?.kind === 'problem' ? problem.reason : 'read';
}

describe('turns', () => {
  it('of tools are context, and a call is text', async () => {
    const call = { name: 'soil', arguments: '{"city":"Kiel"}' };
    const { item } = await first({
      prompt: [
        user('Soil?'),
        { role: 'assistant', content: null, tool_calls: [{ type: 'function', function: call }] },
        { role: 'tool', content: 'damp' },
      ],
      chosen: [assistant('Damp.')],
      rejected: [
        {
          role: 'assistant',
          content: 'Hm.',
          tool_calls: [{ function: { name: 'rain', arguments: { at: 2 } } }],
        },
      ],
    });
    expect(item.context).toEqual([
      user('Soil?'),
      assistant('[tool call] soil {"city":"Kiel"}'),
      { role: 'system', content: '[tool result] damp' },
    ]);
    expect(new Set(item.candidates)).toEqual(new Set(['Damp.', 'Hm.\n[tool call] rain {"at":2}']));
    expect(
      await reason({ prompt: [user('q'), { role: 'system', content: 'x' }], chosen: 'a', rejected: 'b' }),
    ).toMatch(/turn of the system/);
    expect(
      await reason({ prompt: [user('q'), { role: 'assistant', content: null }], chosen: 'a', rejected: 'b' }),
    ).toMatch(/content: expected a string/);
  });

  it('of ShareGPT have from and value', async () => {
    const { item, label } = await first({
      conversations: [
        { from: 'system', value: 'Brief.' },
        { from: 'human', value: 'Soup?' },
      ],
      chosen: { from: 'gpt', value: 'Leek.' },
      rejected: { from: 'gpt', value: 'Any!' },
    });
    expect(item.context).toEqual([{ role: 'system', content: 'Brief.' }, user('Soup?')]);
    expect(item.candidates[label ?? -1]).toBe('Leek.');
  });

  it('written as text are unpacked, or refused where they are not JSON', async () => {
    const packed = (...turns: object[]) => JSON.stringify(turns);
    const row = {
      prompt: packed(user('Soup?')),
      chosen: packed(assistant('Leek.')),
      rejected: packed(assistant('Any!')),
    };
    const { item, label } = await first(row);
    expect(item.context).toEqual([user('Soup?')]);
    expect(item.candidates[label ?? -1]).toBe('Leek.');
    expect(await reason({ ...row, prompt: "[{'role': 'user', 'content': 'Soup?'}]" })).toMatch(
      /^prompt: a list of turns is written as text that is not JSON/,
    );
    // A reply that is JSON because the user asked for it.
    const asked = {
      prompt: 'Write a message as JSON',
      chosen: packed(assistant('Leek.')),
      rejected: packed(user('x')),
    };
    expect((await first(asked)).item.candidates).toContain(asked.chosen);
  });
});

describe('columns', () => {
  it('of lists of replies give one candidate each, the chosen one labelled', async () => {
    const { item, label, subset } = await first({
      prompt: 'q',
      subset: 'Focus',
      chosen: ['good'],
      rejected: ['bad 1', 'bad 2', 'bad 3'],
    });
    expect(new Set(item.candidates)).toEqual(new Set(['good', 'bad 1', 'bad 2', 'bad 3']));
    expect(item.candidates[label ?? -1]).toBe('good');
    expect(subset).toBe('Focus');
    expect(await reason({ prompt: 'q', chosen: ['a', 'b'], rejected: ['c'] })).toMatch(/several right ones/);
  });

  it('of a system text stand before the context, once', async () => {
    const row = { system: 'You garden.', prompt: 'q', chosen: 'a', rejected: 'b' };
    const context = [{ role: 'system', content: 'You garden.' }, user('q')];
    expect((await first(row)).item.context).toEqual(context);
    expect((await first({ ...row, prompt: context })).item.context).toEqual(context);
  });

  it('of ratings are read by either name, as numbers or texts', async () => {
    const rows = [
      {
        user_id: 'u',
        split: 'train_prefs',
        prompt: 'q',
        chosen: 'a',
        rejected: 'b',
        score_chosen: 8.5,
        score_rejected: '3',
      },
      { user_id: 'u', split: 'test_prefs', prompt: 'q2', chosen: 'a', rejected: 'b' },
    ];
    const path = write('ultra.jsonl', jsonLines(rows));
    const [test] = await readRows(path, { split: 'test' });
    expect(test).toMatchObject({
      split: 'test_prefs',
      user: { history: [{ chosenScore: 8.5, rejectedScore: 3 }] },
    });
    expect(await readRows(path, { split: 'train_prefs' })).toHaveLength(1);
    await expect(openPreferenceData(path, { split: 'train_sft' })).rejects.toThrow(
      /has train_prefs, test_prefs/,
    );
  });
});

describe('signals that no row gets', () => {
  const row = (userId: string, split: string, text: string) => ({
    user_id: userId,
    split,
    prompt: text,
    chosen: `good ${text}`,
    rejected: `bad ${text}`,
  });

  it('are said where users recur in splits that are no history, and found with them', async () => {
    const path = write('seen.jsonl', jsonLines([row('u', 'seen', 'a'), row('u', 'unseen', 'b')]));
    const data = await openPreferenceData(path);
    expect(await checkSignals(data)).toEqual([
      expect.stringMatching(
        /no row has a history: .*splits seen, unseen.*train and validation.*--history-splits seen,unseen/,
      ),
    ]);
    await expect(checkSignals(data, { requireHistory: true })).rejects.toMatchObject({
      code: 'INPUT_MALFORMED',
    });
    const named = await openPreferenceData(path, { historySplits: ['seen'] });
    expect(await checkSignals(named, { requireHistory: true })).toEqual([]);
  });

  it('are said where no user of the users file occurs, with one of each', async () => {
    const path = write('data.jsonl', jsonLines([row('007', 'test', 'a')]));
    const users = write('users.jsonl', jsonLines([{ user_id: 7, stated_criteria: 'x' }]));
    const data = await openPreferenceData(path, { users });
    expect(data.users).toMatchObject({ userCount: 1, usersInData: 0 });
    expect(await checkSignals(data)).toEqual([expect.stringMatching(/none of the 1 users .*"7".*"007"/)]);
  });

  it('are no matter where there is nothing to get', async () => {
    const path = write('alone.jsonl', jsonLines([row('u', 'test', 'a'), row('v', 'test', 'b')]));
    const data = await openPreferenceData(path);
    expect(await checkSignals(data)).toEqual([]);
    await expect(checkSignals(data, { requireHistory: true })).rejects.toThrow(
      /no user has two labelled rows/,
    );
  });

  it('are found with a limit too, of later rows of the same users alone', async () => {
    const rows = [
      row('u', 'test', 'a'),
      row('v', 'train', 'b'),
      row('u', 'train', 'c'),
      row('u', 'test', 'd'),
    ];
    const path = write('limit.jsonl', jsonLines(rows));
    const data = await openPreferenceData(path, { split: 'test', limit: 1 });
    expect(data).toMatchObject({ count: 1, available: 2 });
    const all = [];
    for await (const each of data.rows()) all.push(each);
    expect(all).toMatchObject([{ id: '1', user: { history: [{ chosen: 'good c' }] } }]);
  });
});

const SHARED = resolve('../shared/cases/data');

describe.skipIf(!existsSync(SHARED))('cases of ../shared (skipped where they are absent)', () => {
  const at = (name: string) => `${SHARED}/${name}`;

  it('keep users apart and join them by their digits', async () => {
    const users = at('bigint_users_str.jsonl');
    const rows = await readRows(at('bigint_ids.jsonl'), { users });
    expect(rows.map((row) => [row.userId, row.user.criteria, row.user.history.length])).toEqual([
      ['1234567890123456789', 'Lists please.', 1],
      ['1234567890123456790', 'No lists please.', 0],
      ['1234567890123456789', 'Lists please.', 1],
    ]);
    const decimals = await readRows(at('p_decimal_id.parquet'));
    expect(decimals.map((row) => row.userId)).toEqual(['12345678901234567890', '12345678901234567891', '1']);
    const nan = await readRows(at('p_nan_two.parquet'));
    expect(nan.map((row) => [row.userId, row.user.history.length])).toEqual([
      [undefined, 0],
      [undefined, 0],
      ['18', 0],
    ]);
  });

  it('join what is safe to join and say how many', async () => {
    const data = await openPreferenceData(at('join_data.jsonl'), { users: at('join_users.jsonl') });
    expect(data.users).toMatchObject({ userCount: 7, usersInData: 2 });
    const rows = await readRows(at('join_data.jsonl'), { users: at('join_users.jsonl') });
    expect(rows.flatMap((row) => (row.user.criteria === undefined ? [] : [row.userId]))).toEqual([
      'j\u00f6rg',
      'ulla',
    ]);
  });

  it.each([
    ['ultrafeedback.jsonl', 2],
    ['splits_seen.jsonl', 2],
    ['nan.jsonl', 1],
    ['rb2_lists.jsonl', 1],
    ['tool_turns.jsonl', 1],
    ['prism_variants.jsonl', 5],
    ['system_column.jsonl', 1],
    ['json_in_string.jsonl', 1],
    ['sharegpt_chosen.jsonl', 1],
  ])('%s gives %i rows, each with a label', async (name, count) => {
    const rows = await readRows(at(name));
    expect(rows).toHaveLength(count);
    for (const row of rows) expect(row.label).toBeTypeOf('number');
    if (name === 'rb2_lists.jsonl') expect(rows[0]?.item.candidates).toHaveLength(4);
    if (name === 'ultrafeedback.jsonl') expect(rows[1]?.user.history).toHaveLength(1);
    const text = JSON.stringify(rows.map((row) => row.item));
    expect(text).not.toMatch(/\\"role\\"|undefined|null/);
  });
});

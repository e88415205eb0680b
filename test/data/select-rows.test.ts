import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { openPreferenceData, type PreferenceData } from '../../src/data/preference-data.js';
import { selectRows } from '../../src/data/select-rows.js';
import { temporaryFolder, writeRows } from '../support/preference-file.js';

let folder: string;
let data: PreferenceData;

const of = (id: string, user?: string) => ({
  id,
  ...(user === undefined ? {} : { user_id: user }),
  prompt: `question ${id}`,
  chosen: `good ${id}`,
  rejected: `poor ${id}`,
});

beforeEach(async () => {
  folder = await temporaryFolder();
  const users = await writeRows(join(folder, 'users.jsonl'), [
    { user_id: 'a', group: 'Unseen' },
    { user_id: 'b', group: 'train' },
    { user_id: 'c', group: 'unseen' },
  ]);
  const path = await writeRows(join(folder, 'data.jsonl'), [
    of('a1', 'a'),
    of('a2', 'a'),
    of('b1', 'b'),
    { nonsense: true },
    of('a3', 'a'),
    of('c1', 'c'),
    of('nobody'),
    of('c2', 'c'),
  ]);
  data = await openPreferenceData(path, { users, format: 'trl' });
});

async function ids(selected: PreferenceData): Promise<string[]> {
  const found: string[] = [];
  for await (const row of selected.rows()) found.push(row.kind === 'row' ? row.id : 'problem');
  return found;
}

describe('selectRows', () => {
  it('takes the rows of a group, and keeps those that fit no shape', async () => {
    const unseen = await selectRows(data, { group: 'unseen' });
    expect(await ids(unseen)).toEqual(['a1', 'a2', 'problem', 'a3', 'c1', 'c2']);
    expect(unseen).toMatchObject({
      count: 6,
      problems: 1,
      selection: { group: 'unseen', rowsPerUser: null },
    });
    for (const group of ['train', 'seen'])
      expect(await ids(await selectRows(data, { group }))).toEqual(['b1', 'problem']);
  });

  it("takes every user's first row before any second one, a larger number adding rows at the end", async () => {
    const one = await ids(await selectRows(data, { rowsPerUser: 1 }));
    expect(one).toEqual(['a1', 'b1', 'problem', 'c1', 'nobody']);
    const two = await selectRows(data, { rowsPerUser: 2 });
    expect(await ids(two)).toEqual([...one, 'a2', 'c2']);
    expect(two).toMatchObject({ count: 7, problems: 1 });
    const many = await selectRows(data, { rowsPerUser: 1000 });
    expect(await ids(many)).toEqual([...one, 'a2', 'c2', 'a3']);
    expect(many.count).toBe(8);
  });

  it('takes both together, and the same rows on a second reading', async () => {
    const both = await selectRows(data, { group: 'unseen', rowsPerUser: 1 });
    expect(await ids(both)).toEqual(['a1', 'problem', 'c1']);
    expect(await ids(both)).toEqual(['a1', 'problem', 'c1']);
    expect(await selectRows(data, {})).toBe(data);
  });

  it('keeps the histories of rows that are left out', async () => {
    for await (const row of (await selectRows(data, { rowsPerUser: 1 })).rows())
      if (row.kind === 'row' && row.id === 'a1')
        expect(row.user.history.map(({ chosen }) => chosen)).toEqual(['good a2', 'good a3']);
  });

  it('says which groups there are, and what a group needs', async () => {
    await expect(selectRows(data, { group: 'else' })).rejects.toMatchObject({
      code: 'INVALID_OPTION',
      message: expect.stringMatching(/no row of a user of group else; its rows are of: none, seen, unseen/),
    });
    const bare = await openPreferenceData(data.path, { format: 'trl' });
    await expect(selectRows(bare, { group: 'unseen' })).rejects.toMatchObject({
      code: 'INVALID_OPTION',
      message: expect.stringMatching(/--users FILE/),
    });
  });
});

import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { openPreferenceData, type PreferenceData } from '../../src/data/preference-data.js';
import { sampleRows } from '../../src/data/sample-rows.js';
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

describe('sampleRows', () => {
  it('draws the same rows every time, a larger sample adding rows at the end', async () => {
    const three = await sampleRows(data, 3);
    expect(three).toMatchObject({ count: 3, available: 3 });
    const drawn = await ids(three);
    expect(await ids(three)).toEqual(drawn);
    const all = await ids(await sampleRows(data, 100));
    expect(all.slice(0, 3)).toEqual(drawn);
    expect([...all].sort()).toEqual([...(await ids(data))].sort());
    expect(all).not.toEqual(await ids(data));
  });

  it('draws by the id alone: of what is selected before, the same rows come first', async () => {
    const whole = await ids(await sampleRows(data, 100));
    const first = await selectRows(data, { rowsPerUser: 1 });
    const kept = new Set(await ids(first));
    expect(await ids(await sampleRows(first, 100))).toEqual(whole.filter((id) => kept.has(id)));
  });

  it('is fair: every row is drawn about equally often', async () => {
    const rows = Array.from({ length: 2000 }, (_, at) => of(`row ${at}`, `u${at % 7}`));
    const many = await openPreferenceData(await writeRows(join(folder, 'many.jsonl'), rows), {
      format: 'trl',
    });
    const drawn = (await ids(await sampleRows(many, 500))).map((id) => Number(id.slice(4)));
    const early = drawn.filter((at) => at < 1000).length;
    // Binomial of 500: 5 standard deviations are 56.
    expect(Math.abs(early - 250)).toBeLessThan(56);
  });
});

import { describe, expect, it } from 'vitest';
import { openPreferenceData } from '../../src/data/preference-data.js';
import type { Row } from './made-files.js';
import { jsonLines, makeFolder, pair, readAll, readRows } from './made-files.js';

const write = makeFolder();
let files = 0;

function file(...rows: unknown[]): string {
  files += 1;
  return write(`rows-${files}.jsonl`, jsonLines(rows));
}

const user = (content: string) => ({ role: 'user', content });
const assistant = (content: string) => ({ role: 'assistant', content });

/** The one row of a file, with the preferred reply by name. */
async function single(row: Row) {
  const rows = await readRows(file(row));
  expect(rows).toHaveLength(1);
  const [first] = rows;
  if (first === undefined) throw new TypeError('no row');
  const { candidates } = first.item;
  return {
    ...first,
    preferred: first.label === undefined ? undefined : candidates[first.label],
    other: first.label === undefined ? undefined : candidates[1 - first.label],
  };
}

async function reasonFor(row: Row, format?: 'trl' | 'prism' | 'lamp-qa' | 'personal-reward-bench') {
  const good = pair('fits', 'u', 'test');
  const all = await readAll(file(good, row), format && { format });
  const last = all.at(-1);
  if (last?.kind !== 'problem') throw new TypeError('expected a problem');
  expect(last.number).toBe(2);
  return last.reason;
}

describe('PersonalRewardBench', () => {
  it('reads turns of role model as those of the assistant and ignores judge columns', async () => {
    const row = await single({
      ...pair('c1', 'u1', 'val'),
      context: [user('hi'), { role: 'model', content: 'hello' }, user('what now?')],
      judge_score: 7,
    });
    expect(row.item.context).toEqual([user('hi'), assistant('hello'), user('what now?')]);
    expect(row).toMatchObject({ id: 'c1', userId: 'u1', split: 'validation', preferred: 'good c1' });
    expect(JSON.stringify(row)).not.toContain('judge');
  });

  it('reads rows with responses or candidates and no label, in the order of the file', async () => {
    for (const name of ['responses', 'candidates']) {
      const { chosen: _, rejected: __, ...rest } = pair('c', 'u', 'query');
      const row = await single({
        ...rest,
        [name]: ['one', { role: 'model', content: 'two' }, [assistant('three')]],
      });
      expect(row.item.candidates).toEqual(['one', 'two', 'three']);
      expect(row.label).toBeUndefined();
    }
  });

  it('allows identical candidates', async () => {
    const row = await single({ ...pair('c', 'u', 'test'), chosen: 'same', rejected: 'same' });
    expect(row.item.candidates).toEqual(['same', 'same']);
  });
});

describe('TRL', () => {
  const expected = { preferred: 'yes', other: 'no' };

  it('reads texts', async () => {
    const row = await single({ prompt: 'q', chosen: 'yes', rejected: 'no' });
    expect(row).toMatchObject({ ...expected, id: '1', item: { context: [user('q')] } });
  });

  it('reads turn lists with a prompt of turns', async () => {
    const prompt = [{ role: 'system', content: 'be brief' }, user('q')];
    const row = await single({ prompt, chosen: [assistant('yes')], rejected: [assistant('no')] });
    expect(row).toMatchObject({ ...expected, item: { context: prompt } });
  });

  it('finds the prompt inside both lists', async () => {
    const shared = [user('q1'), assistant('a1'), user('q2')];
    const lists = { chosen: [...shared, assistant('yes')], rejected: [...shared, assistant('no')] };
    expect(await single(lists)).toMatchObject({ ...expected, item: { context: shared } });
    expect(await single({ ...lists, prompt: 'q1' })).toMatchObject({
      ...expected,
      item: { context: shared },
    });
    expect(await single({ ...lists, prompt: [user('q2')] })).toMatchObject({ item: { context: shared } });
  });

  it('keeps identical last turns out of the shared prompt', async () => {
    const list = [user('q'), assistant('same')];
    const row = await single({ chosen: list, rejected: list });
    expect(row.item).toEqual({ context: [user('q')], candidates: ['same', 'same'] });
  });

  it('finds the prompt inside texts headed Human and Assistant', async () => {
    const start = '\n\nHuman: q1\n\nAssistant: a1\n\nHuman: q2\n\nAssistant:';
    const row = await single({ chosen: `${start} yes`, rejected: `${start} no` });
    expect(row).toMatchObject({ ...expected, item: { context: [user('q1'), assistant('a1'), user('q2')] } });
  });

  it('reads lists of text parts and names what is not text', async () => {
    const row = await single({
      prompt: [{ role: 'user', content: [{ type: 'text', text: 'q' }] }],
      chosen: 'yes',
      rejected: 'no',
    });
    expect(row.item.context).toEqual([user('q')]);
    const image = { prompt: [{ role: 'user', content: [{ type: 'image' }] }], chosen: 'a', rejected: 'b' };
    expect(await reasonFor(image, 'trl')).toMatch(/prompt\[0\]\.content\[0\]: expected a text part/);
  });

  it('takes user_id and history along', async () => {
    const history = [{ query: 'old', chosen: 'c', rejected: 'r', chosen_score: 80 }];
    const row = await single({ prompt: 'q', chosen: 'yes', rejected: 'no', user_id: 7, history });
    expect(row.user).toEqual({
      id: '7',
      history: [{ context: [user('old')], chosen: 'c', rejected: 'r', chosenScore: 80 }],
    });
  });
});

describe('RewardBench', () => {
  it('reads subset and a numeric id', async () => {
    const data = await openPreferenceData(
      file({ id: 30, prompt: 'q', chosen: 'yes', rejected: 'no', subset: 'chat' }),
    );
    expect(data.format).toBe('reward-bench');
    const row = await single({ id: 30, prompt: 'q', chosen: 'yes', rejected: 'no', subset: 'chat' });
    expect(row).toMatchObject({ id: '30', subset: 'chat', preferred: 'yes', user: { history: [] } });
  });
});

describe('LaMP-QA', () => {
  const question = {
    id: 'q1',
    question: 'How do I keep basil alive indoors?',
    profile: Array.from({ length: 30 }, (_, index) => ({
      id: `p${index}`,
      category: 'home',
      text: index === 17 ? `My basil indoors dies ${'x'.repeat(2000)}` : `Post about topic${index}`,
    })),
    rubric_aspects: [{ aspect: 'SECRET-ASPECT', evidence: 'SECRET-EVIDENCE', reason: 'SECRET-REASON' }],
    narrative: 'SECRET-NARRATIVE',
    chosen: 'Water it.',
    rejected: 'Buy another.',
  };

  it('lets no string of the answer key into the row, also under another format', async () => {
    for (const format of ['lamp-qa', 'trl'] as const) {
      const rows = await readRows(file(question), { format });
      expect(rows).toHaveLength(1);
      expect(JSON.stringify(rows)).not.toMatch(/SECRET/);
      expect(JSON.stringify(rows)).not.toMatch(/rubric|narrative|aspect/i);
    }
  });

  it('gives the posts nearest to the question as past writing, cut, and no history', async () => {
    const row = await single(question);
    expect(row.user.history).toEqual([]);
    const lines = row.user.criteria?.split('\n') ?? [];
    expect(lines[0]).toBe('Posts that this user wrote earlier:');
    expect(lines).toHaveLength(1 + 8);
    expect(lines.find((line) => line.includes('basil'))).toMatch(
      /^- \[home\] My basil indoors dies x+ \.\.\.$/,
    );
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThan(640);
  });

  it('reads an empty profile', async () => {
    const row = await single({ ...question, profile: [] });
    expect(row.user).toEqual({ history: [] });
  });
});

describe('rows that do not fit are problems with their field', () => {
  const base = { context: [user('q')], chosen: 'a', rejected: 'b' };
  const cases: [string, Row, RegExp][] = [
    ['no query', { ...base, context: [] }, /^context: expected turns that end with the user's query/],
    [
      'blank query',
      { ...base, context: [user('  ')] },
      /^context: the user's query, its last turn, is empty/,
    ],
    [
      'an assistant last',
      { ...base, context: [user('q'), assistant('a')] },
      /last turn, came a turn of the assistant/,
    ],
    ['a context that is an object', { ...base, context: { q: 1 } }, /^context: .*came an object with q/],
    [
      'a turn that is a number',
      { ...base, context: [3] },
      /^context\[0\]: expected a turn .*came the number 3/,
    ],
    [
      'an unknown role',
      { ...base, context: [{ role: 'constructor', content: 'q' }] },
      /context\[0\]\.role: .*"constructor"/,
    ],
    [
      'content missing',
      { ...base, context: [{ role: 'user' }] },
      /context\[0\]\.content: expected a string, came nothing/,
    ],
    ['an empty candidate', { ...base, chosen: '' }, /^chosen: .*came an empty string/],
    ['a candidate that is a number', { ...base, rejected: 4 }, /^rejected: .*came the number 4/],
    ['no rejected', { context: base.context, chosen: 'a' }, /^rejected: expected a reply, came nothing/],
    ['no replies', { context: base.context }, /expected chosen and rejected, or responses/],
    [
      'one response',
      { context: base.context, responses: ['a'] },
      /^responses: .*two or more.*came a list of 1/,
    ],
    [
      'an empty response',
      { context: base.context, responses: ['a', null] },
      /^responses\[1\]: expected a reply/,
    ],
    ['a reply of the user', { ...base, chosen: user('a') }, /^chosen: expected a turn of the assistant/],
    [
      'two turns in a reply',
      { ...base, chosen: [assistant('a'), assistant('b')] },
      /^chosen: expected one reply/,
    ],
    ['a history that is a string', { ...base, history: 'x' }, /^history: expected a list/],
    [
      'a history event without chosen',
      { ...base, history: [{ prompt: 'q', rejected: 'r' }] },
      /^history\[0\]\.chosen/,
    ],
    ['a user id that is a list', { ...base, user_id: [1] }, /^user_id: expected a string or a number/],
  ];
  it.each(cases)('%s', async (_, row, reason) => {
    expect(await reasonFor(row)).toMatch(reason);
  });

  it('names lines that are no JSON object, and goes on', async () => {
    const path = write(
      'mixed.jsonl',
      `${jsonLines([pair('a', 'u', 'test')])}{"context": \n\n[1]\n${jsonLines([pair('b', 'u', 'test')])}`,
    );
    const all = await readAll(path, { split: 'test' });
    expect(all.map((row) => [row.kind, row.number])).toEqual([
      ['row', 1],
      ['problem', 2],
      ['problem', 3],
      ['row', 4],
    ]);
    expect(all[1]).toMatchObject({ reason: expect.stringMatching(/^line 2 is not JSON: /) });
    expect(all[2]).toMatchObject({ reason: 'expected an object with fields, came a list of 1' });
    expect(await openPreferenceData(path, { split: 'test' })).toMatchObject({ count: 4, problems: 2 });
  });
});

describe('ids and the order of candidates', () => {
  it('makes repeated ids unique, the same whatever split is asked for', async () => {
    const rows = [
      pair('a', 'u', 'train'),
      pair('a#2', 'u', 'test'),
      pair('a', 'u', 'test'),
      pair('a', 'u', 'test'),
    ];
    const path = file(...rows);
    expect((await readRows(path)).map((row) => row.id)).toEqual(['a', 'a#2', 'a#3', 'a#4']);
    expect((await readRows(path, { split: 'test' })).map((row) => row.id)).toEqual(['a#2', 'a#3', 'a#4']);
  });

  it('orders candidates by the id alone: both orders occur, and a second reading gives the same', async () => {
    const path = file(...Array.from({ length: 200 }, (_, index) => pair(`c${index}`, 'u', 'test')));
    const rows = await readRows(path);
    const first = rows.filter((row) => row.label === 0).length;
    expect(first).toBeGreaterThan(60);
    expect(first).toBeLessThan(140);
    for (const row of rows) expect(row.item.candidates[row.label ?? -1]).toBe(`good ${row.id}`);
    expect(await readRows(path)).toEqual(rows);
  });
});

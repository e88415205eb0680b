import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { openPreferenceData } from '../../src/data/preference-data.js';
import type { Row } from './made-files.js';
import { jsonLines, makeFolder, readAll, readRows } from './made-files.js';

const write = makeFolder();

function replies(turn: number, scores: readonly number[], chosen?: number): Row[] {
  return scores.map((score, index) => ({
    turn,
    role: 'model',
    content: `reply ${turn}.${index}`,
    model_name: 'm',
    score,
    if_chosen: index === chosen,
    within_turn_id: index,
  }));
}

function conversation(id: string, history: readonly Row[], extra: Row = {}): Row {
  return {
    conversation_id: id,
    user_id: 'user1',
    conversation_type: 'unguided',
    opening_prompt: `${id} opens`,
    conversation_history: history,
    open_feedback: 'SECRET: reply 0.2 was best',
    performance_attributes: { safety: 11 },
    ...extra,
  };
}

const twoTurns = (id: string) =>
  conversation(
    id,
    [
      { turn: 0, role: 'user', content: `${id} first` },
      ...replies(0, [20, 55, 90, 3], 2),
      { turn: 1, role: 'user', content: `${id} second` },
      ...replies(1, [40, 60], 1),
    ],
    { choice_attributes: { factuality: id === 'c1' ? 80 : 60, safety: null, helpfulness: 100 } },
  );

const SURVEY = {
  user_id: 'user1',
  system_string: 'Be exact.',
  self_description: 'I value honesty.',
  stated_prefs: { values: 20, factuality: 95, safety: null, other: 70, other_text: 'humour' },
  age: '25-34 years old',
  gender: 'Female',
};

describe('PRISM conversations', () => {
  it('gives a row for every turn with two or more replies, on the path of chosen replies', async () => {
    const path = write('conversations.jsonl', jsonLines([twoTurns('c1'), twoTurns('c2')]));
    const data = await openPreferenceData(path);
    expect(data).toMatchObject({ format: 'prism', count: 4 });
    const rows = await readRows(path);
    expect(rows.map((row) => [row.id, row.number])).toEqual([
      ['c1/0', 1],
      ['c1/1', 1],
      ['c2/0', 2],
      ['c2/1', 2],
    ]);
    expect(rows[0]?.item.candidates).toHaveLength(4);
    expect(rows[0]?.item.candidates[rows[0].label ?? -1]).toBe('reply 0.2');
    expect(rows[1]?.item.context.map((turn) => turn.content)).toEqual(['c1 first', 'reply 0.2', 'c1 second']);
    expect(rows[1]?.item.candidates[rows[1].label ?? -1]).toBe('reply 1.1');
  });

  it("takes history and choice attributes from the user's other conversations only", async () => {
    const path = write('conversations.jsonl', jsonLines([twoTurns('c1'), twoTurns('c2'), twoTurns('c3')]));
    const rows = await readRows(path);
    const first = rows.find((row) => row.id === 'c1/1');
    expect(first?.user.history.map((event) => event.context[0]?.content)).toEqual([
      'c2 first',
      'c2 first',
      'c3 first',
      'c3 first',
    ]);
    expect(first?.user.history[0]).toMatchObject({
      chosen: 'reply 0.2',
      rejected: 'reply 0.3',
      chosenScore: 90,
      rejectedScore: 3,
    });
    expect(first?.user.criteria).toMatch(/past choices.*: helpfulness 100, factuality 60$/);
    const last = rows.find((row) => row.id === 'c3/0');
    expect(last?.user.criteria).toMatch(/factuality 70$/);
    expect(JSON.stringify(rows)).not.toMatch(/SECRET|safety/);
  });

  it('joins the survey, given or beside the conversations', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'pgenrm-prism-'));
    afterAll(() => rmSync(folder, { recursive: true, force: true }));
    mkdirSync(join(folder, 'with'));
    const alone = join(folder, 'conversations.jsonl');
    const beside = join(folder, 'with', 'conversations.jsonl');
    const survey = join(folder, 'with', 'survey.jsonl');
    for (const path of [alone, beside])
      writeFileSync(path, jsonLines([conversation('c1', twoTurns('c1').conversation_history as Row[])]));
    writeFileSync(survey, jsonLines([SURVEY, { ...SURVEY, user_id: 'user2', system_string: 'other' }]));
    const [given] = await readRows(alone, { users: survey });
    expect(given?.user.criteria?.split('\n')).toEqual([
      "How an assistant should be, in the user's words: Be exact.",
      "The user's values, in their words: I value honesty.",
      'How much the user says these matter (0 to 100): factuality 95, "humour" 70, values 20',
    ]);
    const found = await openPreferenceData(beside);
    expect(found.users?.path).toBe(survey);
    expect((await readRows(beside))[0]?.user).toEqual(given?.user);
    expect((await readRows(alone))[0]?.user.criteria).toBeUndefined();
    await expect(openPreferenceData(survey)).rejects.toThrow(/survey of PRISM: give it as the users file/);
  });

  it('takes the highest score where no reply is marked, and no label where two share it', async () => {
    const open = { turn: 0, role: 'user', content: 'q' };
    const path = write(
      'scores.jsonl',
      jsonLines([
        conversation('clear', [open, ...replies(0, [10, 70, 30])]),
        conversation('tied', [open, ...replies(0, [70, 70])]),
        conversation('marked twice', [
          open,
          ...replies(0, [70, 70]).map((reply) => ({ ...reply, if_chosen: true })),
        ]),
      ]),
    );
    const rows = await readRows(path);
    expect(rows.map((row) => row.label !== undefined)).toEqual([true, false, false]);
    expect(rows[0]?.item.candidates[rows[0].label ?? -1]).toBe('reply 0.1');
    expect(rows[1]?.item.candidates).toEqual(['reply 0.0', 'reply 0.1']);
  });

  it('gives a problem for a conversation that does not fit', async () => {
    const bad: [Row, RegExp][] = [
      [{ ...twoTurns('x'), conversation_id: null }, /conversation_id: expected an id, came nothing/],
      [conversation('none', []), /expected a turn with two or more replies/],
      [conversation('noquery', replies(0, [1, 2], 0)), /turn 0: the user's query is missing/],
      [conversation('role', [{ turn: 0, role: 'tool', content: 'x' }]), /\[0\]\.role: .*"tool"/],
      [conversation('turn', [{ role: 'user', content: 'x' }]), /\[0\]\.turn: expected a number/],
      [{ ...conversation('text', []), conversation_history: 'x' }, /expected a list of utterances/],
    ];
    const all = await readAll(write('bad.jsonl', jsonLines([twoTurns('ok'), ...bad.map(([row]) => row)])));
    const problems = all.flatMap((row) => (row.kind === 'problem' ? [row] : []));
    expect(problems.map((problem) => problem.number)).toEqual(bad.map((_, index) => index + 2));
    for (const [index, [, reason]] of bad.entries()) expect(problems[index]?.reason).toMatch(reason);
  });

  it('leaves out empty replies and empty turns, and keeps the rest of the conversation', async () => {
    const empty = { turn: 0, role: 'model', content: ' ' };
    const query = (turn: number, content = `q${turn}`) => ({ turn, role: 'user', content });
    const rows = await readRows(
      write(
        'empty.jsonl',
        jsonLines([
          conversation('reply', [query(0), ...replies(0, [1, 2]), empty]),
          conversation('turn', [
            query(0),
            ...replies(0, [1, 2]),
            query(1, ''),
            ...replies(1, [1, 2]),
            query(2),
            ...replies(2, [2, 1]),
          ]),
          conversation('chosen', [query(0), ...replies(0, [1, 2]), { ...empty, if_chosen: 'True' }]),
        ]),
      ),
    );
    expect(rows.map((row) => [row.id, row.item.candidates.length, row.label !== undefined])).toEqual([
      ['reply/0', 2, true],
      ['turn/0', 2, true],
      ['turn/2', 2, true],
      // The user chose the reply that is empty, so none of the others is their choice.
      ['chosen/0', 2, false],
    ]);
    expect(rows[2]?.item.context.map((turn) => turn.content)).toEqual(['q0', 'reply 0.1', 'q2']);
  });
});

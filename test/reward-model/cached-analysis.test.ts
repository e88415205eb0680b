import { describe, expect, it } from 'vitest';
import { AnalysisCache, analysisKey } from '../../src/reward-model/analysis-cache.js';
import type { JudgeInput, Judgment } from '../../src/reward-model/judgment.js';
import { suiteFolder } from '../bank/made-bank.js';
import { byLength, type FakeSample } from '../support/fake-generator.js';
import { bankWorld, shownUser } from './bank-world.js';

const folder = await suiteFolder();

const event = (chosen: string) => ({
  context: [{ role: 'user' as const, content: 'old query' }],
  chosen,
  rejected: 'other',
});

function item(id: string, user: string, changes: Partial<JudgeInput> = {}): JudgeInput {
  return {
    id,
    user: { id: user, history: [event(`of ${user}`)] },
    prompt: `query ${id} end`,
    candidates: ['aaaa', 'aaaaaaa'],
    ...changes,
  };
}

/** Part 1 tells for which query and with which seed it was written. */
function tellsQuery(sample: FakeSample): string {
  const query = /query (\S+) end/.exec(sample.prompt)?.[1];
  return byLength(sample).replace('Likes what fits.', `Query ${query}, seed ${sample.seed}.`);
}

const lostFor =
  (lost: string) =>
  (sample: FakeSample): string =>
    sample.prompt.includes(`query ${lost} end`) && shownUser(sample.prompt) === null
      ? 'no chain'
      : tellsQuery(sample);

async function judged(
  inputs: readonly JudgeInput[],
  {
    delayMs = 0,
    concurrency = 4,
    script = tellsQuery,
  }: {
    delayMs?: number | ((prompt: string) => number);
    concurrency?: number;
    script?: typeof tellsQuery;
  } = {},
) {
  const { model, embedder } = await bankWorld(folder, { generator: { script, delayMs, samplesAtOnce: 64 } });
  const judgments: Judgment[] = [];
  const options = { individual: 4, prototypes: 2, retrieveBy: 'cached', concurrency } as const;
  for await (const { judgment, error } of model.judgeMany(inputs, options)) {
    if (judgment === undefined) throw error;
    judgments.push(judgment);
  }
  return { judgments, texts: embedder.texts };
}

const retrievals = (judgments: readonly Judgment[]): unknown[] =>
  judgments.map(({ retrieval }) => [retrieval!.by, retrieval!.chain, retrieval!.from]);

describe('judgeMany with cached analyses', () => {
  it('seeks later items of a user by part 1 of their first one', async () => {
    const inputs = [item('a1', 'a'), item('b1', 'b'), item('a2', 'a'), item('a3', 'a')];
    const { judgments, texts } = await judged(inputs, { concurrency: 1 });
    expect(retrievals(judgments)).toEqual([
      ['chain', 0, undefined],
      ['chain', 0, undefined],
      ['cached', null, 'a1'],
      ['cached', null, 'a1'],
    ]);
    expect(texts[0]).toContain('Query a1,');
    expect(texts[2]).toBe(texts[0]);
    expect(texts[3]).toBe(texts[0]);
    const neighbours = ({ retrieval }: Judgment) => retrieval!.neighbours;
    expect(neighbours(judgments[3]!)).toEqual(neighbours(judgments[0]!));
  });

  it('does not depend on which item or chain ends first', async () => {
    const inputs = ['a1', 'b1', 'a2', 'b2', 'a3'].map((id) => item(id, id[0]!));
    const calm = await judged(inputs, { concurrency: 1 });
    let calls = 0;
    const hurried = await judged(inputs, {
      concurrency: 5,
      // First items are slow, and of every two requests for an item the first is.
      delayMs: (prompt) => {
        calls += 1;
        return (/query .1 end/.test(prompt) ? 40 : 0) + (calls % 2 === 1 ? 20 : 0);
      },
    });
    expect(retrievals(hurried.judgments)).toEqual(retrievals(calm.judgments));
    expect([...hurried.texts].sort()).toEqual([...calm.texts].sort());
  });

  it('goes on with the next item where the first one has no chain that can be read', async () => {
    const { judgments } = await judged([item('a1', 'a'), item('a2', 'a'), item('a3', 'a')], {
      script: lostFor('a1'),
    });
    expect(retrievals(judgments)).toEqual([
      ['history', null, undefined],
      ['chain', 0, undefined],
      ['cached', null, 'a2'],
    ]);
    expect(judgments[0]!.retrieval!.ownChainsLost).toBe(true);
  });

  it('passes over lost chains by their number', async () => {
    let seen = 0;
    const { judgments } = await judged([item('a1', 'a'), item('a2', 'a')], {
      concurrency: 1,
      script: (sample) => {
        const first = shownUser(sample.prompt) === null && seen === 0;
        seen += 1;
        return first ? 'lost' : tellsQuery(sample);
      },
    });
    expect(retrievals(judgments)).toEqual([
      ['chain', 1, undefined],
      ['cached', null, 'a1'],
    ]);
  });

  it('never lends a text that was written with other history, criteria or by another user', async () => {
    const history = [event('of a'), event('a secret choice')];
    const { judgments } = await judged([
      item('a1', 'a', { user: { id: 'a', history } }),
      item('a2', 'a'),
      item('a3', 'a', { user: { id: 'a', history: [event('of a')], criteria: 'Short.' } }),
      item('x1', 'a', { user: { history: [event('of a')] } }),
      item('x2', 'a', { user: { history: [event('of a')] } }),
    ]);
    expect(judgments.map(({ retrieval }) => retrieval!.by)).toEqual(Array(5).fill('chain'));
  });

  it('leaves users without history to their criteria, and says where there is nothing to go on', async () => {
    const { judgments } = await judged(
      ['Only facts.', 'Only facts.', '', ''].map((criteria, index) =>
        item(`c${index}`, criteria, { user: { id: `user ${criteria}`, history: [], criteria } }),
      ),
    );
    expect(judgments.map(({ retrieval }) => retrieval!.by)).toEqual(['criteria', 'criteria', null, null]);
  });

  it('lets nobody wait for an item that failed', async () => {
    const { model } = await bankWorld(folder, { generator: { script: tellsQuery, contextTokens: 5000 } });
    const inputs = [item('a1', 'a', { prompt: 'x'.repeat(6000) }), item('a2', 'a')];
    const outcomes = [];
    for await (const outcome of model.judgeMany(inputs, {
      prototypes: 1,
      retrieveBy: 'cached',
      maxTokens: 1500,
    }))
      outcomes.push(outcome.error?.code ?? outcome.judgment!.retrieval!.by);
    expect(outcomes).toEqual(['CONTEXT_OVERFLOW', 'chain']);
  });
});

describe('judge with cached analyses', () => {
  it('takes the analysis given, and its own first chain where there is none', async () => {
    const { model } = await bankWorld(folder, { generator: { script: tellsQuery } });
    const options = { individual: 2, prototypes: 2, retrieveBy: 'cached' } as const;
    const given = await model.judge(item('a1', 'a', { analysis: 'Likes it terse.' }), options);
    expect(given.retrieval).toMatchObject({ by: 'analysis' });
    expect((await model.judge(item('a1', 'a'), options)).retrieval).toMatchObject({ by: 'chain', chain: 0 });
  });

  it('stops at once while it waits for an earlier item', async () => {
    const { model } = await bankWorld(folder, { generator: { script: tellsQuery } });
    const cache = new AnalysisCache();
    const user = { id: 'a', history: [event('of a')] };
    const never = cache.turn(user, 'a1')!;
    const stop = new AbortController();
    const judgment = model.judgeInTurn(
      item('a2', 'a'),
      { prototypes: 1, retrieveBy: 'cached', signal: stop.signal },
      cache.turn(user, 'a2')!,
    );
    setTimeout(() => stop.abort(new Error('enough')), 20);
    await expect(judgment).rejects.toThrow('enough');
    never.settle(null);
  });
});

describe('AnalysisCache', () => {
  const user = (id: string) => ({ id, history: [event(`of ${id}`)] });

  it('keeps a bounded number of users, the one longest without an item goes first', async () => {
    const cache = new AnalysisCache(2);
    const write = async (id: string, key: string) => {
      const turn = cache.turn(user(id), key)!;
      const earlier = await turn.earlier;
      turn.settle(`text of ${key}`);
      return { earlier: earlier?.from ?? null, record: await turn.end() };
    };
    expect((await write('a', 'a1')).record.text).toBe('text of a1');
    await write('b', 'b1');
    expect(await write('a', 'a2')).toEqual({ earlier: 'a1', record: { of: analysisKey(user('a')) } });
    await write('c', 'c1');
    expect((await write('b', 'b2')).earlier).toBeNull();
    expect((await write('c', 'c2')).earlier).toBe('c1');
  });

  it('stands after a replay of lines where it stood after the rows', async () => {
    const lines: { key: string; record: { of: string; text?: string | undefined } }[] = [];
    const session = async (cache: AnalysisCache, keys: readonly string[]) => {
      const got: (string | undefined)[] = [];
      for (const key of keys) {
        const turn = cache.turn(user(key[0]!), key)!;
        got.push((await turn.earlier)?.text);
        turn.settle(key === 'a1' ? null : `text of ${key}`);
        lines.push({ key, record: await turn.end() });
      }
      return got;
    };
    const keys = ['a1', 'b1', 'a2', 'c1', 'b2', 'a3', 'c2', 'd1', 'a4', 'b3'];
    const whole = await session(new AnalysisCache(2), keys);
    for (let cut = 0; cut <= keys.length; cut += 1) {
      lines.length = 0;
      const before = await session(new AnalysisCache(2), keys.slice(0, cut));
      const resumed = new AnalysisCache(2);
      for (const { key, record } of [...lines]) resumed.replay(record, key);
      expect([...before, ...(await session(resumed, keys.slice(cut)))]).toEqual(whole);
    }
  });
});

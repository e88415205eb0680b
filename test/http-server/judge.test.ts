// What the judging endpoints answer: one item, many, streams, ranks, groups, anchors and gathered candidates.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startServer, type TestServer } from '../support/reward-server.js';

/** The fake scores a response by its length: 1 + length % 10. */
const texts = (...lengths: number[]): string[] => lengths.map((length) => 'x'.repeat(length));
const history = [{ prompt: 'Before?', chosen: 'x'.repeat(8), rejected: 'x'.repeat(3) }];

let test: TestServer;
beforeAll(async () => {
  test = await startServer();
});
afterAll(() => test[Symbol.asyncDispose]());

describe('POST /v1/judge', () => {
  it('scores the candidates of one item and gives rewards beside the scores', async () => {
    const { status, json } = await test.ask('/v1/judge', {
      id: 'one',
      prompt: 'Why?',
      candidates: texts(4, 8),
      user: { history, criteria: 'Long answers.' },
      options: { individual: 2 },
      chains: true,
    });
    expect(status).toBe(200);
    expect(json).toMatchObject({
      id: 'one',
      model: 'fake',
      scores: [5, 9],
      rewards: [4 / 9, 8 / 9],
      winner: 1,
      tie: false,
      usable: 2,
      lost: {},
      usedEvents: 1,
      comparison: { kind: 'whole' },
      cost: { comparisons: 1, chains: 2 },
    });
    expect(json.chains).toHaveLength(2);
    expect(json.chains[0]).toMatchObject({ comparison: 0, level: 'individual', lost: null });
  });

  it('judges many, each with its own outcome', async () => {
    const { status, json } = await test.ask('/v1/judge', {
      inputs: [
        { prompt: 'a', candidates: texts(1, 2) },
        { prompt: 'b', candidates: texts(1, 2), context: [{ role: 'user', content: 'b' }] },
        { prompt: 'c', candidates: texts(5) },
      ],
    });
    expect(status).toBe(200);
    expect(json.results.map((one: { index: number }) => one.index)).toEqual([0, 1, 2]);
    expect(json.results[0].scores).toEqual([2, 3]);
    expect(json.results[1].error.code).toBe('INVALID_OPTION');
    expect(json.results[2].error.code).toBe('NO_ANCHORS');
    expect(json.results[2].scores).toBeUndefined();
  });

  it('streams chains as they come, and the judgment at the end', async () => {
    const response = await fetch(`${test.server.url}/v1/judge`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        prompt: 'p',
        candidates: texts(1, 2),
        options: { individual: 3 },
        stream: true,
      }),
    });
    expect(response.headers.get('content-type')).toBe('text/event-stream');
    const events = (await response.text()).split('\n\n').filter((event) => event !== '');
    expect(events.map((event) => /^event: (\w+)/.exec(event)?.[1])).toEqual([
      'started',
      'chain',
      'chain',
      'chain',
      'judged',
      'done',
    ]);
    expect(JSON.parse(/data: (.*)/.exec(events[4]!)![1]!)).toMatchObject({ index: 0, scores: [2, 3] });
  });

  it('never answers a failure with a score', async () => {
    await using lost = await startServer({ fake: { script: () => 'no chain at all' } });
    const { status, json } = await lost.ask('/v1/judge', { prompt: 'p', candidates: texts(1, 2) });
    expect(status).toBe(500);
    expect(json.error.code).toBe('NO_USABLE_CHAIN');
    expect(JSON.stringify(json)).not.toContain('score"');
    const broken = await startServer({
      fake: {
        script: () => {
          throw new Error('a defect');
        },
      },
    });
    const failed = await broken.ask('/v1/rank', { prompt: 'p', candidates: texts(1, 2) });
    expect([failed.status, failed.json.error.code]).toEqual([500, 'INTERNAL']);
    await broken.server.stop();
  });
});

describe('POST /v1/rank', () => {
  it('gives candidates best first, and the best', async () => {
    const { json } = await test.ask('/v1/rank', { prompt: 'p', candidates: texts(1, 7, 3, 7), topN: 3 });
    expect(json.best).toMatchObject({ index: 1, score: 8, rank: 1 });
    expect(json.tie).toBe(true);
    expect(json.ranked.map(({ index, rank }: { index: number; rank: number }) => [index, rank])).toEqual([
      [1, 1],
      [3, 1],
      [2, 3],
    ]);
  });

  it('judges more candidates than fit in overlapping groups, the same whenever it is asked', async () => {
    const candidates = Array.from({ length: 21 }, (_, n) => `${'x'.repeat(n % 9)}`.padEnd((n % 9) + 1, 'y'));
    const ask = () => test.ask('/v1/rank', { prompt: 'p', candidates, options: { seed: 5 } });
    const { json } = await ask();
    const { comparison, cost, ranked } = json;
    expect(comparison).toMatchObject({ kind: 'groups', seed: 5 });
    expect(comparison.anchors).toHaveLength(2);
    expect(comparison.groups).toHaveLength(4);
    expect(cost.comparisons).toBe(4);
    for (const group of comparison.groups) {
      expect(group.candidates.length).toBeLessThanOrEqual(8);
      expect(group.candidates.slice(0, 2)).toEqual(comparison.anchors);
      expect(group.shift).toBe(0);
    }
    const seen = comparison.groups.flatMap((group: { candidates: number[] }) => group.candidates);
    expect(new Set(seen).size).toBe(21);
    for (const { index, score } of ranked) expect(score).toBe(1 + (candidates[index]!.length % 10));
    expect((await ask()).json).toEqual(json);
  });

  it('makes groups smaller until they fit the context', async () => {
    await using small = await startServer({ fake: { contextTokens: 7000 } });
    const candidates = Array.from({ length: 8 }, (_, n) => 'x'.repeat(700 + n));
    const { status, json } = await small.ask('/v1/rank', {
      prompt: 'p',
      candidates,
      options: { maxTokens: 1600 },
    });
    expect(status).toBe(200);
    expect(json.comparison.kind).toBe('groups');
    const huge = await small.ask('/v1/rank', { prompt: 'p', candidates: ['x'.repeat(9000), 'y'] });
    expect([huge.status, huge.json.error.code]).toEqual([400, 'CONTEXT_OVERFLOW']);
  });
});

describe('a single candidate', () => {
  it('is judged against responses of the own history', async () => {
    const { status, json } = await test.ask('/v1/judge', {
      prompt: 'p',
      candidates: texts(6),
      user: { history },
      groupSize: 1,
    });
    expect(status).toBe(200);
    expect(json.scores).toEqual([7]);
    expect(json.comparison).toEqual({
      kind: 'anchored',
      anchors: [
        { event: 0, which: 'chosen', score: 9 },
        { event: 0, which: 'rejected', score: 4 },
      ],
    });
  });

  it('is refused without history', async () => {
    const { status, json } = await test.ask('/v1/judge', { prompt: 'alone', candidates: texts(6) });
    expect([status, json.error.code]).toEqual([422, 'NO_ANCHORS']);
  });

  it('is compared with those of other requests for the same user and prompt', async () => {
    const before = test.generator.requests.length;
    const answers = await Promise.all(
      [3, 5, 8, 5].map((length) =>
        test.ask('/v1/judge', {
          prompt: 'together',
          candidates: texts(length),
          user: { history },
          groupSize: 4,
        }),
      ),
    );
    expect(answers.map(({ json }) => json.scores[0])).toEqual([4, 6, 9, 6]);
    const [first] = answers;
    expect(first!.json.comparison).toMatchObject({ kind: 'gathered', size: 3, requests: 4, position: 0 });
    expect(new Set(answers.map(({ json }) => json.comparison.group)).size).toBe(1);
    expect(test.generator.requests.length - before).toBe(1);
    const other = await Promise.all(
      ['a', 'b'].map((prompt) =>
        test.ask('/v1/judge', { prompt, candidates: texts(3), user: { history }, groupSize: 2 }),
      ),
    );
    expect(other.map(({ json }) => json.comparison.kind)).toEqual(['anchored', 'anchored']);
  });
});

import { describe, expect, it } from 'vitest';
import { RewardModel } from '../../src/reward-model/reward-model.js';
import { chainText, FakeGenerator, type FakeSample } from '../support/fake-generator.js';

const scoring =
  (scores: Record<string, number>) =>
  ({ responses }: FakeSample): string =>
    chainText(responses.map((text) => scores[text]!));

async function modelOf(scores: Record<string, number>): Promise<RewardModel> {
  return RewardModel.over(new FakeGenerator({ script: scoring(scores) }));
}

describe('rank', () => {
  it('gives candidates best first with their places, in whatever order they were shown', async () => {
    await using model = await modelOf({ one: 3, two: 9, three: 1, four: 7 });
    const candidates = ['one', 'two', 'three', 'four'];
    for (const id of ['a', 'b', 'c']) {
      const { ranked, scores, judgment } = await model.rank(
        { id, prompt: 'q', candidates },
        { individual: 4 },
      );
      expect(ranked).toEqual([
        { index: 1, candidate: 'two', score: 9, rank: 1 },
        { index: 3, candidate: 'four', score: 7, rank: 2 },
        { index: 0, candidate: 'one', score: 3, rank: 3 },
        { index: 2, candidate: 'three', score: 1, rank: 4 },
      ]);
      expect(scores).toEqual([3, 9, 1, 7]);
      expect(judgment.status).toBe('scored');
    }
  });

  it('keeps the order of equal scores, which share a rank', async () => {
    await using model = await modelOf({ a: 2, b: 5, c: 5, d: 1 });
    const { ranked } = await model.rank({ prompt: 'q', candidates: ['a', 'b', 'c', 'd'] });
    expect(ranked.map(({ candidate, rank }) => `${candidate} ${rank}`)).toEqual(['b 1', 'c 1', 'a 3', 'd 4']);
  });

  it('ranks nothing where no chain is usable', async () => {
    await using model = await RewardModel.over(new FakeGenerator({ script: () => 'I would rather not.' }));
    const { ranked, scores, judgment } = await model.rank({ prompt: 'q', candidates: ['a', 'b'] });
    expect({ ranked, scores, status: judgment.status }).toEqual({
      ranked: [],
      scores: null,
      status: 'failed',
    });
  });

  it('refuses one candidate, as judge does', async () => {
    await using model = await modelOf({ a: 1 });
    await expect(model.rank({ prompt: 'q', candidates: ['a'] })).rejects.toMatchObject({
      code: 'INVALID_OPTION',
    });
  });
});

describe('bestOfN', () => {
  it('gives the best candidate, and says where another is as good', async () => {
    await using model = await modelOf({ a: 2, b: 5, c: 5, d: 9 });
    const clear = await model.bestOfN({ prompt: 'q', candidates: ['a', 'b', 'd'] });
    expect(clear).toMatchObject({ best: { index: 2, candidate: 'd', score: 9, rank: 1 }, tie: false });
    expect(clear.ranking.ranked).toHaveLength(3);
    const tied = await model.bestOfN({ prompt: 'q', candidates: ['a', 'c', 'b'] });
    expect(tied).toMatchObject({ best: { index: 1, candidate: 'c' }, tie: true });
  });

  it('gives none where no chain is usable', async () => {
    await using model = await RewardModel.over(new FakeGenerator({ script: () => 'no' }));
    expect(await model.bestOfN({ prompt: 'q', candidates: ['a', 'b'] })).toMatchObject({
      best: null,
      tie: false,
    });
  });
});

it('close ends a model as disposing does, twice safely', async () => {
  const generator = new FakeGenerator();
  const model = await RewardModel.over(generator);
  await Promise.all([model.close(), model.close(), model[Symbol.asyncDispose]()]);
  expect(generator.disposals).toBe(1);
  await expect(model.rank({ prompt: 'q', candidates: ['a', 'b'] })).rejects.toMatchObject({
    code: 'DISPOSED',
  });
});

import { describe, expect, it } from 'vitest';
import type { JudgeInput, Judgment } from '../../src/reward-model/judgment.js';
import { RewardModel } from '../../src/reward-model/reward-model.js';
import { suiteFolder } from '../bank/made-bank.js';
import { chainText, FakeGenerator, type FakeOptions, type FakeSample } from '../support/fake-generator.js';
import { bankWorld, byUser, shownUser } from './bank-world.js';

const folder = await suiteFolder();

const INPUT: JudgeInput = {
  id: 'row-1',
  user: {
    id: 'somebody',
    history: [{ context: [{ role: 'user', content: 'old query' }], chosen: 'mine', rejected: 'other' }],
  },
  prompt: 'Which?',
  candidates: ['good', 'bad'],
};

/** A chain that gives `good` and every other text these scores. */
const scoring =
  (scoresOf: (sample: FakeSample) => readonly [number, number]) =>
  (sample: FakeSample): string => {
    const [good, other] = scoresOf(sample);
    return chainText(sample.responses.map((text) => (text === 'good' ? good : other)));
  };

/** Differences of scores that change with the seed, around `middle`. */
const noisy = (middle: number) =>
  scoring(({ seed }) => [5 + middle / 2 + ((seed % 41) - 20) / 10, 5 - middle / 2]);

async function modelOf(options: FakeOptions): Promise<{ model: RewardModel; generator: FakeGenerator }> {
  const generator = new FakeGenerator(options);
  return { model: await RewardModel.over(generator), generator };
}

const facts = ({ chains }: Judgment): object[] =>
  chains.map(({ level, index, seed, order, scores }) => ({ level, index, seed, order, scores }));

describe('adaptive scaling', () => {
  it('stops after the first wave of a clear case, both levels in it', async () => {
    const { model, generator } = await bankWorld(folder, { generator: { script: noisy(5) } });
    const whole = await model.judge(INPUT, { individual: 16, prototypes: 8 });
    const before = generator.requests.length;
    const judgment = await model.judge(INPUT, { individual: 16, prototypes: 8, adaptive: 0.05 });
    expect(judgment.scaling).toEqual({
      planned: { individual: 16, prototype: 8 },
      used: { individual: 4, prototype: 2 },
      saved: 18,
      cancelled: 0,
      waves: 1,
      stopped: 'likely',
      risk: 0.05,
    });
    // Two orders of own chains, and a request a neighbour.
    expect(generator.requests.length - before).toBe(4);
    expect(judgment.winner).toBe(whole.winner);
    expect(judgment.chains).toHaveLength(6);
    expect(judgment.tokens.generated).toBeLessThan(whole.tokens.generated / 3);
    expect(judgment.retrieval).toMatchObject({ status: 'found', asked: 8 });
    // What was written is what would have been written anyway.
    const kept = new Set(judgment.chains.map(({ seed }) => seed));
    expect(facts(judgment)).toEqual(
      facts({ ...whole, chains: whole.chains.filter(({ seed }) => kept.has(seed)) }),
    );
  });

  it('goes on to the end of an open case, with the outcome of all chains', async () => {
    const { model } = await bankWorld(folder, {
      generator: { script: scoring(({ seed }) => (seed % 2 === 0 ? [5.3, 5] : [5, 5.3])) },
    });
    const options = { individual: 8, prototypes: 4 };
    const whole = await model.judge(INPUT, options);
    const adaptive = await model.judge(INPUT, { ...options, adaptive: 0.01 });
    expect(facts(adaptive)).toEqual(facts(whole));
    expect(adaptive.scores).toEqual(whole.scores);
    expect(adaptive.scaling).toMatchObject({ saved: 0, waves: 4, stopped: null, risk: 0.01 });
    expect(whole.scaling).toMatchObject({ saved: 0, waves: 1, stopped: null, risk: null });
  });

  it('spends more where it may risk less', async () => {
    const { model } = await modelOf({ script: noisy(1.6) });
    const used = async (adaptive: number): Promise<number> =>
      (await model.judge(INPUT, { individual: 32, adaptive })).chains.length;
    const [bold, careful, certain] = [await used(0.2), await used(0.001), await used(0)];
    expect(bold).toBeLessThan(careful);
    expect(careful).toBeLessThanOrEqual(certain);
  });

  it('keeps orders equally often at every stop', async () => {
    const { model } = await modelOf({ script: noisy(4) });
    const { chains } = await model.judge(
      { ...INPUT, candidates: ['good', 'bad', 'worse'] },
      { individual: 12, adaptive: 0.1 },
    );
    const counts = new Map<string, number>();
    for (const { order } of chains) counts.set(order.join(), (counts.get(order.join()) ?? 0) + 1);
    expect(chains.length).toBeLessThan(12);
    expect(new Set(counts.values()).size).toBe(1);
    expect(counts.size).toBe(3);
  });

  it('writes the later waves of a small level beside the first where there is room, to the same judgment', async () => {
    const run = async (samplesAtOnce: number) => {
      const { model, generator } = await modelOf({ script: noisy(3), samplesAtOnce });
      const judgment = await model.judge(INPUT, { individual: 8, adaptive: 0.05 });
      return { judgment, requests: generator.requests.map(({ seeds }) => seeds.length) };
    };
    const [waiting, beside] = [await run(2), await run(8)];
    expect(waiting.requests).toEqual([1, 1, 1, 1, 1, 1]);
    expect(beside.requests).toEqual([4, 4]);
    expect(facts(beside.judgment)).toEqual(facts(waiting.judgment));
    expect(beside.judgment.scores).toEqual(waiting.judgment.scores);
    const { scaling } = beside.judgment;
    expect(scaling).toMatchObject({ used: { individual: 6 }, saved: 2, waves: 3, stopped: 'certain' });
    expect([scaling.cancelled, waiting.judgment.scaling.cancelled]).toEqual([2, 0]);
    // Room for three waves of two.
    expect((await run(7)).requests).toEqual([3, 3]);
  });

  it('cancels siblings under way as soon as the winner is certain', async () => {
    let calls = 0;
    const { model, generator } = await modelOf({
      script: scoring(() => [8, 2]),
      // Room for one wave.
      samplesAtOnce: 2,
      delayMs: () => {
        calls += 1;
        return calls === 6 ? 60_000 : 0;
      },
    });
    // Of 8 votes the fifth decides; the sixth runs beside it.
    const judgment = await model.judge(INPUT, {
      individual: 8,
      adaptive: 0,
      aggregate: { method: 'wins' },
    });
    expect(judgment).toMatchObject({
      status: 'scored',
      winner: 0,
      scores: [1, 0],
      scaling: {
        used: { individual: 5, prototype: 0 },
        saved: 3,
        cancelled: 1,
        waves: 3,
        stopped: 'certain',
        risk: 0,
      },
    });
    expect(generator.active).toBe(0);
    expect(generator.requests.at(-1)!.signal!.aborted).toBe(true);
    const written = judgment.chains.reduce((sum, { tokens }) => sum + tokens, 0);
    expect(judgment.tokens.generated).toBe(written);
    expect(judgment.tokens.prompt).toBe(
      generator.requests.reduce((sum, { prompt }) => sum + generator.tokensOf(prompt).length, 0),
    );
  });

  it('rejects with the reason of a signal, not with its own', async () => {
    const { model, generator } = await modelOf({ script: noisy(0), delayMs: 200 });
    const controller = new AbortController();
    const reason = new Error('changed my mind');
    const judging = model.judge(INPUT, { individual: 16, adaptive: 0.05, signal: controller.signal });
    setTimeout(() => controller.abort(reason), 300);
    await expect(judging).rejects.toBe(reason);
    expect(generator.active).toBe(0);
  });

  it('leaves neighbours to the next wave where no own chain could be read in this one', async () => {
    let own = 0;
    const { model } = await bankWorld(folder, {
      generator: {
        script: (sample) => {
          if (shownUser(sample.prompt) !== null) return byUser(sample);
          own += 1;
          return own <= 2 ? 'lost' : byUser(sample);
        },
      },
    });
    const input = { ...INPUT, candidates: ['aaaa', 'aaaaa'] };
    const judgment = await model.judge(input, { individual: 8, prototypes: 4, adaptive: 0 });
    expect(judgment.retrieval).toMatchObject({ by: 'chain', ownChainsLost: false, status: 'found' });
    expect(judgment.retrieval!.chain).toBeGreaterThanOrEqual(2);
    expect(judgment.scaling.used.prototype).toBe(4);
    expect(judgment.lost).toEqual({ noJson: 2 });
  });

  it('falls back to the history in the last wave only', async () => {
    const { model, embedder } = await bankWorld(folder, {
      generator: { script: (sample) => (shownUser(sample.prompt) === null ? 'lost' : byUser(sample)) },
    });
    const judgment = await model.judge(INPUT, { individual: 8, prototypes: 4, adaptive: 0.1 });
    expect(judgment.retrieval).toMatchObject({ by: 'history', ownChainsLost: true });
    expect(judgment.scaling).toMatchObject({ used: { individual: 8, prototype: 4 }, waves: 4, saved: 0 });
    expect(embedder.texts).toHaveLength(1);
  });

  it('plans for the neighbours that the bank has', async () => {
    const { model } = await bankWorld(folder, { users: 3, generator: { script: noisy(0) } });
    const judgment = await model.judge(INPUT, { individual: 8, prototypes: 8, adaptive: 0 });
    expect(judgment.scaling).toMatchObject({
      planned: { individual: 8, prototype: 3 },
      used: { individual: 8, prototype: 3 },
      saved: 0,
    });
    expect(judgment.retrieval).toMatchObject({ status: 'tooFew', asked: 8 });
  });
});

describe('the uncertainty in a judgment', () => {
  it('is there from two chains on, and says so where it cannot be told', async () => {
    const { model } = await modelOf({ script: noisy(3) });
    expect((await model.judge(INPUT)).uncertainty).toBeNull();
    const { uncertainty, scores } = await model.judge(INPUT, { individual: 8 });
    expect(uncertainty).toMatchObject({ pair: [0, 1] });
    expect(uncertainty!.difference).toBeCloseTo(scores![0]! - scores![1]!, 12);
    expect(uncertainty!.probability).toBeGreaterThan(0.9);
    expect(uncertainty!.interval[0]).toBeLessThan(uncertainty!.difference);
  });
});

describe('items at once', () => {
  it('are counted by the chains that one asks for at first', async () => {
    const run = async (options: object): Promise<number> => {
      const { model, generator } = await modelOf({ script: noisy(8), samplesAtOnce: 16, delayMs: 30 });
      const items = Array.from({ length: 12 }, (_, index) => ({ ...INPUT, id: `row-${index}` }));
      for await (const outcome of model.judgeMany(items, { individual: 16, ...options }))
        expect(outcome.error).toBeUndefined();
      return generator.mostActive;
    };
    // Two requests an item: one item with all of its chains, or four in their first waves.
    expect(await run({})).toBe(2);
    expect(await run({ adaptive: 0.05 })).toBe(8);
  });
});

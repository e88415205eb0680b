import { describe, expect, it } from 'vitest';
import { PgenrmError } from '../../src/errors.js';
import type { JudgeInput, JudgeOutcome } from '../../src/reward-model/judgment.js';
import { type JudgeManyOptions, RewardModel } from '../../src/reward-model/reward-model.js';
import { byLength, FakeGenerator, promptText } from '../support/fake-generator.js';

function items(count: number): JudgeInput[] {
  return Array.from({ length: count }, (_, index) => ({
    id: `row-${index}`,
    prompt: `query ${index} end`,
    candidates: ['a'.repeat(index % 5), 'bbbbbbb'],
  }));
}

async function collect(outcomes: AsyncIterable<JudgeOutcome>): Promise<JudgeOutcome[]> {
  const all: JudgeOutcome[] = [];
  for await (const outcome of outcomes) all.push(outcome);
  return all;
}

describe('judgeMany', () => {
  it('gives outcomes in input order with several items in flight', async () => {
    const generator = new FakeGenerator({ delayMs: () => Math.random() * 10 });
    const model = await RewardModel.over(generator);
    const outcomes = await collect(model.judgeMany(items(20), { concurrency: 4 }));
    expect(outcomes.map((outcome) => outcome.input.id)).toEqual(items(20).map((item) => item.id));
    expect(outcomes.map((outcome) => outcome.index)).toEqual(items(20).map((_, index) => index));
    expect(generator.mostActive).toBeGreaterThan(1);
    expect(generator.mostActive).toBeLessThanOrEqual(4);
  });

  it.each([null, undefined, 3, 'text', [], [null]])('refuses %j as an input in words', async (wrong) => {
    const model = await RewardModel.over(new FakeGenerator());
    const refused = { name: 'PgenrmError', code: 'INVALID_OPTION' };
    await expect(model.judge(wrong as never)).rejects.toMatchObject(refused);
    await expect(
      model.judge(items(1)[0]!, wrong === undefined ? (null as never) : (wrong as never)),
    ).rejects.toMatchObject(refused);
    const outcomes = await collect(model.judgeMany([wrong as never, items(1)[0]!], { reorder: 2 }));
    expect(outcomes[0]).toMatchObject({ error: refused });
    expect(outcomes[1]).toHaveProperty('judgment');
    if (!Array.isArray(wrong))
      await expect(collect(model.judgeMany(wrong as never))).rejects.toMatchObject(refused);
    if (wrong !== undefined)
      await expect(collect(model.judgeMany(items(1), wrong as never))).rejects.toMatchObject(refused);
  });

  it('has as many items in flight as fill the samples that decode at once', async () => {
    const generator = new FakeGenerator({ samplesAtOnce: 16 });
    const model = await RewardModel.over(generator);
    expect(model.concurrencyFor(4)).toBe(4);
    expect(model.concurrencyFor(16)).toBe(1);
  });

  it('judges the same whatever runs beside an item', async () => {
    const model = await RewardModel.over(new FakeGenerator({ delayMs: () => Math.random() * 5 }));
    const alone = await collect(model.judgeMany(items(6), { concurrency: 1, individual: 3, seed: 9 }));
    const together = await collect(model.judgeMany(items(6), { concurrency: 6, individual: 3, seed: 9 }));
    const seeds = (outcomes: JudgeOutcome[]): unknown[] =>
      outcomes.map((outcome) => outcome.judgment?.chains.map(({ seed, order }) => [seed, order]));
    expect(seeds(together)).toEqual(seeds(alone));
  });

  it('reports the error of an item as its outcome and goes on', async () => {
    const model = await RewardModel.over(
      new FakeGenerator({
        script: (sample) => {
          if (sample.prompt.includes('query 1 end'))
            throw new PgenrmError('DECODE_FAILED', 'decode answered -3');
          return byLength(sample);
        },
      }),
    );
    const inputs = [...items(3), { prompt: 'q', candidates: ['only one'] }, ...items(1)];
    const outcomes = await collect(model.judgeMany(inputs));
    expect(outcomes.map((outcome) => outcome.error?.code ?? outcome.judgment?.status)).toEqual([
      'scored',
      'DECODE_FAILED',
      'scored',
      'INVALID_OPTION',
      'scored',
    ]);
  });

  it('reads a stream no further than its consumer lets it', async () => {
    let read = 0;
    async function* endless(): AsyncGenerator<JudgeInput> {
      for (;;) yield { ...items(1)[0]!, id: `row-${read++}` };
    }
    const model = await RewardModel.over(new FakeGenerator());
    for await (const outcome of model.judgeMany(endless(), { concurrency: 2 })) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      expect(read).toBeLessThanOrEqual(outcome.index + 6);
      if (outcome.index === 5) break;
    }
  });

  it('judges items of one user together where asked, told apart by id, signals or a key of the caller', async () => {
    const history = (name: string) => [
      { context: [{ role: 'user' as const, content: 'q' }], chosen: `likes ${name}`, rejected: 'no' },
    ];
    const users = [{ id: 'a', history: [] }, { history: history('b') }, { history: [] }];
    // Objects of their own, as rows of a file are.
    const inputs = items(12).map((item, index) => ({ ...item, user: structuredClone(users[index % 3]!) }));
    const begun = async (options: JudgeManyOptions): Promise<string> => {
      const generator = new FakeGenerator();
      const model = await RewardModel.over(generator);
      const outcomes = await collect(model.judgeMany(inputs, { concurrency: 1, ...options }));
      expect(outcomes.map(({ index }) => index)).toEqual(inputs.map((_, index) => index));
      return generator.requests
        .map(({ prompt }) => Number(/query (\d+) end/.exec(promptText(prompt))![1]))
        .join(' ');
    };
    expect(await begun({})).toBe('0 1 2 3 4 5 6 7 8 9 10 11');
    // Of the third nothing is known: those items keep to themselves.
    expect(await begun({ reorder: 12 })).toBe('0 3 6 9 1 4 7 10 2 5 8 11');
    expect(await begun({ reorder: 12, userKey: ({ id }) => String(Number(id!.slice(4)) % 2) })).toBe(
      '0 2 4 6 8 10 1 3 5 7 9 11',
    );
  });

  it('judges each item that does not fit at its place where items are brought together', async () => {
    const model = await RewardModel.over(new FakeGenerator());
    const broken = { ...items(1)[0]!, user: { history: 'none' } } as unknown as JudgeInput;
    const inputs = [...items(2), broken, ...items(2)];
    const outcomes = await collect(model.judgeMany(inputs, { reorder: 3 }));
    expect(outcomes.map((outcome) => outcome.error?.code ?? outcome.judgment?.status)).toEqual([
      ...['scored', 'scored', 'INVALID_OPTION', 'scored', 'scored'],
    ]);
  });

  it('throws the reason of its signal', async () => {
    const generator = new FakeGenerator({ delayMs: 20 });
    const model = await RewardModel.over(generator);
    const controller = new AbortController();
    const reason = new Error('enough');
    const seen: number[] = [];
    const run = async (): Promise<void> => {
      for await (const { index } of model.judgeMany(items(50), {
        concurrency: 2,
        signal: controller.signal,
      })) {
        seen.push(index);
        if (index === 3) controller.abort(reason);
      }
    };
    await expect(run()).rejects.toBe(reason);
    expect(seen).toEqual([0, 1, 2, 3]);
    expect(generator.active).toBe(0);
  });

  it('ends with DISPOSED where the model is disposed under it', async () => {
    const model = await RewardModel.over(new FakeGenerator({ delayMs: 10_000 }));
    const next = model.judgeMany(items(3)).next();
    setTimeout(() => model[Symbol.asyncDispose](), 10);
    await expect(next).rejects.toMatchObject({ code: 'DISPOSED' });
  });

  it('refuses invalid options before the first item', async () => {
    const generator = new FakeGenerator();
    const model = await RewardModel.over(generator);
    await expect(model.judgeMany(items(1), { concurrency: 0 }).next()).rejects.toMatchObject({
      code: 'INVALID_OPTION',
      message: expect.stringContaining('concurrency must be an integer from 1 to 256; got 0'),
    });
    await expect(model.judgeMany(items(1), { reorder: 0 }).next()).rejects.toMatchObject({
      code: 'INVALID_OPTION',
      message: expect.stringContaining('reorder must be an integer from 1 to 65536; got 0'),
    });
    await expect(model.judgeMany(items(1), { temperature: -1 }).next()).rejects.toMatchObject({
      code: 'INVALID_OPTION',
    });
    expect(generator.requests).toHaveLength(0);
  });
});

import { describe, expect, it } from 'vitest';
import { RewardModel } from '../../src/reward-model/reward-model.js';
import { FakeGenerator, type FakeOptions, promptText } from '../support/fake-generator.js';

const INPUT = { id: 'row', prompt: 'How?', candidates: ['Short.', 'A longer answer.'] };

const fake = (options: FakeOptions = {}) =>
  new FakeGenerator({
    metadata: new Map(),
    ...options,
    capabilities: { plans: true, ...options.capabilities },
  });

describe('a guided judgment', () => {
  it('keeps every chain, with distributions, and repeats by its seed', async () => {
    await using model = await RewardModel.over(fake());
    const judge = () => model.judge(INPUT, { individual: 8, seed: 5 });
    const judgment = await judge();
    expect(judgment).toMatchObject({ status: 'scored', usable: 8, lost: {} });
    for (const { reading, finish, text, scores, order } of judgment.chains) {
      expect(finish).toBe('complete');
      expect(reading.distributions).toHaveLength(2);
      expect(text).toMatch(/^PART 1[\s\S]*<JSON_END>$/);
      const shown = reading.responses.map(({ score }) => score);
      expect(order.map((candidate) => scores![candidate])).toEqual(shown);
    }
    expect((await judge()).scores).toEqual(judgment.scores);
  });

  it('says how sure it is with one chain', async () => {
    await using model = await RewardModel.over(fake());
    const { uncertainty } = await model.judge(INPUT);
    expect(uncertainty!.probability).toBeGreaterThan(0.5);
    expect(uncertainty!.probability).toBeLessThan(1);
  });

  it('asks for the same plan at every order, and draws by the seeds of free chains', async () => {
    const generator = fake();
    await using model = await RewardModel.over(generator);
    await model.judge(INPUT, { individual: 4 });
    expect(generator.requests).toEqual([]);
    expect(generator.plannedRequests).toHaveLength(2);
    const free = new FakeGenerator();
    await using other = await RewardModel.over(free);
    await other.judge(INPUT, { individual: 4 });
    expect(generator.plannedRequests.map(({ seeds }) => seeds)).toEqual(
      free.requests.map(({ seeds }) => seeds),
    );
  });

  it('is free where it is asked for, and by a model that was trained', async () => {
    const generator = fake();
    await using model = await RewardModel.over(generator);
    expect(model.decoding.decoding).toBe('guided');
    await model.judge(INPUT, { decoding: 'free' });
    expect(generator.requests).toHaveLength(1);
    await using trained = await RewardModel.over(
      fake({ metadata: new Map([['pgenrm.template', 'compact']]) }),
    );
    expect(trained.decoding.decoding).toBe('free');
    expect(trained.settings().guided).toBeNull();
  });

  it('weighs the criteria that the caller fixes', async () => {
    await using model = await RewardModel.over(fake());
    const { chains } = await model.judge(INPUT, {
      criteria: [
        { name: 'Brevity', weight: 3 },
        { name: 'Warmth', weight: 1 },
      ],
    });
    expect(chains[0]!.reading.rubric).toEqual([
      { name: 'Brevity', weight: 75 },
      { name: 'Warmth', weight: 25 },
    ]);
  });

  it('closes a thought that the template opens, or bounds it', async () => {
    const chatTemplate =
      '{% for m in messages %}<|{{ m.role }}|>{{ m.content }}<|end|>{% endfor %}<|assistant|><think>';
    const generator = fake({ chatTemplate });
    await using model = await RewardModel.over(generator);
    await model.judge(INPUT);
    await model.judge(INPUT, { think: 16 });
    const [closed, bounded] = generator.plannedRequests;
    expect(promptText(closed!.prompt)).toMatch(/<think>\n<\/think>\n\n$/);
    expect(closed!.prompt.at(-1)!.trusted).toBe(true);
    expect(promptText(bounded!.prompt)).toMatch(/<think>$/);
    expect(bounded!.plan.parts.slice(0, 2)).toEqual([
      { kind: 'free', name: 'thought', maxTokens: 16, stop: ['</think>'] },
      { kind: 'given', text: '\n</think>\n\n' },
    ]);
  });

  it('leaves the plan room in the context, and says where there is none', async () => {
    await using small = await RewardModel.over(fake({ contextTokens: 600 }));
    await expect(small.judge(INPUT)).rejects.toMatchObject({ code: 'CONTEXT_OVERFLOW' });
    await using model = await RewardModel.over(fake());
    await expect(model.judge(INPUT, { maxTokens: 50 })).rejects.toThrow(/maxTokens must be at least \d+/);
  });
});

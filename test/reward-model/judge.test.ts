import { describe, expect, it } from 'vitest';
import { chainSeed } from '../../src/chain/chain-seed.js';
import { PgenrmError } from '../../src/errors.js';
import type { Generation, GenerationRequest, Sample } from '../../src/generator/generator.js';
import type { JudgeEvent, JudgeInput } from '../../src/reward-model/judgment.js';
import { RewardModel } from '../../src/reward-model/reward-model.js';
import {
  byLength,
  chainText,
  FAKE_CHAT_TEMPLATE,
  FakeGenerator,
  type FakeOptions,
  promptText,
} from '../support/fake-generator.js';

const INPUT: JudgeInput = { id: 'row-1', prompt: 'Which?', candidates: ['aaaa', 'aaaaaaa'] };

async function modelOf(options: FakeOptions = {}): Promise<{ model: RewardModel; generator: FakeGenerator }> {
  const generator = new FakeGenerator(options);
  return { model: await RewardModel.over(generator), generator };
}

function history(count: number, length = 10): NonNullable<JudgeInput['user']>['history'] {
  return Array.from({ length: count }, (_, index) => ({
    context: [{ role: 'user' as const, content: `query ${index}` }],
    chosen: `chosen ${index} ${'c'.repeat(length)}`,
    rejected: `rejected ${index} ${'r'.repeat(length)}`,
  }));
}

describe('scores', () => {
  it('are means over the chains, in the order of the candidates whatever the presentation', async () => {
    const { model, generator } = await modelOf();
    const judgment = await model.judge(INPUT, { individual: 4 });
    expect(judgment).toMatchObject({
      id: 'row-1',
      status: 'scored',
      scores: [5, 8],
      winner: 1,
      tie: false,
      usable: 4,
      lost: {},
      levels: { individual: { scores: [5, 8], usable: 4 } },
    });
    expect(generator.requests).toHaveLength(2);
    expect(judgment.chains.map((chain) => chain.index)).toEqual([0, 1, 2, 3]);
    const orders = judgment.chains.map((chain) => chain.order.join());
    expect(new Set(orders)).toEqual(new Set(['0,1', '1,0']));
    expect(orders[0]).toBe(orders[2]);
    expect(orders[0]).not.toBe(orders[1]);
    for (const chain of judgment.chains) expect(chain.scores).toEqual([5, 8]);
  });

  it('never come of a draft in a thought that the chat template opens', async () => {
    const chatTemplate = `${FAKE_CHAT_TEMPLATE}<think>`;
    const draft = chainText([9, 1]);
    const { model } = await modelOf({ chatTemplate, script: () => draft });
    const lost = await model.judge(INPUT, { individual: 2 });
    expect(lost).toMatchObject({ status: 'failed', usable: 0, lost: { cutOff: 2 } });
    const thinks = await modelOf({
      chatTemplate,
      script: (sample) => `${draft}</think>\n${byLength(sample)}`,
    });
    expect(await thinks.model.judge(INPUT, { individual: 2 })).toMatchObject({ scores: [5, 8], usable: 2 });
  });

  it('of three candidates map back from every rotation', async () => {
    const { model, generator } = await modelOf();
    const judgment = await model.judge(
      { prompt: 'Which?', candidates: ['a', 'aaaaa', 'aaa'] },
      { individual: 6 },
    );
    expect(judgment.scores).toEqual([2, 6, 4]);
    expect(judgment.winner).toBe(1);
    expect(generator.requests).toHaveLength(3);
  });

  it('of a model that always prefers the first position end in a tie when the number of chains is even', async () => {
    const { model } = await modelOf({ script: () => chainText([7.3, 5.1]) });
    const even = await model.judge(INPUT, { individual: 8 });
    expect(even).toMatchObject({ status: 'scored', winner: null, tie: true });
    expect(even.scores![0]).toBeCloseTo(6.2, 12);
    const odd = await model.judge(INPUT, { individual: 3 });
    expect(odd.tie).toBe(false);
  });

  it('tie only where the best two are equal, not the rest', async () => {
    const { model } = await modelOf();
    const candidates = ['aaaa', 'a', 'bbbb'];
    expect(await model.judge({ prompt: 'q', candidates })).toMatchObject({
      tie: true,
      winner: null,
      scores: [5, 2, 5],
    });
    const lower = ['a', 'aaaaaa', 'b'];
    expect(await model.judge({ prompt: 'q', candidates: lower })).toMatchObject({ tie: false, winner: 1 });
  });

  it('leave lost chains out and count them by reason', async () => {
    const { model } = await modelOf({
      script: (sample) => (sample.index === 0 ? 'no scores here' : byLength(sample)),
    });
    const judgment = await model.judge(INPUT, { individual: 6 });
    expect(judgment).toMatchObject({ status: 'scored', scores: [5, 8], usable: 4, lost: { noJson: 2 } });
    const lost = judgment.chains.filter((chain) => chain.lost !== null);
    expect(lost).toHaveLength(2);
    for (const chain of lost) expect(chain).toMatchObject({ scores: null, text: 'no scores here' });
  });

  it('count a chain that was cancelled as one that did not end, and never as one that the model lost', async () => {
    const cut = (sample: Sample): Sample =>
      sample.index === 0 ? { ...sample, text: '', finish: 'cancelled' } : sample;
    class CuttingGenerator extends FakeGenerator {
      override async generate(request: GenerationRequest): Promise<Generation> {
        const onSample = (sample: Sample): void => request.onSample?.(cut(sample));
        const { samples, usage } = await super.generate({ ...request, onSample });
        return { samples: samples.map(cut), usage };
      }
    }
    const model = await RewardModel.over(new CuttingGenerator());
    const judgment = await model.judge(INPUT, { individual: 6 });
    expect(judgment).toMatchObject({ status: 'scored', scores: [5, 8], usable: 4, lost: {} });
    expect(judgment.chains).toHaveLength(4);
    expect(judgment.scaling).toMatchObject({ cancelled: 2, saved: 2, used: { individual: 4 } });
  });

  it('do not exist where every chain is lost', async () => {
    const { model } = await modelOf({ script: () => '' });
    const judgment = await model.judge(INPUT, { individual: 3 });
    expect(judgment).toMatchObject({
      status: 'failed',
      scores: null,
      winner: null,
      tie: false,
      usable: 0,
      lost: { empty: 3 },
    });
    expect(judgment.levels.individual.scores).toBeNull();
  });

  it('follow `prefer` where a chain contradicts itself', async () => {
    const contradictory = chainText([4, 6]).replace('"response_1": 4', '"response_1": 9');
    const { model } = await modelOf({ script: () => contradictory });
    const input = { ...INPUT, id: 'contradiction' };
    const recomputed = await model.judge(input);
    const stated = await model.judge(input, { prefer: 'stated' });
    expect([...recomputed.scores!].sort()).toEqual([4, 6]);
    expect([...stated.scores!].sort()).toEqual([6, 9]);
  });
});

describe('seeds', () => {
  it('are those that are documented, one a chain', async () => {
    const { model } = await modelOf();
    const judgment = await model.judge(INPUT, { individual: 5, seed: 42 });
    expect(judgment.chains.map((chain) => chain.seed)).toEqual(
      [0, 1, 2, 3, 4].map((index) =>
        chainSeed({ seed: 42, key: 'row-1', level: 'individual', index, attempt: 1 }),
      ),
    );
    expect(new Set(judgment.chains.map((chain) => chain.seed)).size).toBe(5);
  });

  it('have a fixed value, so that runs repeat across versions', () => {
    expect(chainSeed({ seed: 0, key: 'row-1', level: 'individual', index: 0, attempt: 1 })).toBe(3436753779);
  });

  it('change with the run seed, the row and the attempt, and not with the number of chains', async () => {
    const { model } = await modelOf();
    const seeds = async (
      input: JudgeInput,
      options: Parameters<RewardModel['judge']>[1],
    ): Promise<number[]> => (await model.judge(input, options)).chains.map((chain) => chain.seed);
    const base = await seeds(INPUT, { individual: 2 });
    expect(await seeds(INPUT, { individual: 4 })).toEqual(expect.arrayContaining(base));
    expect((await seeds(INPUT, { individual: 4 })).slice(0, 2)).toEqual(base);
    expect(await seeds(INPUT, { individual: 2, seed: 1 })).not.toEqual(base);
    expect(await seeds({ ...INPUT, id: 'row-2' }, { individual: 2 })).not.toEqual(base);
    expect(await seeds(INPUT, { individual: 2, attempt: 2 })).not.toEqual(base);
  });

  it('come from the content where an item has no id', async () => {
    const { model } = await modelOf();
    const { id: _, ...anonymous } = INPUT;
    const first = await model.judge(anonymous);
    const again = await model.judge({ ...anonymous, user: { history: [] } });
    const other = await model.judge({ ...anonymous, user: { history: [], criteria: 'Short.' } });
    expect(again.chains[0]!.seed).toBe(first.chains[0]!.seed);
    expect(other.chains[0]!.seed).not.toBe(first.chains[0]!.seed);
  });
});

describe('the prompt', () => {
  it('says so where nothing is known of the user', async () => {
    const { model, generator } = await modelOf();
    const judgment = await model.judge(INPUT);
    expect(promptText(generator.requests[0]!.prompt)).toContain(
      'No preference history is known for this user.',
    );
    expect(judgment).toMatchObject({ usedEvents: 0, droppedEvents: 0 });
  });

  it('shows the most recent events that fit and counts those that did not', async () => {
    const { model, generator } = await modelOf({ contextTokens: 3000 });
    const judgment = await model.judge(
      { ...INPUT, user: { history: history(20, 200) } },
      { maxTokens: 1000 },
    );
    expect(judgment.usedEvents + judgment.droppedEvents).toBe(20);
    expect(judgment.droppedEvents).toBeGreaterThan(0);
    expect(judgment.usedEvents).toBeGreaterThan(0);
    const prompt = promptText(generator.requests[0]!.prompt);
    expect(prompt).toContain('query 19');
    expect(prompt).not.toContain('query 0\n');
    expect(prompt.length).toBeLessThanOrEqual(2000);
  });

  it('shows at most `historyEvents` events, which are not counted as dropped', async () => {
    const { model } = await modelOf();
    const judgment = await model.judge({ ...INPUT, user: { history: history(5) } }, { historyEvents: 2 });
    expect(judgment).toMatchObject({ usedEvents: 2, droppedEvents: 0 });
  });

  it('holds the same events in every presentation order', async () => {
    // One candidate's text costs more at the end of a prompt than elsewhere under no template here, so the
    // orders are equal by construction; what is checked is that the requests agree.
    const { model, generator } = await modelOf({ contextTokens: 2600 });
    await model.judge({ ...INPUT, user: { history: history(20, 200) } }, { individual: 2, maxTokens: 600 });
    const counts = generator.requests.map(({ prompt }) => promptText(prompt).match(/Chosen \d+: /g)!.length);
    expect(counts).toHaveLength(2);
    expect(counts[0]).toBe(counts[1]);
  });

  it('that does not fit even without history is CONTEXT_OVERFLOW', async () => {
    const { model, generator } = await modelOf({ contextTokens: 400 });
    await expect(model.judge({ ...INPUT, prompt: 'x'.repeat(500) })).rejects.toMatchObject({
      code: 'CONTEXT_OVERFLOW',
    });
    expect(generator.requests).toHaveLength(0);
  });
});

describe('the request', () => {
  it('carries sampling, limits and the grammar asked for', async () => {
    const { model, generator } = await modelOf({ capabilities: { grammar: true } });
    const options = { temperature: 0.5, topP: 0.9, minP: 0.05, maxTokens: 777 };
    await model.judge(INPUT, { ...options, grammar: 'part2' });
    await model.judge(INPUT, { ...options, grammar: 'chain' });
    await model.judge(INPUT, options);
    const [part2, chain, off] = generator.requests;
    expect(part2).toMatchObject({
      sampling: { temperature: 0.5, topP: 0.9, minP: 0.05 },
      maxTokens: 777,
      grammarTrigger: '<JSON_START>',
      stop: ['<JSON_END>'],
    });
    expect(part2!.grammar).toContain('root ::=');
    expect(chain!.grammar).toContain('PART 1');
    expect(chain!.grammarTrigger).toBeUndefined();
    expect(off!.grammar).toBeUndefined();
  });

  it('keeps the stop string as a part of the chain that the model wrote', async () => {
    const { model } = await modelOf();
    const { chains } = await model.judge(INPUT);
    expect(chains[0]!.text.endsWith('<JSON_END>')).toBe(true);
    expect(chains[0]!.reading.recovered).not.toContain('noEndMarker');
  });
});

describe('an object in a candidate', () => {
  it('gives no scores where a chain copies it', async () => {
    const object =
      '{"rationale": "Mine is the best there is.", "better_response": {"response_1": 9, "response_2": 2}}';
    const script = () => `PART 2\n<JSON_START>\n${object}\n<JSON_END>`;
    const { model } = await modelOf({ script });
    const candidates = [`Take this: ${object}`, 'Hello.'];
    expect((await model.judge(INPUT)).chains[0]!.scores).not.toBeNull();
    const judgment = await model.judge({ ...INPUT, candidates });
    expect(judgment.chains[0]).toMatchObject({ scores: null, lost: 'noJson' });
  });
});

describe('thoughts that the chat template opens', () => {
  const draft = `PART 1\nPART 2\n${'<JSON_START>\n{"rationale": "a draft", "better_response": {"response_1": 2, "response_2": 9}}'}`;
  const chatTemplate = `${FAKE_CHAT_TEMPLATE}<think>\n`;

  it('are no judgment where they do not end', async () => {
    const { model } = await modelOf({ script: () => `${draft}\n<JSON_END>`, chatTemplate });
    const judgment = await model.judge(INPUT);
    expect(judgment.chains[0]).toMatchObject({ scores: null, lost: 'cutOff' });
  });

  it('are set apart where they do', async () => {
    const answer = draft.replace('2, ', '7, ').replace('9}', '5}');
    const { model } = await modelOf({
      script: () => `${draft}</think>\n${answer}\n<JSON_END>`,
      chatTemplate,
    });
    const { chains } = await model.judge(INPUT);
    expect(chains[0]!.reading.responses.map(({ score }) => score)).toEqual([7, 5]);
  });
});

describe('events', () => {
  it('tell of the start, every chain and the end', async () => {
    const { model } = await modelOf();
    const events: JudgeEvent[] = [];
    const judgment = await model.judge(INPUT, { individual: 3, onEvent: (event) => events.push(event) });
    expect(events.map((event) => event.type)).toEqual(['started', 'chain', 'chain', 'chain', 'finished']);
    expect(events[0]).toMatchObject({ key: 'row-1', chains: 3, usedEvents: 0 });
    expect(events.flatMap((event) => (event.type === 'chain' ? [event.done] : []))).toEqual([1, 2, 3]);
    expect(events.at(-1)).toMatchObject({ judgment });
  });

  it.each(['free', 'guided'] as const)(
    'tell the text of %s chains as it is written, where asked to',
    async (decoding) => {
      const { model } = await modelOf({ capabilities: { plans: true } });
      const written = new Map<string, string>();
      const ended: string[] = [];
      await model.judge(INPUT, {
        individual: 3,
        decoding,
        streamText: true,
        onEvent: (event) => {
          if (event.type === 'text') {
            const name = `${event.level} ${event.index}`;
            expect(ended).not.toContain(name);
            written.set(name, (written.get(name) ?? '') + event.text);
          } else if (event.type === 'chain') ended.push(`${event.chain.level} ${event.chain.index}`);
        },
      });
      expect([...written.keys()].sort()).toEqual(['individual 0', 'individual 1', 'individual 2']);
      for (const text of written.values()) expect(text.length).toBeGreaterThan(20);
    },
  );

  it('say nothing of text where nobody asks', async () => {
    const { model, generator } = await modelOf();
    await model.judge(INPUT, { individual: 1, onEvent: (event) => expect(event.type).not.toBe('text') });
    expect(generator.requests[0]!.onText).toBeUndefined();
  });

  it('whose listener throws end the judgment with what it threw', async () => {
    for (const type of ['started', 'chain', 'finished']) {
      const { model } = await modelOf();
      const thrown = new Error(`listener of ${type}`);
      const onEvent = (event: JudgeEvent): void => {
        if (event.type === type) throw thrown;
      };
      await expect(model.judge(INPUT, { onEvent })).rejects.toBe(thrown);
    }
  });
});

describe('misuse', () => {
  const bad: [string, unknown, unknown, RegExp][] = [
    ['one candidate', { prompt: 'q', candidates: ['a'] }, {}, /candidates must be .* got 1/],
    ['no candidates', { prompt: 'q' }, {}, /candidates must be/],
    [
      'a candidate that is no text',
      { prompt: 'q', candidates: ['a', 3] },
      {},
      /candidates\[1\] must be a string; got 3/,
    ],
    ['neither prompt nor context', { candidates: ['a', 'b'] }, {}, /either prompt/],
    [
      'both',
      { prompt: 'q', context: [{ role: 'user', content: 'q' }], candidates: ['a', 'b'] },
      {},
      /either prompt/,
    ],
    ['an empty context', { context: [], candidates: ['a', 'b'] }, {}, /context must be/],
    [
      'a role unknown',
      { context: [{ role: 'model', content: 'q' }], candidates: ['a', 'b'] },
      {},
      /role must be one of/,
    ],
    ['a user without history', { ...INPUT, user: {} }, {}, /user.history must be an array/],
    [
      'an event without texts',
      { ...INPUT, user: { history: [{ context: [{ role: 'user', content: 'q' }], chosen: 1 }] } },
      {},
      /history\[0\].chosen/,
    ],
    ['individual 0', INPUT, { individual: 0 }, /individual must be an integer from 1 to 1024; got 0/],
    ['individual 1.5', INPUT, { individual: 1.5 }, /individual must be/],
    ['a negative seed', INPUT, { seed: -1 }, /seed must be/],
    ['a hot temperature', INPUT, { temperature: 11 }, /temperature must be a number from 0 to 10; got 11/],
    ['NaN', INPUT, { temperature: Number.NaN }, /temperature must be .*NaN/],
    ['topP 0', INPUT, { topP: 0 }, /topP must be a number above 0/],
    ['a text for a number', INPUT, { minP: '0.1' }, /minP must be .* got '0.1'/],
    [
      'an unknown grammar',
      INPUT,
      { grammar: 'json' },
      /grammar must be one of off, part2, chain; got 'json'/,
    ],
    ['no room for a prompt', INPUT, { maxTokens: 200_000 }, /maxTokens must leave room/],
  ];
  it.each(bad)('%s is INVALID_OPTION', async (_, input, options, message) => {
    const { model, generator } = await modelOf();
    const error = await model
      .judge(input as JudgeInput, options as object)
      .catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(PgenrmError);
    expect(error).toMatchObject({ code: 'INVALID_OPTION', message: expect.stringMatching(message) });
    expect(generator.requests).toHaveLength(0);
  });
});

describe('stopping', () => {
  it('by the signal rejects with its reason while chains are at work', async () => {
    const { model, generator } = await modelOf({ delayMs: 10_000 });
    const controller = new AbortController();
    const reason = new Error('changed my mind');
    const judging = model.judge(INPUT, { individual: 4, signal: controller.signal });
    setTimeout(() => controller.abort(reason), 10);
    await expect(judging).rejects.toBe(reason);
    expect(generator.active).toBe(0);
  });

  it('before the start does not generate', async () => {
    const { model, generator } = await modelOf();
    const reason = new Error('never mind');
    await expect(model.judge(INPUT, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    expect(generator.requests).toHaveLength(0);
  });

  it('one order that fails stops the other, and its error is the one that is thrown', async () => {
    let calls = 0;
    const { model, generator } = await modelOf({
      delayMs: () => (calls++ === 0 ? 5 : 10_000),
      script: () => {
        throw new PgenrmError('DECODE_FAILED', 'decode answered -1');
      },
    });
    await expect(model.judge(INPUT, { individual: 2 })).rejects.toMatchObject({ code: 'DECODE_FAILED' });
    expect(generator.active).toBe(0);
  });

  it('by disposing: what runs and what comes after is DISPOSED, twice is safe', async () => {
    const { model, generator } = await modelOf({ delayMs: 10_000 });
    const judging = model.judge(INPUT);
    const expected = expect(judging).rejects.toMatchObject({ code: 'DISPOSED' });
    await model[Symbol.asyncDispose]();
    await model[Symbol.asyncDispose]();
    await expected;
    expect(generator.disposals).toBe(1);
    await expect(model.judge(INPUT)).rejects.toMatchObject({ code: 'DISPOSED' });
    await expect(model.judgeMany([INPUT]).next()).rejects.toMatchObject({ code: 'DISPOSED' });
  });

  it('leaves a generator alone that it does not own', async () => {
    const generator = new FakeGenerator();
    const model = await RewardModel.over(generator, { ownsGenerator: false });
    await model[Symbol.asyncDispose]();
    expect(generator.disposals).toBe(0);
  });
});

describe('over', () => {
  it('takes the template that the model names, or the one asked for', async () => {
    expect((await RewardModel.over(new FakeGenerator())).template.name).toBe('compact');
    expect((await RewardModel.over(new FakeGenerator(), { template: 'standard' })).template.name).toBe(
      'standard',
    );
    await expect(RewardModel.over(new FakeGenerator(), { template: 'nowhere' })).rejects.toMatchObject({
      code: 'TEMPLATE_INVALID',
    });
  });

  it('lets the model say how many tokens its chains need, up to half the context', async () => {
    const maxTokens = async (stated: string | undefined, contextTokens: number): Promise<number> => {
      const metadata = new Map(stated === undefined ? [] : [['pgenrm.max_tokens', stated]]);
      return (await RewardModel.over(new FakeGenerator({ metadata, contextTokens }))).settings().maxTokens;
    };
    expect(await maxTokens('384', 4096)).toBe(384);
    expect(await maxTokens('3000', 4096)).toBe(2048);
    expect(await maxTokens(undefined, 4096)).toBe(2048);
    expect(await maxTokens(undefined, 100_000)).toBe(3072);
    for (const bad of ['many', '0', '']) {
      await expect(maxTokens(bad, 4096)).rejects.toMatchObject({ code: 'MODEL_UNUSABLE' });
    }
  });

  it('refuses a model without a usable chat template', async () => {
    await expect(RewardModel.over(new FakeGenerator({ chatTemplate: 'silent' }))).rejects.toMatchObject({
      code: 'MODEL_UNUSABLE',
    });
  });
});

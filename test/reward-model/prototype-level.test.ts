import { describe, expect, it } from 'vitest';
import { PrototypeBank } from '../../src/bank/bank.js';
import { chainSeed } from '../../src/chain/chain-seed.js';
import type { JudgedChain, JudgeEvent, JudgeInput, JudgeOptions } from '../../src/reward-model/judgment.js';
import { RewardModel } from '../../src/reward-model/reward-model.js';
import { FakeEmbedder } from '../bank/fake-embedder.js';
import { suiteFolder } from '../bank/made-bank.js';
import { error } from '../bank/made-world.js';
import { byLength, chainText, FakeGenerator, promptText } from '../support/fake-generator.js';
import { BANK_USERS, bankWorld, byUser, shownUser } from './bank-world.js';

const folder = await suiteFolder();

const HISTORY = [
  { context: [{ role: 'user' as const, content: 'old query' }], chosen: 'mine', rejected: 'other' },
];
const INPUT: JudgeInput = {
  id: 'row-1',
  user: { id: 'somebody', history: HISTORY },
  prompt: 'Which?',
  candidates: ['aaaa', 'aaaaaaa'],
};
const ASKER_ANALYSIS = byUser({
  prompt: '',
  responses: ['aaaa', 'aaaaaaa'],
  index: 0,
  seed: 0,
  request: undefined as never,
}).split('\n\nPART 2')[0]!;

const ofLevel = (chains: readonly JudgedChain[], level: string): JudgedChain[] =>
  chains.filter((chain) => chain.level === level);
const neighboursOf = (chains: readonly JudgedChain[]): string[] =>
  ofLevel(chains, 'prototype').map(({ neighbour }) => neighbour!.userId);

describe('chains as similar users', () => {
  it('show the neighbours of the own chain, same query and responses, and weigh half', async () => {
    const { model, generator, embedder, nearest } = await bankWorld(folder, {
      generator: {
        script: (sample) =>
          shownUser(sample.prompt) === null
            ? byUser(sample)
            : chainText(sample.responses.map((text) => (text === 'aaaa' ? 9 : 3))),
      },
    });
    const judgment = await model.judge(INPUT, { individual: 4, prototypes: 3 });
    expect(judgment).toMatchObject({
      status: 'scored',
      // Own chains say 5 and 8, the neighbours 9 and 3.
      scores: [7, 5.5],
      winner: 0,
      usable: 7,
      levels: {
        individual: { scores: [5, 8], usable: 4 },
        prototype: { scores: [9, 3], usable: 3, lost: {} },
      },
      retrieval: { by: 'chain', status: 'found', chain: expect.any(Number), ownChainsLost: false, asked: 3 },
      scaling: {
        planned: { individual: 4, prototype: 3 },
        used: { individual: 4, prototype: 3 },
        saved: 0,
        cancelled: 0,
        stopped: null,
        risk: null,
      },
    });
    expect(embedder.texts).toEqual([ASKER_ANALYSIS]);
    const expected = await nearest(ASKER_ANALYSIS, 3);
    expect(neighboursOf(judgment.chains)).toEqual(expected);
    expect(judgment.retrieval!.neighbours.map(({ userId }) => userId)).toEqual(expected);
    for (const [rank, chain] of ofLevel(judgment.chains, 'prototype').entries()) {
      expect(chain.neighbour).toEqual({
        userId: expected[rank],
        similarity: judgment.retrieval!.neighbours[rank]!.similarity,
      });
    }
    const prompts = generator.requests.map(({ prompt }) => promptText(prompt));
    const similar = prompts.filter((prompt) => shownUser(prompt) !== null);
    expect(similar.map((prompt) => `u${shownUser(prompt)}`).sort()).toEqual([...expected].sort());
    for (const prompt of similar) {
      expect(prompt).toContain('Which?');
      expect(prompt).not.toContain('mine');
    }
  });

  it('have seeds of their own, and orders that alternate, beginning where own chains do not', async () => {
    const { model } = await bankWorld(folder);
    const { chains } = await model.judge(INPUT, { individual: 2, prototypes: 4, seed: 9 });
    const similar = ofLevel(chains, 'prototype');
    expect(similar.map(({ seed }) => seed)).toEqual(
      [0, 1, 2, 3].map((index) =>
        chainSeed({ seed: 9, key: 'row-1', level: 'prototype', index, attempt: 1 }),
      ),
    );
    expect(similar.map(({ index }) => index)).toEqual([0, 1, 2, 3]);
    const orders = similar.map(({ order }) => order.join());
    expect(orders[0]).not.toBe(orders[1]);
    expect(orders).toEqual([orders[0], orders[1], orders[0], orders[1]]);
    expect(ofLevel(chains, 'individual')[0]!.order.join()).toBe(orders[1]);
    for (const { scores } of similar) expect(scores).toEqual([5, 8]);
  });

  it('do not change the own chains', async () => {
    const { model } = await bankWorld(folder);
    const alone = await model.judge(INPUT, { individual: 4 });
    const both = await model.judge(INPUT, { individual: 4, prototypes: 2 });
    const facts = (chains: readonly JudgedChain[]): object[] =>
      ofLevel(chains, 'individual').map(({ seed, order, text }) => ({ seed, order, text }));
    expect(facts(both.chains)).toEqual(facts(alone.chains));
    expect(alone.levels.prototype).toBeUndefined();
    expect(alone.retrieval).toBeUndefined();
  });

  it('run in the wave of the own chains: they wait for the first, not for all', async () => {
    let calls = 0;
    const events: JudgeEvent[] = [];
    const { model } = await bankWorld(folder, {
      generator: {
        delayMs: (prompt) => {
          if (shownUser(prompt) !== null) return 0;
          calls += 1;
          return calls === 1 ? 0 : 1500;
        },
      },
    });
    await model.judge(INPUT, { individual: 2, prototypes: 2, onEvent: (event) => events.push(event) });
    const order = events.flatMap((event) => (event.type === 'chain' ? [event.chain.level] : []));
    expect(order).toEqual(['individual', 'prototype', 'prototype', 'individual']);
    expect(events[0]).toMatchObject({ type: 'started', chains: 4 });
  });

  it('weigh by similarity where asked to', async () => {
    const { model, nearest } = await bankWorld(folder, {
      generator: {
        script: (sample) => {
          const user = shownUser(sample.prompt);
          return user === null
            ? byUser(sample)
            : chainText(sample.responses.map((_, i) => (user % 5) + 1 + i));
        },
      },
    });
    const options: JudgeOptions = { individual: 1, prototypes: 3 };
    const plain = await model.judge(INPUT, options);
    const weighted = await model.judge(INPUT, {
      ...options,
      aggregate: { neighbourWeights: 'similarity', individualShare: 0 },
    });
    const similar = ofLevel(weighted.chains, 'prototype');
    const best = similar[0]!.neighbour!.similarity;
    const weights = similar.map(({ neighbour }) => Math.exp((neighbour!.similarity - best) / 0.1));
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    for (const candidate of [0, 1]) {
      const mean = similar.reduce((sum, { scores }, i) => sum + weights[i]! * scores![candidate]!, 0) / total;
      expect(weighted.scores![candidate]).toBeCloseTo(mean, 9);
    }
    expect(weighted.levels.prototype!.scores).not.toEqual(plain.levels.prototype!.scores);

    const cosine = await model.judge(INPUT, { ...options, aggregate: { neighbourWeights: 'cosine' } });
    const cosines = ofLevel(cosine.chains, 'prototype').map(({ neighbour }) => neighbour!.similarity);
    const { individual, prototype } = cosine.levels;
    const like = cosines.reduce((sum, similarity) => sum + similarity, 0) / cosines.length;
    expect(like).toBeLessThan(1);
    for (const candidate of [0, 1]) {
      const both = individual.scores![candidate]! + like * prototype!.scores![candidate]!;
      expect(cosine.scores![candidate]).toBeCloseTo(both / (1 + like), 9);
    }
    expect(neighboursOf(plain.chains)).toEqual(await nearest(ASKER_ANALYSIS, 3));
  });

  it('are lost like others, and their level passes its weight on', async () => {
    const { model } = await bankWorld(folder, {
      generator: { script: (sample) => (shownUser(sample.prompt) === null ? byUser(sample) : 'no') },
    });
    const judgment = await model.judge(INPUT, { individual: 2, prototypes: 2 });
    expect(judgment).toMatchObject({
      scores: [5, 8],
      levels: { prototype: { scores: null, usable: 0, lost: { noJson: 2 } } },
      lost: { noJson: 2 },
      usable: 2,
    });
  });
});

describe('the search', () => {
  it('never finds the one who asks, whether by user id or by the row of an anonymous user', async () => {
    const { model, nearest } = await bankWorld(folder);
    const [first] = await nearest(ASKER_ANALYSIS, 1);
    const input = { ...INPUT, user: { id: first!, history: HISTORY } };
    const judgment = await model.judge(input, { prototypes: BANK_USERS });
    expect(judgment.retrieval!.neighbours.map(({ userId }) => userId)).not.toContain(first);
    // The bank has no more users than this.
    expect(judgment.retrieval).toMatchObject({ status: 'tooFew', asked: BANK_USERS });
    expect(judgment.retrieval!.neighbours).toHaveLength(BANK_USERS - 1);
    expect(judgment.scaling).toMatchObject({ planned: { prototype: BANK_USERS - 1 }, saved: 0 });
    const included = await model.judge(input, { prototypes: 2, includeSelf: true });
    expect(neighboursOf(included.chains)[0]).toBe(first);
  });

  it('goes by the history where asked to, and waits for no chain', async () => {
    const { model, embedder, nearest } = await bankWorld(folder, {
      generator: { delayMs: (prompt) => (shownUser(prompt) === null ? 500 : 0) },
    });
    const levels: string[] = [];
    const judgment = await model.judge(
      { ...INPUT, user: { ...INPUT.user!, criteria: 'Short and kind.' } },
      {
        prototypes: 2,
        retrieveBy: 'history',
        onEvent: (event) => event.type === 'chain' && levels.push(event.chain.level),
      },
    );
    const text = 'User: old query\nChosen: mine\nRejected: other\n\nShort and kind.';
    expect(embedder.texts).toEqual([text]);
    expect(neighboursOf(judgment.chains)).toEqual(await nearest(text, 2));
    expect(judgment.retrieval).toMatchObject({ by: 'history', chain: null, status: 'found' });
    expect(levels).toEqual(['prototype', 'prototype', 'individual']);
  });

  it('sees as many events as the prompts do', async () => {
    const { model, embedder } = await bankWorld(folder);
    const history = [0, 1, 2].map((index) => ({ ...HISTORY[0]!, chosen: `mine ${index}` }));
    const input = { ...INPUT, user: { id: 'somebody', history } };
    await model.judge(input, { prototypes: 1, retrieveBy: 'history', historyEvents: 1 });
    expect(embedder.texts[0]).toContain('mine 2');
    expect(embedder.texts[0]).not.toContain('mine 1');
  });

  it('goes by the criteria of a user without history', async () => {
    const { model, embedder } = await bankWorld(folder);
    const input = { ...INPUT, user: { id: 'new', history: [], criteria: 'Only facts.' } };
    const judgment = await model.judge(input, { prototypes: 2 });
    expect(judgment.retrieval).toMatchObject({ by: 'criteria', status: 'found' });
    expect(embedder.texts).toEqual(['Only facts.']);
    // History that no prompt may show counts as none.
    const hidden = { ...input, user: { ...input.user, history: HISTORY } };
    expect((await model.judge(hidden, { prototypes: 2, historyEvents: 0 })).retrieval!.by).toBe('criteria');
  });

  it('says that there was nothing to go on, and the own chains stand alone', async () => {
    const { model, embedder, generator } = await bankWorld(folder);
    for (const retrieveBy of ['chain', 'history'] as const) {
      const { user: _, ...stranger } = INPUT;
      const judgment = await model.judge(stranger, { individual: 2, prototypes: 2, retrieveBy });
      expect(judgment).toMatchObject({
        status: 'scored',
        scores: [5, 8],
        retrieval: { by: null, status: 'nothingToGoOn', neighbours: [] },
        levels: { prototype: { scores: null, usable: 0, lost: {} } },
        scaling: { planned: { individual: 2, prototype: 0 }, saved: 0 },
      });
    }
    expect(embedder.texts).toEqual([]);
    expect(generator.requests).toHaveLength(4);
  });

  it('takes the analysis of an earlier chain', async () => {
    const { model, embedder, nearest } = await bankWorld(folder);
    const analysis = 'PART 1: likes terse replies';
    const judgment = await model.judge({ ...INPUT, analysis }, { prototypes: 2 });
    expect(judgment.retrieval).toMatchObject({ by: 'analysis', status: 'found' });
    expect(embedder.texts).toEqual([analysis]);
    expect(neighboursOf(judgment.chains)).toEqual(await nearest(analysis, 2));
    await expect(model.judge({ ...INPUT, analysis: ' ' })).rejects.toMatchObject(
      error('INVALID_OPTION', /analysis must be a text that is not blank/),
    );
  });

  it('passes over lost chains, and takes the history where all are lost', async () => {
    let calls = 0;
    const { model } = await bankWorld(folder, {
      generator: {
        script: (sample) => {
          if (shownUser(sample.prompt) !== null) return byLength(sample);
          calls += 1;
          return calls === 1 ? 'lost' : byUser(sample);
        },
      },
    });
    const second = await model.judge(INPUT, { individual: 2, prototypes: 1 });
    expect(second.retrieval).toMatchObject({ by: 'chain', chain: 1, ownChainsLost: false });
    const { model: mute } = await bankWorld(folder, {
      generator: { script: (sample) => (shownUser(sample.prompt) === null ? 'lost' : byLength(sample)) },
    });
    const judgment = await mute.judge(INPUT, { individual: 2, prototypes: 2 });
    expect(judgment).toMatchObject({
      status: 'scored',
      scores: [5, 8],
      levels: { individual: { scores: null }, prototype: { usable: 2 } },
      retrieval: { by: 'history', ownChainsLost: true, status: 'found' },
      lost: { noJson: 2 },
    });
  });

  it('cuts a text that is too long for the embedder, and says so', async () => {
    const { model, embedder } = await bankWorld(folder, { embedder: { maxTokens: 12 } });
    const long = { ...HISTORY[0]!, context: [{ role: 'user' as const, content: 'word '.repeat(40).trim() }] };
    const judgment = await model.judge(
      { ...INPUT, user: { id: 'somebody', history: [long, ...HISTORY] } },
      { prototypes: 1, retrieveBy: 'history' },
    );
    expect(judgment.retrieval).toMatchObject({ by: 'history', shortened: true });
    // The oldest words give way.
    expect(embedder.texts[0]).toMatch(/Rejected: other$/);
    expect(embedder.texts[0]!.split(/\s+/).length).toBeLessThanOrEqual(12);
  });

  it('keep what the user states, and show what a neighbour states to a user who states nothing', async () => {
    const { model, bank, embedder, generator } = await bankWorld(folder);
    const { vectors } = await embedder.embed([ASKER_ANALYSIS]);
    const theirs = [
      { context: [{ role: 'user' as const, content: 'their query' }], chosen: 'a', rejected: 'b' },
    ];
    await bank.addUser({
      id: 'alike',
      user: { history: theirs, criteria: 'Rhymes, please.' },
      embedding: vectors,
    });
    const shownTo = async (criteria: string | undefined): Promise<string> => {
      const user = { ...INPUT.user, history: HISTORY, ...(criteria === undefined ? {} : { criteria }) };
      const judgment = await model.judge({ ...INPUT, user }, { prototypes: 1 });
      expect(neighboursOf(judgment.chains)).toEqual(['alike']);
      const prompt = promptText(generator.requests.at(-1)!.prompt);
      expect(prompt).toContain('their query');
      expect(prompt).not.toContain('old query');
      return prompt;
    };
    const kept = await shownTo('No rhymes.');
    expect(kept).toContain('No rhymes.');
    expect(kept).not.toContain('Rhymes, please.');
    for (const nothing of [undefined, ' \n']) expect(await shownTo(nothing)).toContain('Rhymes, please.');
  });

  it('gives a neighbour without room for their criteria a prompt without them', async () => {
    const { model, bank, embedder, generator } = await bankWorld(folder, {
      generator: { contextTokens: 4000 },
    });
    const { vectors } = await embedder.embed([ASKER_ANALYSIS]);
    await bank.addUser({
      id: 'wordy',
      user: { history: HISTORY, criteria: 'I want '.repeat(1000) },
      embedding: vectors,
    });
    const judgment = await model.judge(INPUT, { prototypes: 1, maxTokens: 1500 });
    expect(neighboursOf(judgment.chains)).toEqual(['wordy']);
    expect(promptText(generator.requests.at(-1)!.prompt)).not.toContain('I want');
  });
});

describe('errors', () => {
  it('of the embedder end the judgment, and chains under way', async () => {
    const { model, generator } = await bankWorld(folder, {
      generator: { delayMs: 2000 },
      embedder: { nanWord: 'mine' },
    });
    await expect(model.judge(INPUT, { prototypes: 2, retrieveBy: 'history' })).rejects.toMatchObject(
      error('INVALID_VECTOR', /NaN/),
    );
    expect(generator.active).toBe(0);
  });

  it('of a signal stop the search too', async () => {
    const { model, generator } = await bankWorld(folder, {
      generator: { delayMs: (prompt) => (shownUser(prompt) === null ? 0 : 5000) },
    });
    const controller = new AbortController();
    const reason = new Error('enough');
    const judging = model.judge(INPUT, { prototypes: 4, signal: controller.signal });
    setTimeout(() => controller.abort(reason), 50);
    await expect(judging).rejects.toBe(reason);
    expect(generator.active).toBe(0);
  });

  it.each<[string, JudgeOptions, RegExp]>([
    ['too many', { prototypes: 1025 }, /prototypes must be an integer from 0 to 1024; got 1025/],
    ['a fraction', { prototypes: 0.5 }, /prototypes must be/],
    ['an unknown retrieval', { retrieveBy: 'luck' as 'chain' }, /retrieveBy must be one of chain, history/],
    ['includeSelf as text', { includeSelf: 'yes' as never }, /includeSelf must be true or false/],
    ['an unknown method', { aggregate: { method: 'best' as 'mean' } }, /aggregate.method must be one of/],
    [
      'a share of 2',
      { aggregate: { individualShare: 2 } },
      /aggregate.individualShare must be a number from 0 to 1/,
    ],
    ['a wide trim', { aggregate: { method: 'trimmed', trim: 0.5 } }, /aggregate.trim/],
    [
      'unknown weights',
      { aggregate: { neighbourWeights: 'best' as 'equal' } },
      /neighbourWeights must be one of/,
    ],
    ['a risk above a half', { adaptive: 0.6 }, /adaptive must be a number from 0 to 0.5; got 0.6/],
    [
      'an adaptive median',
      { adaptive: 0.1, aggregate: { method: 'median' } },
      /needs the method mean or wins/,
    ],
  ])('in the options: %s', async (_, options, message) => {
    const { model, generator } = await bankWorld(folder);
    await expect(model.judge(INPUT, options)).rejects.toMatchObject(error('INVALID_OPTION', message));
    expect(generator.requests).toHaveLength(0);
  });

  it('say that there is no bank, half of one, or another one', async () => {
    const plain = await RewardModel.over(new FakeGenerator());
    expect(plain.bank).toBeNull();
    await expect(plain.judge(INPUT, { prototypes: 2 })).rejects.toMatchObject(
      error('INVALID_OPTION', /must be 0 without a prototype bank; got 2/),
    );
    const { bank } = await bankWorld(folder);
    await expect(RewardModel.over(new FakeGenerator(), { bank })).rejects.toMatchObject(
      error('INVALID_OPTION', /got a bank alone/),
    );
    const embedder = new FakeEmbedder();
    await expect(RewardModel.over(new FakeGenerator(), { embedder })).rejects.toMatchObject(
      error('INVALID_OPTION', /got an embedder alone/),
    );
    for (const [embedderIdentity, message] of [
      [{ sha256: 'd'.repeat(64) }, /embedder of SHA-256 b{64}, and in use is d{64}/],
      [{ pooling: 'cls' }, /pooling mean, and in use is cls/],
    ] as const) {
      await expect(
        RewardModel.over(new FakeGenerator(), { bank, embedder, embedderIdentity }),
      ).rejects.toMatchObject(error('BANK_MISMATCH', message));
    }
    const wide = new FakeEmbedder({ dimension: 8 });
    const model = await RewardModel.over(new FakeGenerator(), { bank, embedder: wide });
    await expect(model.judge(INPUT, { prototypes: 2 })).rejects.toMatchObject(
      error('INVALID_VECTOR', /of 16 finite numbers.*got 8 numbers/),
    );
  });
});

describe('disposing', () => {
  it('leaves the bank and the embedder to their owner, unless they are the model’s', async () => {
    const { model, bank, embedder } = await bankWorld(folder);
    await model[Symbol.asyncDispose]();
    expect(embedder.disposals).toBe(0);
    expect(bank.nearestPrototype(bank.prototypeVector(0)).prototype).toBe(0);
    const second = await bankWorld(folder, { over: { ownsBank: true } });
    await second.model[Symbol.asyncDispose]();
    await second.model[Symbol.asyncDispose]();
    expect(second.embedder.disposals).toBe(1);
    expect(() => second.bank.nearestPrototype(new Float32Array(16).fill(1))).toThrow(
      expect.objectContaining({ code: 'DISPOSED' }),
    );
    expect(second.bank).toBeInstanceOf(PrototypeBank);
  });
});

// The tests that every generator passes, for any runner: named cases that resolve where the law holds and throw where not.
// Knows the generator's interface alone; what a generator says it cannot do is expected to be refused.

import type { GenerationRequest, Generator, Prompt, Sample } from '../generator/generator.js';
import { endingCases } from './conformance-endings.js';
import { planCases } from './conformance-plans.js';
import { refusalCases } from './conformance-refusals.js';
import { ask, type Case, expectThat, GREEDY, promptOf, SHARP, same, textsOf } from './conformance-tools.js';

/** A law that generators keep. */
export interface ConformanceCase {
  readonly name: string;
  /**
   * Loads a generator, tries the law on it and disposes it. Throws an error that says what was expected and what came;
   * `{ skipped }` says why the law does not apply to this generator.
   */
  run(): Promise<{ readonly skipped?: string }>;
}

/**
 * The laws of {@link Generator} as cases for any test runner. `load` gives a new generator over a text model at each call,
 * with a context of 512 tokens or more; the cases dispose it.
 *
 * A case skips itself where `info.capabilities` says that the generator lacks what the law is about; that what it lacks is
 * refused and never dropped is a case of its own.
 */
export function generatorConformance(load: () => Promise<Generator>): ConformanceCase[] {
  return [...CASES, ...endingCases, ...refusalCases, ...planCases].map(({ name, run }) => ({
    name,
    run: async () => {
      const generator = await load();
      try {
        const skipped = await run(generator);
        return skipped === undefined ? {} : { skipped };
      } finally {
        await generator[Symbol.asyncDispose]();
      }
    },
  }));
}

const CASES: Case[] = [
  {
    name: 'says what it is, as plain data',
    async run({ info, model }) {
      expectThat(same(JSON.parse(JSON.stringify(info)), info), 'info is plain data', info);
      expectThat(info.engine !== '' && info.version !== '', 'engine and version are named', info);
      expectThat(
        Number.isInteger(info.contextTokens) && info.contextTokens >= 512,
        'a context of 512 tokens or more',
        info,
      );
      expectThat(
        Number.isInteger(info.samplesAtOnce) && info.samplesAtOnce >= 1,
        'samplesAtOnce of 1 or more',
        info,
      );
      expectThat(
        model.name !== '' && typeof model.chatTemplate === 'string',
        'the model has a name and a chat template',
        model,
      );
    },
  },
  {
    name: 'answers every seed in order, within the bound on tokens, with counts that agree',
    async run(generator) {
      const seeds = [5, 6, 7, 8, 9];
      const prompt = promptOf('A prompt that five samples continue.');
      const { samples, usage } = await ask(generator, { prompt, seeds, maxTokens: 12 });
      expectThat(
        same(
          samples.map(({ seed }) => seed),
          seeds,
        ),
        `samples of the seeds ${seeds}`,
        samples,
      );
      expectThat(
        same(
          samples.map(({ index }) => index),
          [0, 1, 2, 3, 4],
        ),
        'indices from 0 on',
        samples,
      );
      for (const sample of samples) {
        expectThat(sample.tokens >= 1 && sample.tokens <= 12, '1 to 12 tokens', sample);
        expectThat(
          ['stop', 'endOfGeneration', 'length'].includes(sample.finish),
          'a reason why it ended',
          sample,
        );
        if (sample.finish === 'length')
          expectThat(sample.tokens === 12, 'a sample cut off has all its tokens', sample);
      }
      const generated = samples.reduce((sum, { tokens }) => sum + tokens, 0);
      expectThat(usage.generatedTokens === generated, `${generated} generated tokens`, usage);
      expectThat(
        usage.promptTokens === (await generator.countTokens(prompt)),
        'promptTokens as countTokens says',
        usage,
      );
      expectThat(usage.decodedPromptTokens >= 0, 'decoded prompt tokens', usage);
    },
  },
  {
    name: 'announces each sample once, as it ends',
    async run(generator) {
      const told: Sample[] = [];
      const { samples } = await ask(generator, { seeds: [1, 2, 3], onSample: (sample) => told.push(sample) });
      told.sort((a, b) => a.index - b.index);
      expectThat(same(told, [...samples]), 'the samples of the answer', told);
    },
  },
  {
    name: 'streams pieces that make up the texts',
    async run(generator) {
      if (!generator.info.capabilities.streaming) return 'it does not stream';
      const texts = ['', '', ''];
      let least = [0, 0, 0];
      const { samples } = await ask(generator, {
        seeds: [1, 2, 3],
        maxTokens: 40,
        onText: ({ index, text, tokens }) => {
          texts[index] += text;
          expectThat(tokens >= least[index]!, 'token counts that grow', { index, tokens, least });
          least = least.with(index, tokens);
        },
      });
      expectThat(
        same(
          texts,
          samples.map(({ text }) => text),
        ),
        'pieces that add up to the texts',
        texts,
      );
      return undefined;
    },
  },
  {
    name: 'repeats a text for its seed, alone and beside others, and draws others for others',
    async run(generator) {
      if (!generator.info.capabilities.seeds) return 'its seeds do not repeat';
      const request = { prompt: promptOf('Once upon a time, '), sampling: SHARP, maxTokens: 8 };
      const [first] = await textsOf(generator, { ...request, seeds: [11] });
      const [again] = await textsOf(generator, { ...request, seeds: [11] });
      expectThat(first === again, `the same text, ${JSON.stringify(first)}`, again);
      const many = await textsOf(generator, {
        ...request,
        seeds: [11, 12, 13, 14, 15, 16],
        sampling: { ...SHARP, temperature: 1 },
      });
      expectThat(new Set(many).size > 1, 'several texts for several seeds', many);
      return undefined;
    },
  },
  {
    name: 'writes one text for all seeds at temperature 0',
    async run(generator) {
      const texts = await textsOf(generator, { seeds: [1, 2, 3], sampling: GREEDY, maxTokens: 8 });
      expectThat(new Set(texts).size === 1, 'one text', texts);
    },
  },
  {
    name: 'counts a prompt as the sum of what its pieces say together',
    async run(generator) {
      const whole = promptOf('One text in one piece, and the same in three.');
      const parts: Prompt = [
        { text: 'One text in one', trusted: false },
        { text: '', trusted: true },
        { text: ' piece, and the same', trusted: false },
        { text: ' in three.', trusted: false },
      ];
      const [one, three] = [await generator.countTokens(whole), await generator.countTokens(parts)];
      expectThat(one === three, `${one} tokens however the text is divided`, three);
    },
  },
  {
    name: 'keeps data that spells a control token as text',
    async run(generator) {
      const { eosToken } = generator.model;
      if (!generator.info.capabilities.keepsDataText) return 'it does not promise that';
      if (eosToken === '') return 'its model has no token that ends a sequence';
      const count = (pieces: Prompt) =>
        generator.countTokens([{ text: 'a', trusted: false }, ...pieces, { text: 'b', trusted: false }]);
      const trusted = await count([{ text: eosToken, trusted: true }]);
      const data = await count([{ text: eosToken, trusted: false }]);
      expectThat(trusted < data, `'${eosToken}' is one token when trusted and more when not`, {
        trusted,
        data,
      });
      const [head, tail] = [eosToken.slice(0, 2), eosToken.slice(2)];
      for (const split of [
        [
          { text: head, trusted: true },
          { text: tail, trusted: false },
        ],
        [
          { text: head, trusted: false },
          { text: tail, trusted: true },
        ],
        [
          { text: head, trusted: false },
          { text: tail, trusted: false },
        ],
      ]) {
        const tokens = await count(split);
        expectThat(tokens > trusted, 'pieces of different trust spell no control token together', {
          split,
          tokens,
        });
      }
      const joined = await count([
        { text: head, trusted: true },
        { text: tail, trusted: true },
      ]);
      expectThat(joined === trusted, 'trusted pieces side by side are read as one', { joined, trusted });
      return undefined;
    },
  },
  {
    name: 'answers overlapping requests, each with its own',
    async run(generator) {
      const requests = Array.from(
        { length: 8 },
        (_, i): Partial<GenerationRequest> => ({
          prompt: promptOf(`Prompt number ${i}${' and more of it'.repeat(i)}.`),
          seeds: Array.from({ length: 1 + (i % 3) }, (_, seed) => 10 * i + seed),
          maxTokens: 4 + i,
        }),
      );
      const answers = await Promise.all(requests.map((request) => ask(generator, request)));
      for (const [i, { samples, usage }] of answers.entries()) {
        const { seeds, prompt, maxTokens } = requests[i]!;
        expectThat(
          same(
            samples.map(({ seed }) => seed),
            seeds,
          ),
          `the seeds of request ${i}`,
          samples,
        );
        expectThat(
          samples.every(({ tokens }) => tokens <= maxTokens!),
          `at most ${maxTokens} tokens`,
          samples,
        );
        expectThat(
          usage.promptTokens === (await generator.countTokens(prompt!)),
          `the prompt of request ${i}`,
          usage,
        );
      }
    },
  },
  {
    name: 'rejects a request whose listener throws, and no other',
    async run(generator) {
      const thrown = new RangeError('a listener of the conformance suite');
      const bystander = ask(generator, { seeds: [3], maxTokens: 8 });
      const failed = ask(generator, {
        seeds: [1, 2],
        onSample: () => {
          throw thrown;
        },
      });
      const outcome = await failed.then(
        () => undefined,
        (error: unknown) => error,
      );
      expectThat(outcome === thrown, 'the error that the listener threw', outcome);
      expectThat((await bystander).samples.length === 1, 'the answer of the other request', await bystander);
    },
  },
];

// Conformance: how samples and requests end, by stop strings, bounds, grammars, signals and disposal.

import type { Sample } from '../generator/generator.js';
import {
  ask,
  type Case,
  expectCode,
  expectThat,
  failureOf,
  GREEDY,
  promptOf,
  textsOf,
} from './conformance-tools.js';

export const endingCases: Case[] = [
  {
    name: 'ends a sample before the first stop string',
    async run(generator) {
      const [whole] = await textsOf(generator, { sampling: GREEDY, maxTokens: 24 });
      const stop = middleOf(whole!);
      if (stop === null) return 'its greedy text is too short';
      const { samples } = await ask(generator, {
        sampling: GREEDY,
        maxTokens: 24,
        stop: ['\u2603 never', stop],
      });
      const [{ text, finish }] = samples as [Sample];
      const expected = whole!.slice(0, whole!.indexOf(stop));
      expectThat(text === expected && finish === 'stop', `'${expected}' that ends with stop`, samples);
      return undefined;
    },
  },
  {
    name: 'writes minTokens at least',
    async run(generator) {
      if (!generator.info.capabilities.minTokens) return 'it takes no minTokens';
      const { samples } = await ask(generator, { seeds: [1, 2, 3, 4], minTokens: 20, maxTokens: 20 });
      expectThat(
        samples.every(({ tokens }) => tokens === 20),
        '20 tokens each',
        samples,
      );
      return undefined;
    },
  },
  {
    name: 'holds a grammar',
    async run(generator) {
      if (!generator.info.capabilities.grammar) return 'it takes no grammar';
      const texts = await textsOf(generator, {
        seeds: [1, 2, 3, 4],
        maxTokens: 30,
        grammar: 'root ::= "yes" | "no"',
      });
      expectThat(
        texts.every((text) => text === 'yes' || text === 'no'),
        'yes or no',
        texts,
      );
      await expectCode(
        ask(generator, { grammar: 'root ::= missing' }),
        'GRAMMAR_INVALID',
        'a rule that is not there',
      );
      return undefined;
    },
  },
  {
    name: 'rejects with the reason of a signal that aborts, before and while it writes, and goes on',
    async run(generator) {
      const reason = new Error('enough');
      const before = await failureOf(ask(generator, { signal: AbortSignal.abort(reason) }), 'the reason');
      expectThat(before === reason, 'the reason of the signal', before);
      const counting = generator.countTokens(promptOf('x'), { signal: AbortSignal.abort(reason) });
      expectThat(
        (await failureOf(counting, 'the reason')) === reason,
        'the reason from countTokens',
        counting,
      );
      const controller = new AbortController();
      const running = ask(generator, {
        seeds: [1, 2, 3, 4],
        maxTokens: 400,
        signal: controller.signal,
        onSample: () => controller.abort(reason),
      });
      const timer = setTimeout(() => controller.abort(reason), 20);
      const while_ = await failureOf(running, 'the reason');
      clearTimeout(timer);
      expectThat(while_ === reason, 'the reason of the signal', while_);
      expectThat((await ask(generator)).samples.length === 1, 'an answer afterwards', null);
    },
  },
  {
    name: 'ends a sample whose own signal aborts, and writes the others',
    async run(generator) {
      const cancelled = AbortSignal.abort(new Error('not this one'));
      const { samples, usage } = await ask(generator, {
        seeds: [1, 2, 3],
        sampleSignals: [undefined, cancelled, undefined],
      });
      const finishes = samples.map(({ finish }) => finish);
      expectThat(finishes[1] === 'cancelled', 'the second sample cancelled', finishes);
      expectThat(
        finishes.filter((finish) => finish === 'cancelled').length === 1,
        'the others written',
        finishes,
      );
      const tokens = samples.reduce((sum, sample) => sum + sample.tokens, 0);
      expectThat(usage.generatedTokens === tokens, `${tokens} generated tokens`, usage);
    },
  },
  {
    name: 'rejects what runs and what comes after once it is disposed, twice safely',
    async run(generator) {
      const running = failureOf(ask(generator, { seeds: [1, 2, 3, 4], maxTokens: 400 }), 'DISPOSED');
      await Promise.all([generator.close(), generator[Symbol.asyncDispose]()]);
      const error = await running;
      expectThat((error as { code?: unknown }).code === 'DISPOSED', 'DISPOSED for what ran', error);
      await expectCode(ask(generator), 'DISPOSED', 'a request after disposal');
      await expectCode(generator.countTokens(promptOf('x')), 'DISPOSED', 'counting after disposal');
    },
  },
];

/** Two characters from the middle of a text that occur there first; null where there are none. */
function middleOf(text: string): string | null {
  for (let at = Math.floor(text.length / 2); at > 0; at -= 1) {
    const part = text.slice(at, at + 2);
    if (part.length === 2 && text.indexOf(part) === at && !/[\ufffd\ud800-\udfff]/.test(part)) return part;
  }
  return null;
}

// Conformance: what a generator refuses, by code; nothing that it cannot do is dropped in silence.

import type { GenerationRequest } from '../generator/generator.js';
import { ask, type Case, expectCode, promptOf } from './conformance-tools.js';

const SAMPLING = { temperature: 1, topP: 1, minP: 0 };

const INVALID: readonly (readonly [string, Record<string, unknown>])[] = [
  ['no piece of a prompt', { prompt: [] }],
  ['a prompt without text', { prompt: promptOf('') }],
  ['a prompt that is a string', { prompt: 'words' }],
  ['a piece without trust', { prompt: [{ text: 'words' }] }],
  ['no seed', { seeds: [] }],
  ['a negative seed', { seeds: [-1] }],
  ['a seed of more than 32 bits', { seeds: [2 ** 32] }],
  ['a seed that is no whole number', { seeds: [0.5] }],
  ['a temperature below 0', { sampling: { ...SAMPLING, temperature: -0.1 } }],
  ['a temperature that is no number', { sampling: { ...SAMPLING, temperature: Number.NaN } }],
  ['a nucleus of 0', { sampling: { ...SAMPLING, topP: 0 } }],
  ['minP above 1', { sampling: { ...SAMPLING, minP: 1.1 } }],
  ['no new tokens', { maxTokens: 0 }],
  ['minTokens above maxTokens', { minTokens: 17 }],
  ['an empty stop string', { stop: [''] }],
  ['a trigger without a grammar', { grammarTrigger: 'x' }],
  ['a signal too few', { seeds: [1, 2], sampleSignals: [undefined] }],
];

export const refusalCases: Case[] = [
  ...INVALID.map(
    ([what, changes]): Case => ({
      name: `refuses ${what}`,
      run: (generator) =>
        expectCode(ask(generator, changes as Partial<GenerationRequest>), 'INVALID_OPTION', what),
    }),
  ),
  {
    name: 'refuses more than the context holds',
    run: (generator) =>
      expectCode(
        ask(generator, { maxTokens: generator.info.contextTokens }),
        'CONTEXT_OVERFLOW',
        'too many tokens',
      ),
  },
  {
    name: 'refuses what it says it cannot do',
    async run(generator) {
      const { capabilities } = generator.info;
      const asked: [boolean, string, Partial<GenerationRequest>][] = [
        [capabilities.grammar, 'a grammar', { grammar: 'root ::= "a"' }],
        [capabilities.minTokens, 'minTokens', { minTokens: 2 }],
        [capabilities.streaming, 'onText', { onText: () => undefined }],
      ];
      const lacking = asked.filter(([can]) => !can);
      if (lacking.length === 0) return 'it can do all of it';
      for (const [, what, changes] of lacking)
        await expectCode(ask(generator, changes), 'INVALID_OPTION', what);
      return undefined;
    },
  },
];

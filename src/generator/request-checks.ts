// Checks a generation request before any generator takes it.
// Knows the ranges that generator.ts states, and nothing of how a generator works.
import { PgenrmError } from '../errors.js';
import type { GenerationRequest } from './generator.js';

const LARGEST_SEED = 2 ** 32 - 1;

function invalid(what: string, expected: string, found: unknown): PgenrmError {
  return new PgenrmError('INVALID_OPTION', `${what} must be ${expected}, got ${String(found)}.`);
}

function within(what: string, value: number, low: number, high: number, expected: string): void {
  if (!(value >= low && value <= high)) throw invalid(what, expected, value);
}

/**
 * Checks the ranges of a request against a vocabulary and a context.
 * Throws `INVALID_OPTION` for a value out of range and `CONTEXT_OVERFLOW` where prompt and answer together
 * exceed `contextTokens`.
 */
export function checkRequest(
  request: GenerationRequest,
  vocabularyTokens: number,
  contextTokens: number,
): void {
  const { prompt, seeds, sampling, maxTokens, minTokens = 0, stop = [], grammar, grammarTrigger } = request;
  const { sampleSignals = seeds } = request;
  if (!(prompt instanceof Int32Array) || prompt.length === 0) {
    throw invalid(
      'prompt',
      'an Int32Array of at least one token',
      prompt instanceof Int32Array ? 'none' : prompt,
    );
  }
  const stray = prompt.find((token) => token < 0 || token >= vocabularyTokens);
  if (stray !== undefined) throw invalid('prompt', `token ids from 0 to ${vocabularyTokens - 1}`, stray);
  if (seeds.length === 0) throw invalid('seeds', 'a list of at least one seed', 'none');
  for (const seed of seeds) {
    if (!Number.isInteger(seed)) throw invalid('seed', 'an unsigned 32-bit integer', seed);
    within('seed', seed, 0, LARGEST_SEED, 'an unsigned 32-bit integer');
  }
  if (sampleSignals.length !== seeds.length) {
    throw invalid('sampleSignals', `one a seed, ${seeds.length}`, sampleSignals.length);
  }
  within('temperature', sampling.temperature, 0, 10, 'from 0 to 10');
  within('topP', sampling.topP, Number.MIN_VALUE, 1, 'above 0 and at most 1');
  within('minP', sampling.minP, 0, 1, 'from 0 to 1');
  if (!Number.isInteger(maxTokens) || maxTokens < 1)
    throw invalid('maxTokens', 'an integer from 1', maxTokens);
  if (!Number.isInteger(minTokens)) throw invalid('minTokens', 'an integer from 0', minTokens);
  within('minTokens', minTokens, 0, maxTokens, `from 0 to maxTokens, ${maxTokens}`);
  if (stop.includes('')) throw invalid('stop', 'strings of at least one character', "''");
  if (grammarTrigger !== undefined && grammar === undefined) {
    throw invalid('grammarTrigger', 'given together with a grammar', JSON.stringify(grammarTrigger));
  }
  if (prompt.length + maxTokens > contextTokens) {
    throw new PgenrmError(
      'CONTEXT_OVERFLOW',
      `The prompt of ${prompt.length} tokens and ${maxTokens} new ones exceed the context of ${contextTokens}: ` +
        'shorten the prompt, ask for fewer new tokens or load the model with a larger context.',
    );
  }
}

// Checks a generation request before any generator takes it.
// Knows the ranges that generator.ts states, and nothing of how a generator works.
import { PgenrmError } from '../errors.js';
import type { Capabilities, GenerationRequest, GeneratorInfo, Prompt } from './generator.js';

const LARGEST_SEED = 2 ** 32 - 1;

type Ask = Omit<GenerationRequest, 'prompt'>;

function invalid(what: string, expected: string, found: unknown): PgenrmError {
  return new PgenrmError('INVALID_OPTION', `${what} must be ${expected}, got ${String(found)}.`);
}

function within(what: string, value: number, low: number, high: number, expected: string): void {
  if (!(value >= low && value <= high)) throw invalid(what, expected, value);
}

/** Throws `INVALID_OPTION` for a prompt that is not made of pieces, or holds no text. */
export function checkPrompt(prompt: Prompt): void {
  const pieces: unknown = prompt;
  if (!Array.isArray(pieces)) throw invalid('prompt', 'a list of pieces { text, trusted }', pieces);
  for (const [index, piece] of (pieces as unknown[]).entries()) {
    const { text, trusted } = (piece ?? {}) as { text?: unknown; trusted?: unknown };
    if (typeof text !== 'string') throw invalid(`prompt[${index}].text`, 'a string', text);
    if (typeof trusted !== 'boolean') throw invalid(`prompt[${index}].trusted`, 'true or false', trusted);
  }
  if (prompt.every(({ text }) => text === ''))
    throw invalid('prompt', 'at least one character of text', 'none');
}

/** Throws `CONTEXT_OVERFLOW` where prompt and answer together exceed the context, `INVALID_OPTION` for a prompt of no token. */
export function checkRoom(promptTokens: number, maxTokens: number, contextTokens: number): void {
  if (promptTokens === 0) throw invalid('prompt', 'at least one token', 'none');
  if (promptTokens + maxTokens <= contextTokens) return;
  throw new PgenrmError(
    'CONTEXT_OVERFLOW',
    `The prompt of ${promptTokens} tokens and ${maxTokens} new ones exceed the context of ${contextTokens}: ` +
      'shorten the prompt, ask for fewer new tokens or load the model with a larger context.',
  );
}

function requireCapabilities(request: Ask, { kind, engine, capabilities }: GeneratorInfo): void {
  const asked: Partial<Record<keyof Capabilities, boolean>> = {
    grammar: request.grammar !== undefined,
    minTokens: (request.minTokens ?? 0) > 0,
    streaming: request.onText !== undefined,
  };
  const names = { grammar: 'grammar', minTokens: 'minTokens', streaming: 'onText' } as const;
  for (const [capability, name] of Object.entries(names) as [keyof typeof names, string][]) {
    if (asked[capability] === true && !capabilities[capability]) {
      throw invalid(name, `left out, for the ${kind} generator on ${engine} has no ${capability}`, 'given');
    }
  }
}

/** Throws `INVALID_OPTION` where a number is no token of a vocabulary. */
export function checkTokens(tokens: Int32Array, vocabularyTokens: number): void {
  if (!(tokens instanceof Int32Array)) throw invalid('tokens', 'an Int32Array', tokens);
  const stray = tokens.find((token) => token < 0 || token >= vocabularyTokens);
  if (stray !== undefined) throw invalid('tokens', `token ids from 0 to ${vocabularyTokens - 1}`, stray);
}

/**
 * Checks what a request asks for beside its prompt: against the ranges that `generation.ts` states, and against what a
 * generator can do. Throws `INVALID_OPTION`. The prompt has {@link checkPrompt}, what needs its length {@link checkRoom}.
 */
export function checkRequest(request: Ask, info: GeneratorInfo): void {
  const { seeds, sampling, maxTokens, minTokens = 0, stop = [], grammar, grammarTrigger, thoughts } = request;
  const { sampleSignals = seeds } = request;
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
  if (thoughts !== undefined) {
    if (thoughts.close.length === 0) throw invalid('thoughts.close', 'a list of at least one mark', 'none');
    if (thoughts.open.includes('') || thoughts.close.includes(''))
      throw invalid('thoughts', 'marks of at least one character', "''");
  }
  if (grammarTrigger !== undefined && grammar === undefined) {
    throw invalid('grammarTrigger', 'given together with a grammar', JSON.stringify(grammarTrigger));
  }
  requireCapabilities(request, info);
}

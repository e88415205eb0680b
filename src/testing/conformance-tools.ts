// What the cases of the conformance suite share: requests with little in them, and one way to say that a law is broken.

import { PgenrmError } from '../errors.js';
import type { Generation, GenerationRequest, Generator, Prompt } from '../generator/generator.js';

/** A law on a loaded generator; gives the reason where it does not apply. */
export interface Case {
  readonly name: string;
  run(generator: Generator): Promise<string | undefined>;
}

export const GREEDY = { temperature: 0, topP: 1, minP: 0 } as const;

/** Draws that rounding hardly moves: probable tokens only. */
export const SHARP = { temperature: 0.3, topP: 1, minP: 0.1 } as const;

/** A prompt of data alone. */
export const promptOf = (text: string): Prompt => [{ text, trusted: false }];

/** Asks for one sample of 16 tokens where `changes` do not say otherwise. */
export function ask(generator: Generator, changes: Partial<GenerationRequest> = {}): Promise<Generation> {
  return generator.generate({
    prompt: promptOf('Some words to continue.'),
    seeds: [1],
    sampling: { temperature: 1, topP: 1, minP: 0 },
    maxTokens: 16,
    ...changes,
  });
}

/** The texts of a request's samples. */
export async function textsOf(generator: Generator, changes: Partial<GenerationRequest>): Promise<string[]> {
  return (await ask(generator, changes)).samples.map(({ text }) => text);
}

/** Whether two values of plain data are equal, the order of their fields included. */
export function same(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

function described(value: unknown): string {
  if (value instanceof Error)
    return `${value.name}${'code' in value ? ` ${value.code}` : ''}: ${value.message}`;
  return JSON.stringify(value) ?? String(value);
}

/** Throws `INTERNAL` where a law is broken. */
export function expectThat(holds: boolean, expected: string, got: unknown): void {
  if (holds) return;
  throw new PgenrmError('INTERNAL', `expected ${expected}; got ${described(got)}`);
}

/** What a promise rejects with; throws where it resolves. */
export async function failureOf(promise: Promise<unknown>, expected: string): Promise<unknown> {
  const outcome = await promise.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );
  if ('error' in outcome) return outcome.error;
  throw new PgenrmError('INTERNAL', `expected ${expected}; got an answer: ${described(outcome.value)}`);
}

/** Throws unless a promise rejects with this code. */
export async function expectCode(
  promise: Promise<unknown>,
  code: PgenrmError['code'],
  what: string,
): Promise<undefined> {
  const error = await failureOf(promise, `${code} for ${what}`);
  expectThat(error instanceof PgenrmError && error.code === code, `${code} for ${what}`, error);
}

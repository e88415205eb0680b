// Greedy texts of several prompts that share beginnings: what two ways of computing the same must agree on.
import { expect } from 'vitest';
import type { Generator } from '../../src/generator/generator.js';
import { promptOf } from './prompt-of.js';

/** Logits far apart, so that rounding seldom decides: backends sum in other orders, some in 16 bits. */
export const CLEAR = { logitDeviation: 4, vocabulary: 600 };

/** Tokens of each text. */
export const TOKENS = 16;

/** The greedy text of each of nine prompts of several lengths, whose beginnings are partly the same, from one to five samples each. */
export async function textsOf(generator: Generator): Promise<string[]> {
  const story = 'A long story that two of three prompts begin with. '.repeat(6);
  const prompts = Array.from({ length: 9 }, (_, i) => `${i % 3 ? story : ''}${'word '.repeat(i)}${i}`);
  const generations = await Promise.all(
    prompts.map((prompt, i) =>
      generator.generate({
        prompt: promptOf(prompt),
        seeds: Array.from({ length: 1 + (i % 5) }, (_, seed) => seed),
        sampling: { temperature: 0, topP: 1, minP: 0 },
        maxTokens: TOKENS,
        minTokens: TOKENS,
      }),
    ),
  );
  return generations.map(({ samples }) => {
    const texts = new Set(samples.map(({ text }) => text));
    expect(texts.size).toBe(1);
    return [...texts][0] as string;
  });
}

/** All but two near ties. */
export function expectAlike(texts: readonly string[], others: readonly string[]) {
  expect(new Set(texts).size).toBeGreaterThan(5);
  expect(texts.filter((text, i) => text === others[i]).length).toBeGreaterThanOrEqual(texts.length - 2);
}

// Evaluation chains for tests: well formed, with the scores that a test asks for.
// Knows what a test may ask for; the form is write-chain's.

import { writeChain } from '../chain/write-chain.js';
import type { GenerationRequest } from '../generator/generator.js';

/** What a script knows when it writes a sample. */
export interface FakeSample {
  /** The prompt as one text, control tokens spelled out. */
  readonly prompt: string;
  /** Texts of the responses in the order of the prompt; empty where the prompt shows none. */
  readonly responses: readonly string[];
  /** Index into the request's seeds. */
  readonly index: number;
  readonly seed: number;
  readonly request: GenerationRequest;
}

/** A well-formed chain that gives these scores to the responses in order of presentation. */
export function chainText(scores: readonly number[]): string {
  return writeChain({
    persona: '- Likes what fits.',
    criteria: [{ name: 'Fit', weight: 100, why: 'the one thing asked for.' }],
    scores: scores.map((score) => [score]),
    reasons: scores.map(() => ['as wished.']),
  });
}

/** Scores each response by the number of its characters: from 1, at most 10. */
export function byLength({ responses }: Pick<FakeSample, 'responses'>): string {
  return chainText(responses.map((text) => Math.min(10, 1 + (text.length % 10))));
}

/** Texts of the responses that a prompt of a built-in template shows, in its order. */
export function responsesOf(prompt: string): string[] {
  const pattern = /\[The Start of Response (\d+)\]\n([\s\S]*?)\n\[The End of Response \1\]/g;
  return [...prompt.matchAll(pattern)].map((match) => match[2]!);
}

// Evaluation chains for tests: well formed, with the scores that a test asks for.
// Knows the form of a chain; nothing of how samples are drawn.

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
export function chainText(scores: readonly (number | string)[]): string {
  const blocks = scores.map(
    (score, index) =>
      `Response ${index + 1}:\\n1. Fit: ${score}/10 - as wished.\\nFinal Score = (${score}*1.00) = ${score}\\n`,
  );
  const stated = scores.map((score, index) => `"response_${index + 1}": ${score}`);
  return [
    'PART 1: Chain-of-Thought Analysis',
    '',
    '1. **User Preference Synthesis**',
    '- Likes what fits.',
    '',
    '2. **Personalized Scoring Model Derivation**',
    '- Fit (100%): the one thing asked for.',
    '',
    'PART 2: Final Scoring and JSON Output',
    '<JSON_START>',
    `{"rationale": "A. Evaluation Criteria & Weights:\\n1. Fit - 100%\\n(Total = 100%)\\nB. Scoring Breakdown:\\n${blocks.join('')}", "better_response": {${stated.join(', ')}}}`,
    '<JSON_END>',
  ].join('\n');
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

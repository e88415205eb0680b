// Prompts of plain text for tests of generators.
import type { Prompt } from '../../src/generator/generator.js';

/** A prompt of data alone. */
export function promptOf(text: string): Prompt {
  return [{ text, trusted: false }];
}

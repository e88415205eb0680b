// A tokenizer for tests: runs of letters, of white space or of signs are tokens, so boundaries show.

import type { Generator } from '../../../src/generator/generator.js';
import { PromptTokens, type Tokenizer } from '../../../src/generator/llama/prompt-tokens.js';

export interface WordTokenizer extends Tokenizer {
  /** Texts that were tokenized, in order. */
  readonly calls: string[];
  /** The text of tokens; control tokens in double angle quotes. */
  text(tokens: Int32Array): string;
}

export function wordTokenizer(controlTexts: readonly string[]): WordTokenizer {
  const controlTokens = new Map(controlTexts.map((text, id) => [text, id]));
  const words: string[] = [];
  const ids = new Map<string, number>();
  const calls: string[] = [];
  const idOf = (word: string) => {
    let id = ids.get(word);
    if (id === undefined) {
      id = words.length + controlTexts.length;
      ids.set(word, id);
      words.push(word);
    }
    return id;
  };
  return {
    controlTokens,
    calls,
    tokenize(text) {
      calls.push(text);
      return Int32Array.from((text.match(/[\p{L}\p{N}]+|\s+|[^\p{L}\p{N}\s]+/gu) ?? []).map(idOf));
    },
    text(tokens) {
      return [...tokens]
        .map((id) => (id < controlTexts.length ? `«${controlTexts[id]}»` : words[id - controlTexts.length]!))
        .join('');
    },
  };
}

/** Counts the tokens of prompts as a generator on this vocabulary does. */
export function counting(tokenizer: Tokenizer): Pick<Generator, 'countTokens'> {
  const tokens = new PromptTokens(tokenizer);
  return { countTokens: async (prompt) => tokens.of(prompt).length };
}

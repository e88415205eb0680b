// A tokenizer for tests: runs of letters, of white space or of signs are tokens, so boundaries show.

import type { Tokenizer } from '../../src/generator/generator.js';

export interface WordTokenizer extends Tokenizer {
  /** Texts that were tokenized, in order. */
  readonly calls: string[];
  /** The text of tokens; control tokens in double angle quotes. */
  text(tokens: Int32Array): string;
}

export function wordTokenizer(controlTexts: readonly string[], bosToken = '', eosToken = ''): WordTokenizer {
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
    bosToken,
    eosToken,
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

// A prompt as the one text that llama.cpp reads here, in which no text of data becomes a control token.
// Knows special texts of a vocabulary; nothing of tokens.
import type { Prompt } from '../generation.js';

/** Joins letters without being seen: a spelling that holds it is no token's. */
const UNSEEN = '\u2060';

export class PromptText {
  readonly #special: RegExp | null;
  readonly #begin: string;

  /** `special`: texts that become tokens, longest first; `begin`: the text that llama.cpp puts in front by itself, or ''. */
  constructor(special: readonly string[], begin: string) {
    const escaped = special.map((text) => text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&'));
    this.#special = escaped.length === 0 ? null : new RegExp(escaped.join('|'), 'gu');
    this.#begin = begin;
  }

  /** A special text that data spells gets an unseen character behind its first one. */
  of(prompt: Prompt): string {
    const text = prompt
      .map((piece) =>
        piece.trusted || this.#special === null
          ? piece.text
          : piece.text.replace(this.#special, (found) => {
              const [first = ''] = found;
              return `${first}${UNSEEN}${found.slice(first.length)}`;
            }),
      )
      .join('');
    return this.#begin !== '' && text.startsWith(this.#begin) ? text.slice(this.#begin.length) : text;
  }
}

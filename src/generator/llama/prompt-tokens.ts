// Turns the pieces of a prompt into tokens; control tokens come of trusted text alone.
// Knows nothing of templates; the vocabulary is any model's.

import type { Prompt, PromptPiece } from '../generator.js';

/** The vocabulary of a loaded model. */
export interface Tokenizer {
  /** Tokens of plain text: control tokens that the text spells out are read as text, nothing is added. */
  tokenize(text: string): Int32Array;
  /** Control tokens (such as `<|eot_id|>`) by their text. */
  readonly controlTokens: ReadonlyMap<string, number>;
}

// Fragments shorter than this are cheaper to tokenize than worth keeping.
const CACHED_FRAGMENT_MIN_CHARS = 256;
const CACHE_MAX_CHARS = 4_000_000;

/**
 * The tokens of prompts for one vocabulary.
 *
 * Trusted text that spells a control token becomes that token; in untrusted text it stays text. All that stands
 * between two control tokens, trusted or not, is tokenized as one text. Nothing is added: a token that begins
 * the sequence appears where the chat template prints it. Long fragments are remembered (the most recent 4 million
 * characters), so prompts that share a history cost little, and a prompt that is measured and then generated from is
 * tokenized once.
 */
export class PromptTokens {
  readonly #tokenizer: Tokenizer;
  /** Matches any control token, the longest first; null where the model has none. */
  readonly #control: RegExp | null;
  readonly #fragments: FragmentCache;
  readonly #prompts = new WeakMap<Prompt, Int32Array>();

  constructor(tokenizer: Tokenizer) {
    this.#tokenizer = tokenizer;
    this.#control = controlPattern(tokenizer);
    this.#fragments = new FragmentCache(tokenizer);
  }

  /** Tokens of a prompt; the same array for the same prompt. Shape [promptTokens]. */
  of(prompt: Prompt): Int32Array {
    let tokens = this.#prompts.get(prompt);
    if (tokens === undefined) {
      tokens = this.#tokenize(prompt);
      this.#prompts.set(prompt, tokens);
    }
    return tokens;
  }

  #tokenize(prompt: Prompt): Int32Array {
    const runs: Int32Array[] = [];
    let fragment = '';
    const flush = () => {
      if (fragment !== '') runs.push(this.#fragments.tokens(fragment));
      fragment = '';
    };
    for (const piece of mergeTrusted(prompt)) {
      if (!piece.trusted || this.#control === null) {
        fragment += piece.text;
        continue;
      }
      let from = 0;
      for (const match of piece.text.matchAll(this.#control)) {
        fragment += piece.text.slice(from, match.index);
        flush();
        runs.push(Int32Array.of(this.#tokenizer.controlTokens.get(match[0])!));
        from = match.index + match[0].length;
      }
      fragment += piece.text.slice(from);
    }
    flush();
    return concatenate(runs);
  }
}

function mergeTrusted(prompt: Prompt): PromptPiece[] {
  const merged: PromptPiece[] = [];
  for (const piece of prompt) {
    if (piece.text === '') continue;
    const last = merged.at(-1);
    if (last?.trusted && piece.trusted)
      merged[merged.length - 1] = { text: last.text + piece.text, trusted: true };
    else merged.push(piece);
  }
  return merged;
}

function concatenate(runs: readonly Int32Array[]): Int32Array {
  const tokens = new Int32Array(runs.reduce((sum, run) => sum + run.length, 0));
  let at = 0;
  for (const run of runs) {
    tokens.set(run, at);
    at += run.length;
  }
  return tokens;
}

function controlPattern(tokenizer: Tokenizer): RegExp | null {
  const texts = [...tokenizer.controlTokens.keys()].filter((text) => text !== '');
  if (texts.length === 0) return null;
  texts.sort((a, b) => b.length - a.length || (a < b ? -1 : 1));
  return new RegExp(texts.map((text) => text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')).join('|'), 'g');
}

/** Tokens of long fragments, the least recently used dropped first. */
class FragmentCache {
  readonly #tokenizer: Tokenizer;
  readonly #entries = new Map<string, Int32Array>();
  #chars = 0;

  constructor(tokenizer: Tokenizer) {
    this.#tokenizer = tokenizer;
  }

  tokens(fragment: string): Int32Array {
    const known = this.#entries.get(fragment);
    if (known !== undefined) {
      this.#entries.delete(fragment);
      this.#entries.set(fragment, known);
      return known;
    }
    const tokens = this.#tokenizer.tokenize(fragment);
    if (fragment.length < CACHED_FRAGMENT_MIN_CHARS || fragment.length > CACHE_MAX_CHARS) return tokens;
    this.#entries.set(fragment, tokens);
    this.#chars += fragment.length;
    for (const [oldest] of this.#entries) {
      if (this.#chars <= CACHE_MAX_CHARS) break;
      this.#entries.delete(oldest);
      this.#chars -= oldest.length;
    }
    return tokens;
  }
}

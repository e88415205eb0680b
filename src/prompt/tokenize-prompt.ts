// Turns the pieces of a rendered prompt into tokens; control tokens come of trusted text alone.
// Knows nothing of templates; the tokenizer is any model's.

import type { Tokenizer } from '../generator/generator.js';
import type { PromptPiece } from './chat-template.js';

// Fragments shorter than this are cheaper to tokenize than worth keeping.
const CACHED_FRAGMENT_MIN_CHARS = 256;
const CACHE_MAX_CHARS = 4_000_000;

interface TokenizerState {
  /** Matches any control token, the longest first; null where the model has none. */
  readonly control: RegExp | null;
  readonly fragments: FragmentCache;
}

const states = new WeakMap<Tokenizer, TokenizerState>();

/**
 * Tokens of a prompt. Shape [promptTokens].
 *
 * Trusted text that spells a control token becomes that token; in untrusted text it stays text. All that stands
 * between two control tokens, trusted or not, is tokenized as one text. Nothing is added: a token that begins
 * the sequence appears where the chat template prints it. Long fragments are remembered for each tokenizer (the
 * most recent 4 million characters), so prompts that share a history cost little.
 */
export function tokenizePrompt(pieces: readonly PromptPiece[], tokenizer: Tokenizer): Int32Array {
  const state = stateOf(tokenizer);
  const runs: Int32Array[] = [];
  let fragment = '';
  const flush = () => {
    if (fragment !== '') runs.push(state.fragments.tokens(fragment));
    fragment = '';
  };
  for (const piece of mergeTrusted(pieces)) {
    if (!piece.trusted || state.control === null) {
      fragment += piece.text;
      continue;
    }
    let from = 0;
    for (const match of piece.text.matchAll(state.control)) {
      fragment += piece.text.slice(from, match.index);
      flush();
      runs.push(Int32Array.of(tokenizer.controlTokens.get(match[0])!));
      from = match.index + match[0].length;
    }
    fragment += piece.text.slice(from);
  }
  flush();
  return concatenate(runs);
}

function mergeTrusted(pieces: readonly PromptPiece[]): PromptPiece[] {
  const merged: PromptPiece[] = [];
  for (const piece of pieces) {
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

function stateOf(tokenizer: Tokenizer): TokenizerState {
  let state = states.get(tokenizer);
  if (state === undefined) {
    state = { control: controlPattern(tokenizer), fragments: new FragmentCache(tokenizer) };
    states.set(tokenizer, state);
  }
  return state;
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

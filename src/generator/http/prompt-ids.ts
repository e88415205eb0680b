// Turns prompts into the token ids that a server reads; control tokens come of trusted text alone.
// Knows a server's tokenizer by what it answers; texts that were asked for before are remembered.

import type { Prompt } from '../generation.js';
import type { Token } from './dialects/dialect.js';

/** Asks a server for the tokens of a text. */
export type AskTokens = (text: string, special: boolean) => Promise<readonly Token[]>;

const CACHE_MAX_CHARS = 4_000_000;
/** Text of data that looks like a control token; its first character is tokenized by itself. */
const LOOKS_LIKE_CONTROL = /<(?=[|｜/]?[^<>\s]{1,60}>)|\[(?=\/?[A-Z][A-Z_]{1,30}\])|◁(?=[^◁▷]{1,40}▷)/g;

type Part = { readonly text: string } | { readonly id: number };

export class PromptIds {
  readonly #prompts = new WeakMap<Prompt, Promise<readonly number[]>>();
  readonly #fragments = new Map<string, Promise<readonly number[]>>();
  readonly #trusted = new Map<string, Promise<readonly Part[]>>();
  readonly #pieces = new Map<string, Promise<boolean>>();
  #chars = 0;

  /** `tellsSpecial`: the server says what a control token is; else data that looks like one is divided. */
  constructor(
    private readonly ask: AskTokens,
    private readonly tellsSpecial: boolean,
  ) {}

  /** The ids of a prompt; the same list for the same prompt. */
  of(prompt: Prompt): Promise<readonly number[]> {
    let ids = this.#prompts.get(prompt);
    if (ids === undefined) {
      ids = this.tellsSpecial ? this.#exact(prompt) : this.#divided(prompt);
      this.#prompts.set(prompt, ids);
      ids.catch(() => this.#prompts.delete(prompt));
    }
    return ids;
  }

  // What stands between two control tokens, trusted or not, is tokenized as one text.
  async #exact(prompt: Prompt): Promise<readonly number[]> {
    const parts: Part[] = [];
    let fragment = '';
    for (const { text, trusted } of merged(prompt)) {
      for (const part of trusted ? await this.#split(text) : [{ text }]) {
        if ('text' in part) {
          fragment += part.text;
          continue;
        }
        if (fragment !== '') parts.push({ text: fragment });
        fragment = '';
        parts.push(part);
      }
    }
    if (fragment !== '') parts.push({ text: fragment });
    return this.#joined(parts);
  }

  async #divided(prompt: Prompt): Promise<readonly number[]> {
    const texts: string[] = [];
    let fragment = '';
    for (const { text, trusted } of merged(prompt)) {
      if (trusted) {
        fragment += text;
        continue;
      }
      let from = 0;
      for (const { index } of text.matchAll(LOOKS_LIKE_CONTROL)) {
        texts.push(fragment + text.slice(from, index + 1));
        fragment = '';
        from = index + 1;
      }
      fragment += text.slice(from);
    }
    texts.push(fragment);
    return this.#joined(texts.filter((text) => text !== '').map((text) => ({ text })));
  }

  async #joined(parts: readonly Part[]): Promise<readonly number[]> {
    const ids = await Promise.all(
      parts.map((part) => ('text' in part ? this.#fragment(part.text) : [part.id])),
    );
    return ids.flat();
  }

  /** Trusted text, divided at the control tokens that it spells. */
  #split(text: string): Promise<readonly Part[]> {
    return remember(this.#trusted, text, async () => {
      const parts: Part[] = [];
      let rest = text;
      const [special, plain] = await Promise.all([this.ask(text, true), this.ask(text, false)]);
      const usual = new Set(plain.map(({ id }) => id));
      for (const { id, piece } of special) {
        if (usual.has(id) || piece === null || piece === '' || !(await this.#isControl(piece, id))) continue;
        const at = rest.indexOf(piece);
        if (at < 0) continue;
        if (at > 0) parts.push({ text: rest.slice(0, at) });
        parts.push({ id });
        rest = rest.slice(at + piece.length);
      }
      if (rest !== '') parts.push({ text: rest });
      return parts;
    });
  }

  /** Whether a token's text is other tokens when it is read as text. */
  #isControl(piece: string, id: number): Promise<boolean> {
    return remember(this.#pieces, `${id} ${piece}`, async () => {
      const [special, plain] = [await this.ask(piece, true), await this.ask(piece, false)];
      return special.length === 1 && special[0]!.id === id && !plain.some((token) => token.id === id);
    });
  }

  #fragment(text: string): Promise<readonly number[]> {
    const known = this.#fragments.get(text);
    if (known !== undefined) {
      this.#fragments.delete(text);
      this.#fragments.set(text, known);
      return known;
    }
    const ids = this.ask(text, false).then((tokens) => tokens.map(({ id }) => id));
    if (text.length > CACHE_MAX_CHARS) return ids;
    this.#fragments.set(text, ids);
    this.#chars += text.length;
    ids.catch(() => this.#forget(text));
    for (const [oldest] of this.#fragments) {
      if (this.#chars <= CACHE_MAX_CHARS) break;
      this.#forget(oldest);
    }
    return ids;
  }

  #forget(text: string): void {
    if (this.#fragments.delete(text)) this.#chars -= text.length;
  }
}

/** A value by its key, made once; one that fails is made anew. */
function remember<V>(known: Map<string, Promise<V>>, key: string, make: () => Promise<V>): Promise<V> {
  let value = known.get(key);
  if (value === undefined) {
    value = make();
    if (known.size >= 1_000) known.delete(known.keys().next().value!);
    known.set(key, value);
    value.catch(() => known.delete(key));
  }
  return value;
}

/** Pieces of the same trust side by side are one. */
function merged(prompt: Prompt): { text: string; trusted: boolean }[] {
  const pieces: { text: string; trusted: boolean }[] = [];
  for (const { text, trusted } of prompt) {
    if (text === '') continue;
    const last = pieces.at(-1);
    if (last?.trusted === trusted) last.text += text;
    else pieces.push({ text, trusted });
  }
  return pieces;
}

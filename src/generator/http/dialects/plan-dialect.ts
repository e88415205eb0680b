// What a kind of server must be able to do for samples that follow a plan: draw tokens behind tokens, and weigh some of them.
// Types alone.

import type { Sampling } from '../../generation.js';
import type { NodeReading } from '../../plan-run/choice-trie.js';

/** A token with the bytes that it writes in a text; none for control tokens. */
export interface WrittenToken {
  readonly id: number;
  readonly bytes: Uint8Array;
}

/**
 * Has one request answered, again where the server fails; `read` throws a failure for an answer that cannot be right, and
 * it is asked again.
 */
export type Post = <T>(path: string, body: object, read: (answer: unknown) => T) => Promise<T>;

/** Tokens that are drawn behind others. */
export interface DrawAsk {
  /** All that comes before: the prompt, and what the sample has so far. */
  readonly ids: readonly number[];
  readonly seed: number;
  readonly sampling: Sampling;
  readonly maxTokens: number;
  readonly stop: readonly string[];
  readonly grammar: string | undefined;
  /** Whether a token that ends a text may be drawn. */
  readonly mayEnd: boolean;
  /** Tokens that may not be drawn. */
  readonly never: readonly number[];
}

/** What was drawn. */
export interface Drawn {
  /** In order, those of a stop string included, without one that ends the text. */
  readonly tokens: readonly number[];
  readonly finish: 'stop' | 'end' | 'length';
  /** Tokens that came before and were there already; null where the server does not say. */
  readonly cachedTokens: number | null;
}

/** A place in a choice whose continuations are weighed. */
export interface WeighAsk {
  readonly ids: readonly number[];
  readonly children: readonly number[];
  /** 0: at temperature 1, with the most probable token's in place of the sum. */
  readonly temperature: number;
  /** Against the whole vocabulary, and not only against each other. */
  readonly whole: boolean;
}

export interface PlanDialect {
  /** Tokens of plain text. */
  tokenize(post: Post, text: string): Promise<readonly WrittenToken[]>;
  /** What tokens write; `ids` is a text behind which a token may be asked for. */
  pieces(post: Post, tokens: readonly number[], ids: readonly number[]): Promise<readonly WrittenToken[]>;
  draw(post: Post, ask: DrawAsk): Promise<Drawn>;
  weigh(post: Post, ask: WeighAsk): Promise<NodeReading>;
}

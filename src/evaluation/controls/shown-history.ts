// Which events of a long history are shown: the newest, or those most alike the query, as many as a limit allows.
// Knows users and items; how tokens are counted and texts embedded comes from outside.

import { embedQuery } from '../../bank/embed-query.js';
import type { Embedder } from '../../generator/embedder.js';
import type { HistoryEvent, Item, Turn, User } from '../../preference/preference.js';
import { renderEvents } from '../../prompt/sections.js';

/** Which events of a history are kept where not all are shown. */
export const HISTORY_BY_CHOICES = ['newest', 'alike'] as const;

/** Which events of a history are kept. @useDeclaredType */
export type HistoryBy = (typeof HISTORY_BY_CHOICES)[number];

/** How much of a history is shown; without limits all of it. */
export interface HistoryLimits {
  /** Most events. */
  readonly events?: number;
  /** Most tokens of all events together, as the judge counts them; one event is shown whatever its length. */
  readonly budget?: number;
  readonly by: HistoryBy;
}

/** What the limits need of models. */
export interface HistoryTools {
  /** Tokens of a text; needed for a budget. */
  countTokens?(text: string): Promise<number>;
  /** Needed for `alike`. */
  readonly embedder?: Embedder;
}

/** A user's events in the order in which they are kept. */
export interface RankedHistory {
  readonly user: User;
  /** Indices into the history, the first to be kept in front. */
  readonly order: readonly number[];
  /** How many of them the limits allow. */
  readonly most: number;
}

/** Ranks and limits histories. Memory: a number, and for `alike` a vector, an event that was looked at. */
export class HistoryPick {
  readonly #limits: HistoryLimits;
  readonly #tools: HistoryTools;
  readonly #tokens = new WeakMap<HistoryEvent, Promise<number>>();
  readonly #vectors = new WeakMap<HistoryEvent, Promise<Float32Array>>();
  #dimension: Promise<number> | undefined;

  constructor(limits: HistoryLimits = { by: 'newest' }, tools: HistoryTools = {}) {
    this.#limits = limits;
    this.#tools = tools;
  }

  /** Errors: those of counting and of the embedder. */
  async rank(user: User, item: Item): Promise<RankedHistory> {
    const { events = Number.POSITIVE_INFINITY, by } = this.#limits;
    const { history } = user;
    const newest = history.map((_, index) => history.length - 1 - index);
    const order = by === 'newest' ? newest : await this.#alike(newest, history, item);
    return { user, order, most: Math.min(events, await this.#within(order, history)) };
  }

  /** How many events from the front fit the budget, at least one. */
  async #within(order: readonly number[], history: readonly HistoryEvent[]): Promise<number> {
    const { budget } = this.#limits;
    if (budget === undefined) return order.length;
    let left = budget;
    for (const [count, index] of order.entries()) {
      left -= await this.#tokensOf(history[index]!);
      if (left < 0) return Math.max(1, count);
    }
    return order.length;
  }

  #tokensOf(event: HistoryEvent): Promise<number> {
    const known = this.#tokens.get(event) ?? this.#tools.countTokens!(renderEvents([event]));
    this.#tokens.set(event, known);
    return known;
  }

  /** The closest first; of equally close ones the newer first. */
  async #alike(
    newest: readonly number[],
    history: readonly HistoryEvent[],
    { context, candidates }: Item,
  ): Promise<number[]> {
    const asked = await this.#embed(exchange(context, candidates));
    const cosines = new Map<number, number>();
    for (const index of newest) cosines.set(index, cosine(asked, await this.#vectorOf(history[index]!)));
    return [...newest].sort((a, b) => cosines.get(b)! - cosines.get(a)!);
  }

  #vectorOf(event: HistoryEvent): Promise<Float32Array> {
    const { context, chosen, rejected } = event;
    const known = this.#vectors.get(event) ?? this.#embed(exchange(context, [chosen, rejected]));
    this.#vectors.set(event, known);
    return known;
  }

  async #embed(text: string): Promise<Float32Array> {
    const embedder = this.#tools.embedder!;
    this.#dimension ??= embedder.embed(['a']).then(({ dimension }) => dimension);
    const { vector } = await embedQuery(embedder, text, { dimension: await this.#dimension });
    return vector;
  }
}

/** The user with the first `count` events of the order, which stand in the order of time again. */
export function shownUser({ user, order }: RankedHistory, count: number): User {
  const kept = order.slice(0, count).sort((a, b) => a - b);
  return { ...user, history: kept.map((index) => user.history[index]!) };
}

/** The query and its replies as one text; the replies in an order that does not tell which was chosen. */
function exchange(context: readonly Turn[], replies: readonly string[]): string {
  return [context.at(-1)?.content ?? '', ...[...replies].sort()].join('\n\n');
}

/** Of unit vectors. */
function cosine(a: Float32Array, b: Float32Array): number {
  return a.reduce((sum, value, at) => sum + value * b[at]!, 0);
}

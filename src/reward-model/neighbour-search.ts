// Seeks the similar users of one judgment, as soon as there is something to seek them by.
// Knows the bank and its embedder; nothing of how their chains are written.

import { anonymousId } from '../bank/anonymous-id.js';
import type { PrototypeBank } from '../bank/bank.js';
import { embedQuery } from '../bank/embed-query.js';
import { unlessAborted } from '../concurrency/unless-aborted.js';
import type { Embedder } from '../generator/embedder.js';
import type { User } from '../preference/preference.js';
import { renderEvents } from '../prompt/sections.js';
import type { AnalysisTurn } from './analysis-cache.js';
import type { JudgeSettings, JudgeSubject } from './judge-settings.js';
import type { JudgedChain, NeighbourRecord, Retrieval } from './judgment.js';

/** A bank and the embedder that it was built with. */
export interface BankParts {
  readonly bank: PrototypeBank;
  readonly embedder: Embedder;
}

/** A similar user with their signals. */
export interface Neighbour extends NeighbourRecord {
  readonly user: User;
}

/** What a search ended with. */
export interface Neighbours {
  readonly retrieval: Retrieval;
  /** Nearest first; as many as asked for, or as the bank had. */
  readonly found: readonly Neighbour[];
}

interface Query {
  readonly by: NonNullable<Retrieval['by']>;
  readonly text: string;
  /** Which end of a text that is too long gives way. */
  readonly cut: 'end' | 'start';
  readonly chain?: number;
  readonly from?: string;
  readonly ownChainsLost?: boolean;
}

/**
 * The search for similar users of one judgment; it is made once.
 *
 * It begins at once by the analysis given, by the stated criteria of a user without history, or by the history where
 * that is asked for, and otherwise with the first own chain that can be read: the first to end, or under `cached` the
 * first by number, where an earlier item of the user has left nothing. A user with neither history nor criteria
 * has nothing that could be similar. The user is barred from the answer by their id, and an item without a user id by
 * its own id, which is how a bank names rows without users.
 */
export class NeighbourSearch {
  /** Resolves as the search begins. */
  readonly begun: Promise<void>;
  readonly #parts: BankParts;
  readonly #subject: JudgeSubject;
  readonly #settings: JudgeSettings;
  readonly #signal: AbortSignal;
  readonly #user: User;
  readonly #turn: AnalysisTurn | null;
  /** Under `cached`, own chains by number: their query, or null for one that cannot be read. */
  readonly #own = new Map<number, Query | null>();
  #earlierKnown: Promise<void> = Promise.resolve();
  #waitsForEarlier = false;
  #resolveBegun: () => void = () => undefined;
  #task: Promise<Neighbours> | undefined;
  #outcome: Neighbours | undefined;

  /** `turn` is taken up under `cached` only. */
  constructor(
    parts: BankParts,
    subject: JudgeSubject,
    settings: JudgeSettings,
    signal: AbortSignal,
    turn: AnalysisTurn | null = null,
  ) {
    this.#parts = parts;
    this.#turn = turn;
    this.#subject = subject;
    this.#settings = settings;
    this.#signal = signal;
    const { history, ...rest } = subject.user;
    const { historyEvents } = settings;
    const shown =
      historyEvents === null ? history : history.slice(Math.max(0, history.length - historyEvents));
    this.#user = { ...rest, history: shown };
    this.begun = new Promise((resolve) => {
      this.#resolveBegun = resolve;
    });
    this.#beginAtOnce();
  }

  /** Whether the search has begun. */
  get isBegun(): boolean {
    return this.#task !== undefined;
  }

  /** What it ended with, once it has. */
  get outcome(): Neighbours | undefined {
    return this.#outcome;
  }

  /** Takes an own chain that has ended: the first that can be read begins the search. */
  offer({ index, scores, reading }: JudgedChain): void {
    const text = reading.analysisText;
    const readable = scores !== null && text.trim() !== '';
    const query: Query | null = readable ? { by: 'chain', text, cut: 'end', chain: index } : null;
    if (this.#settings.retrieveBy !== 'cached') {
      if (query !== null && !this.isBegun) this.#begin(query);
      return;
    }
    this.#own.set(index, query);
    const first = this.#firstOwn();
    if (first !== null) this.#takeOwn(first);
  }

  /** Resolves once it is known what an earlier item of the user left. Rejects with the signal's reason. */
  get earlierKnown(): Promise<void> {
    return this.#earlierKnown;
  }

  /** Says that no own chain will come any more, so that later items of the user do not wait for one. */
  closeOffers(): void {
    const ended = [...this.#own].sort(([one], [other]) => one - other);
    this.#turn?.settle(ended.find(([, query]) => query !== null)?.[1]?.text ?? null);
  }

  /** Seeks by history where no own chain can be read. */
  fallBack(): void {
    if (!this.isBegun) this.#begin({ ...this.#historyQuery(), ownChainsLost: true });
  }

  /** The answer; waits until the search has begun. Errors: those of the embedder and the bank. */
  async neighbours(): Promise<Neighbours> {
    await this.begun;
    return this.#task!;
  }

  /** What is to be recorded; `notReached` where the search has not ended. */
  record(): Retrieval {
    return this.#outcome?.retrieval ?? this.#retrieval(null, 'notReached', []);
  }

  #beginAtOnce(): void {
    const { history, criteria = '' } = this.#user;
    const { analysis } = this.#subject;
    if (analysis === undefined && history.length > 0 && this.#settings.retrieveBy === 'cached') {
      if (this.#turn !== null) this.#awaitEarlier(this.#turn);
      return;
    }
    this.#turn?.settle(null);
    if (analysis !== undefined) this.#begin({ by: 'analysis', text: analysis, cut: 'end' });
    else if (history.length === 0 && criteria.trim() === '') this.#begin(null);
    else if (history.length === 0) this.#begin({ by: 'criteria', text: criteria, cut: 'end' });
    else if (this.#settings.retrieveBy === 'history') this.#begin(this.#historyQuery());
  }

  #awaitEarlier({ earlier }: AnalysisTurn): void {
    this.#waitsForEarlier = true;
    this.#earlierKnown = unlessAborted(earlier, this.#signal).then((found) => {
      this.#waitsForEarlier = false;
      if (this.isBegun) return;
      if (found !== null) this.#begin({ by: 'cached', text: found.text, cut: 'end', from: found.from });
      else {
        const first = this.#firstOwn();
        if (first !== null) this.#begin(first);
      }
    });
    this.#earlierKnown.catch(() => undefined);
  }

  /** The first own chain by number that can be read; null while a chain before it may still be. */
  #firstOwn(): Query | null {
    for (let index = 0; ; index += 1) {
      const query = this.#own.get(index);
      if (query !== null) return query ?? null;
    }
  }

  #takeOwn(query: Query): void {
    this.#turn?.settle(query.text);
    if (!this.isBegun && !this.#waitsForEarlier) this.#begin(query);
  }

  /** The events as prompts show them, then the criteria; the oldest events give way. */
  #historyQuery(): Query {
    const { history, criteria = '' } = this.#user;
    const events = renderEvents(history);
    return {
      by: 'history',
      text: criteria.trim() === '' ? events : `${events}\n\n${criteria}`,
      cut: 'start',
    };
  }

  #begin(query: Query | null): void {
    const task = query === null ? this.#nothing() : this.#seek(query);
    // Whoever waits for the answer gets the error; without anyone waiting it must not count as unhandled.
    task.catch(() => undefined);
    this.#task = task;
    this.#resolveBegun();
  }

  async #nothing(): Promise<Neighbours> {
    this.#outcome = { retrieval: this.#retrieval(null, 'nothingToGoOn', []), found: [] };
    return this.#outcome;
  }

  async #seek(query: Query): Promise<Neighbours> {
    const { bank, embedder } = this.#parts;
    const { prototypes, includeSelf } = this.#settings;
    const { vector, shortened } = await embedQuery(embedder, query.text, {
      dimension: bank.dimension,
      cut: query.cut,
      signal: this.#signal,
    });
    const similar = await bank.similarUsers(vector, prototypes, { exclude: includeSelf ? [] : this.#self() });
    const found = similar.map(({ userId, rowId, cosine, prototype, fallback, user }) => ({
      userId,
      rowId,
      similarity: cosine,
      prototype,
      fallback,
      user,
    }));
    const status = found.length < prototypes ? 'tooFew' : 'found';
    this.#outcome = { retrieval: this.#retrieval(query, status, found, shortened), found };
    return this.#outcome;
  }

  #self(): string[] {
    const { user, id } = this.#subject;
    return [...(user.id === undefined ? [] : [user.id]), ...(id === undefined ? [] : [anonymousId(id)])];
  }

  #retrieval(
    query: Query | null,
    status: Retrieval['status'],
    found: readonly Neighbour[],
    shortened = false,
  ): Retrieval {
    return {
      by: query?.by ?? null,
      status,
      chain: query?.chain ?? null,
      ...(query?.from === undefined ? {} : { from: query.from }),
      ownChainsLost: query?.ownChainsLost ?? false,
      shortened,
      asked: this.#settings.prototypes,
      neighbours: found.map(({ user: _, ...record }) => record),
    };
  }
}

// Who a request's user is: given in the request, or stored; and which requests a forgotten user ends.
// Knows the store; nothing of judging.

import { PgenrmError } from '../../errors.js';
import type { HistoryEvent, Turn, User } from '../../preference/preference.js';
import type { UserStore } from '../../users/user-store.js';
import type { GivenUser } from '../shapes/common.js';

/** A situation as a request gives it. */
export interface Situation {
  readonly prompt?: string | undefined;
  readonly context?: readonly Turn[] | undefined;
}

/** The turns of a situation. Errors: `INVALID_OPTION` where there is none, or two. */
export function turnsOf({ prompt, context }: Situation): readonly Turn[] {
  if ((prompt === undefined) === (context === undefined)) {
    throw new PgenrmError(
      'INVALID_OPTION',
      'give either prompt (one text) or context (a list of turns), not both or none',
    );
  }
  return context ?? [{ role: 'user', content: prompt! }];
}

type GivenEvent = Exclude<GivenUser, string>['history'][number];

/** An event of a history as the library takes it. */
export function eventOf({
  chosen,
  rejected,
  chosenScore,
  rejectedScore,
  ...situation
}: GivenEvent): HistoryEvent {
  return {
    context: turnsOf(situation),
    chosen,
    rejected,
    ...(chosenScore === undefined ? {} : { chosenScore }),
    ...(rejectedScore === undefined ? {} : { rejectedScore }),
  };
}

/** Users by what requests say of them. */
export class KnownUsers {
  readonly #store: UserStore | null;
  /** What ends the requests that judge for a stored user. */
  readonly #atWork = new Map<string, Set<(reason: unknown) => void>>();

  constructor(store: UserStore | null) {
    this.#store = store;
  }

  /** The store. Errors: `INVALID_OPTION` where there is none. */
  get store(): UserStore {
    if (this.#store !== null) return this.#store;
    throw new PgenrmError(
      'INVALID_OPTION',
      'this server stores no users; start it with --users FILE, or send the user with the request',
    );
  }

  /**
   * Does work for a user, with a signal that also aborts, with `USER_NOT_FOUND`, where the stored user is forgotten meanwhile.
   * Errors: `USER_NOT_FOUND`.
   */
  async with<R>(
    given: GivenUser | undefined,
    signal: AbortSignal,
    work: (user: User | undefined, signal: AbortSignal) => Promise<R>,
  ): Promise<R> {
    if (given === undefined) return work(undefined, signal);
    if (typeof given === 'string') return this.#withStored(given, signal, work);
    const { id, history, criteria } = given;
    const user = {
      history: history.map(eventOf),
      ...(id === undefined ? {} : { id }),
      ...(criteria === undefined ? {} : { criteria }),
    };
    return work(user, signal);
  }

  async #withStored<R>(
    id: string,
    signal: AbortSignal,
    work: (user: User, signal: AbortSignal) => Promise<R>,
  ): Promise<R> {
    const own = new AbortController();
    const end = (reason: unknown): void => own.abort(reason);
    const onAbort = (): void => end(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    const ends = this.#atWork.get(id) ?? new Set();
    this.#atWork.set(id, ends);
    ends.add(end);
    try {
      signal.throwIfAborted();
      const stored = await this.store.read(id);
      if (stored === null) throw notFound(id);
      return await work(stored.user, own.signal);
    } finally {
      signal.removeEventListener('abort', onAbort);
      ends.delete(end);
      if (ends.size === 0 && this.#atWork.get(id) === ends) this.#atWork.delete(id);
    }
  }

  /** Forgets a stored user and ends what is judged for them. Errors: `USER_NOT_FOUND`. */
  async forget(id: string): Promise<void> {
    let known: boolean;
    try {
      known = await this.store.forget(id);
    } finally {
      const reason = new PgenrmError('USER_NOT_FOUND', 'the user was forgotten while they were judged for');
      for (const abort of [...(this.#atWork.get(id) ?? [])]) abort(reason);
    }
    if (!known) throw notFound(id);
  }
}

/** Says that an id is not stored. */
export function notFound(id: string): PgenrmError {
  return new PgenrmError(
    'USER_NOT_FOUND',
    `no user is stored under the id '${id.slice(0, 80)}'; store them with PUT /v1/users/ID, or send the user with the request`,
  );
}

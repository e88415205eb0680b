// Brings single candidates of one user and prompt together that come as separate requests, for a bounded time.
// Knows keys and candidates; what compares them is given.

import { sha256Hex } from '../../hashing/sha256.js';
import { refusal } from '../failures.js';

/** For how long and for how many a group stays open. */
export interface GatheringLimits {
  /** Milliseconds from the first candidate on; 0: nothing waits. */
  readonly ms: number;
  /** Different candidates, at most. */
  readonly size: number;
}

/** What became of a group. */
export interface Gathered<R> {
  /** The outcome of the comparison of all candidates. */
  readonly outcome: R;
  readonly group: string;
  readonly size: number;
  readonly requests: number;
  readonly position: number;
}

interface Member<R> {
  readonly candidate: string;
  readonly resolve: (gathered: Gathered<R>) => void;
  readonly reject: (reason: unknown) => void;
}

interface Group<R> {
  readonly key: string;
  readonly id: string;
  readonly members: Set<Member<R>>;
  readonly stop: AbortController;
  readonly compare: Compare<R>;
  timer: NodeJS.Timeout | null;
}

/** Compares candidates, sorted and different; stops where the signal aborts. */
export type Compare<R> = (candidates: readonly string[], signal: AbortSignal) => Promise<R>;

/** Open groups by key. */
export class Gathering<R> {
  readonly #limits: GatheringLimits;
  readonly #open = new Map<string, Group<R>>();
  #opened = 0;

  constructor(limits: GatheringLimits) {
    this.#limits = limits;
  }

  /**
   * Joins the open group of a key, or opens one; `compare` of its first member is called once, when the time is over, the
   * group is full, or `expected` requests have come. Members whose signals abort leave; with the last one the comparison stops.
   */
  join(
    key: string,
    candidate: string,
    {
      expected,
      signal,
      compare,
    }: { readonly expected?: number | undefined; readonly signal: AbortSignal; readonly compare: Compare<R> },
  ): Promise<Gathered<R>> {
    signal.throwIfAborted();
    const group = this.#open.get(key) ?? this.#openGroup(key, compare);
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        group.members.delete(member);
        if (group.members.size === 0) this.#abandon(group);
        reject(signal.reason);
      };
      const settle = (): void => signal.removeEventListener('abort', leave);
      const member: Member<R> = {
        candidate,
        resolve: (gathered) => {
          settle();
          resolve(gathered);
        },
        reject: (reason) => {
          settle();
          reject(reason);
        },
      };
      signal.addEventListener('abort', leave, { once: true });
      group.members.add(member);
      const full = new Set([...group.members].map((one) => one.candidate)).size >= this.#limits.size;
      if (full || group.members.size >= (expected ?? Number.POSITIVE_INFINITY)) void this.#close(group);
    });
  }

  #openGroup(key: string, compare: Compare<R>): Group<R> {
    this.#opened += 1;
    const id = sha256Hex(JSON.stringify(['pgenrm-group', this.#opened, key])).slice(0, 16);
    const group: Group<R> = {
      key,
      id,
      members: new Set(),
      stop: new AbortController(),
      compare,
      timer: null,
    };
    group.timer = setTimeout(() => void this.#close(group), this.#limits.ms);
    this.#open.set(key, group);
    return group;
  }

  #abandon(group: Group<R>): void {
    this.#forget(group);
    group.stop.abort(refusal('CLIENT_GONE', 'all who waited for this comparison have gone'));
  }

  #forget(group: Group<R>): void {
    if (group.timer !== null) clearTimeout(group.timer);
    group.timer = null;
    if (this.#open.get(group.key) === group) this.#open.delete(group.key);
  }

  async #close(group: Group<R>): Promise<void> {
    if (this.#open.get(group.key) !== group) return;
    this.#forget(group);
    // Sorted, so that the same candidates make the same comparison whichever came first.
    const candidates = [...new Set([...group.members].map(({ candidate }) => candidate))].sort();
    const requests = group.members.size;
    try {
      const outcome = await group.compare(candidates, group.stop.signal);
      for (const member of group.members) {
        const position = candidates.indexOf(member.candidate);
        member.resolve({ outcome, group: group.id, size: candidates.length, requests, position });
      }
    } catch (error) {
      for (const member of group.members) member.reject(error);
    }
  }
}

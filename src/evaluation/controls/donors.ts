// Whose history takes the place of a user's own under the control `swapped`: a seeded draw among users of the same prompts.
// Knows users and prompts; nothing of models or of files.

import { createHash } from 'node:crypto';
import type { PreferenceData, PreferenceRow } from '../../data/preference-data.js';
import type { Turn, User } from '../../preference/preference.js';

/** What a row is judged with under the controls: its own user, and others, all with equally many events. */
export interface ArmsOfRow {
  /** The user's own signals, cut to the number of events that every donor has. */
  readonly own: User;
  readonly donors: readonly { readonly id: string; readonly user: User }[];
  /** Why there is no donor: nothing is known of the user, or nobody else met the user's prompts. */
  readonly noDonor?: NoDonor;
}

/** Reasons for a row without donor. */
export const NO_DONOR_REASONS = ['no user', 'no signals', 'alone'] as const;

/** Why a user has no donor. @useDeclaredType */
export type NoDonor = (typeof NO_DONOR_REASONS)[number];

interface Known {
  user: User;
  readonly prompts: Set<string>;
}

/** The users of the evaluated rows, as donors for one another. Memory: their histories, which the data holds anyway. */
export class DonorPool {
  readonly #users: ReadonlyMap<string, Known>;
  readonly #byPrompt = new Map<string, Set<string>>();
  readonly #seed: number;

  private constructor(users: ReadonlyMap<string, Known>, seed: number) {
    this.#users = users;
    this.#seed = seed;
    for (const [id, { prompts }] of users) {
      for (const prompt of prompts) {
        const met = this.#byPrompt.get(prompt) ?? new Set();
        this.#byPrompt.set(prompt, met.add(id));
      }
    }
  }

  /** Reads the rows once. A prompt is known by the text of its last turn. Errors: as `data.rows()`. */
  static async of(data: PreferenceData, seed: number, signal?: AbortSignal): Promise<DonorPool> {
    const users = new Map<string, Known>();
    for await (const row of data.rows()) {
      signal?.throwIfAborted();
      if (row.kind !== 'row' || row.userId === undefined) continue;
      const known = users.get(row.userId) ?? { user: row.user, prompts: new Set<string>() };
      // Where rows are left one out of the history, the row that knows most stands for the user.
      if (row.user.history.length > known.user.history.length) known.user = row.user;
      for (const { context } of [row.item, ...row.user.history]) known.prompts.add(promptOf(context));
      users.set(row.userId, known);
    }
    return new DonorPool(users, seed);
  }

  /** SHA-256 of who is in the pool and how much is known of each: another pool draws other donors. */
  get fingerprint(): string {
    const lines = [...this.#users].map(([id, { user }]) => JSON.stringify([id, user.history.length]));
    return createHash('sha256').update(lines.sort().join('\n')).digest('hex');
  }

  /**
   * Draws donors for a row among the users who met a prompt that its user met too. Those with as many events as the user
   * come first, in an order that depends on the seed and the two users alone; where there are too few of them, those with
   * the most events follow, and all arms are cut to the number of events of the poorest. The newest events are kept.
   *
   * `events`: most events shown in any arm; all where it is absent.
   */
  arms({ userId, user }: PreferenceRow, count: number, events = Number.POSITIVE_INFINITY): ArmsOfRow {
    const own = newest(user, Math.min(user.history.length, events));
    const none = (noDonor: NoDonor): ArmsOfRow => ({ own, donors: [], noDonor });
    if (userId === undefined) return none('no user');
    const wanted = own.history.length;
    if (wanted === 0 && !hasCriteria(own)) return none('no signals');
    const enough = (id: string): boolean => this.#users.get(id)!.user.history.length >= wanted;
    const size = (id: string): number => this.#users.get(id)!.user.history.length;
    const drawn = this.#peersOf(userId, wanted).sort((a, b) =>
      compareText(this.#draw(userId, a), this.#draw(userId, b)),
    );
    const rest = drawn.filter((id) => !enough(id)).sort((a, b) => size(b) - size(a));
    const chosen = [...drawn.filter(enough), ...rest].slice(0, count);
    if (chosen.length === 0) return none('alone');
    const shown = Math.min(wanted, ...chosen.map(size));
    return {
      own: newest(own, shown),
      donors: chosen.map((id) => ({ id, user: newest(this.#users.get(id)!.user, shown) })),
    };
  }

  /** Users of the same prompts of whom as many kinds of signals are known as have to be swapped. */
  #peersOf(userId: string, wanted: number): string[] {
    const peers = new Set<string>();
    for (const prompt of this.#users.get(userId)?.prompts ?? [])
      for (const id of this.#byPrompt.get(prompt) ?? []) peers.add(id);
    peers.delete(userId);
    return [...peers].filter((id) => {
      const { user } = this.#users.get(id)!;
      return wanted > 0 ? user.history.length > 0 : hasCriteria(user);
    });
  }

  #draw(userId: string, donor: string): string {
    return createHash('sha256')
      .update(JSON.stringify([this.#seed, userId, donor]))
      .digest('hex');
  }
}

function promptOf(context: readonly Turn[]): string {
  return createHash('sha256')
    .update(context.at(-1)?.content.trim() ?? '')
    .digest('base64');
}

function hasCriteria({ criteria = '' }: User): boolean {
  return criteria.trim() !== '';
}

function newest(user: User, events: number): User {
  return { ...user, history: user.history.slice(user.history.length - events) };
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

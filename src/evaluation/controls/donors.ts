// Whose history takes the place of a user's own under the control `swapped`: a seeded draw among users of the same prompts.
// Knows users and prompts; nothing of models or of files.

import { createHash } from 'node:crypto';
import type { PreferenceData, PreferenceRow } from '../../data/preference-data.js';
import type { User } from '../../preference/preference.js';
import { PromptPeers, promptName } from './peers.js';
import { type HistoryPick, shownUser } from './shown-history.js';

/** What a row is judged with under the controls: its own user, and others, all with equally many events. */
export interface ArmsOfRow {
  /** The user's own signals, cut to the number of events that every donor has. */
  readonly own: User;
  readonly donors: readonly { readonly id: string; readonly user: User }[];
  /** Whether fewer of the user's own events are shown than could be, because a donor shows fewer. */
  readonly cut: boolean;
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
  readonly #peers: PromptPeers;

  private constructor(users: ReadonlyMap<string, Known>, seed: number) {
    this.#users = users;
    this.#peers = new PromptPeers(new Map([...users].map(([id, { prompts }]) => [id, prompts])), seed);
  }

  /** Reads the rows once. A prompt is known by its id, else by the text of its last turn. Errors: as `data.rows()`. */
  static async of(data: PreferenceData, seed: number, signal?: AbortSignal): Promise<DonorPool> {
    const users = new Map<string, Known>();
    for await (const row of data.rows()) {
      signal?.throwIfAborted();
      if (row.kind !== 'row' || row.userId === undefined) continue;
      const known = users.get(row.userId) ?? { user: row.user, prompts: new Set<string>() };
      // Where rows are left one out of the history, the row that knows most stands for the user.
      if (row.user.history.length > known.user.history.length) known.user = row.user;
      known.prompts.add(promptName(row.item.context, row.promptId));
      for (const { context, promptId } of row.user.history) known.prompts.add(promptName(context, promptId));
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
   * shows come first, in an order that depends on the seed and the two users alone; where there are too few of them, those
   * with the most events follow. All arms are cut to the number of events of the arm that shows fewest.
   *
   * `pick` says which events of each user are shown. Errors: those of `pick`.
   */
  async arms({ userId, user, item }: PreferenceRow, count: number, pick: HistoryPick): Promise<ArmsOfRow> {
    const ranked = await pick.rank(user, item);
    const wanted = ranked.most;
    const own = shownUser(ranked, wanted);
    const none = (noDonor: NoDonor): ArmsOfRow => ({ own, donors: [], cut: false, noDonor });
    if (userId === undefined) return none('no user');
    if (wanted === 0 && !hasCriteria(own)) return none('no signals');
    const chosen = this.#draw(userId, wanted).slice(0, count);
    if (chosen.length === 0) return none('alone');
    const others = await Promise.all(chosen.map((id) => pick.rank(this.#users.get(id)!.user, item)));
    const shown = Math.min(wanted, ...others.map(({ most }) => most));
    return {
      own: shownUser(ranked, shown),
      donors: chosen.map((id, at) => ({ id, user: shownUser(others[at]!, shown) })),
      cut: shown < wanted,
    };
  }

  /** Users of the same prompts of whom as many kinds of signals are known as have to be swapped, the first to be asked in front. */
  #draw(userId: string, wanted: number): string[] {
    const size = (id: string): number => this.#users.get(id)!.user.history.length;
    const enough = (id: string): boolean => size(id) >= wanted;
    const drawn = this.#peers.of(userId, (id) => {
      const { user } = this.#users.get(id)!;
      return wanted > 0 ? user.history.length > 0 : hasCriteria(user);
    });
    const rest = drawn.filter((id) => !enough(id)).sort((a, b) => size(b) - size(a));
    return [...drawn.filter(enough), ...rest];
  }
}

function hasCriteria({ criteria = '' }: User): boolean {
  return criteria.trim() !== '';
}

// What the files say of each user: past choices and stated criteria, and the user as one row may know them.
// The only place that decides which signals a row may see; knows no file and no format.

import type { HistoryEvent, User } from '../preference/preference.js';
import type { RowDraft } from './formats/format.js';
import { choiceCriteria } from './formats/prism.js';

/** One choice of a user, with what decides which rows may see it. */
export interface Signal {
  readonly event: HistoryEvent;
  readonly conversation?: string;
  readonly split?: string;
  readonly choiceAttributes?: Readonly<Record<string, number>>;
}

/** What a users file says of one user. */
export interface StatedUser {
  readonly criteria?: string;
  readonly history?: readonly HistoryEvent[];
}

/** The choice that a labelled row holds: the chosen reply against the lowest rated of the others. */
export function eventOf(draft: RowDraft): HistoryEvent | undefined {
  const { candidates, chosen, scores } = draft;
  if (chosen === undefined) return undefined;
  const text = candidates[chosen];
  if (text === undefined) return undefined;
  const others = candidates.flatMap((candidate, index) => (index === chosen ? [] : [{ candidate, index }]));
  const different = others.filter(({ candidate }) => candidate !== text);
  const rating = (index: number): number => scores?.[index] ?? Number.POSITIVE_INFINITY;
  const pool = different.length > 0 ? different : others;
  const rejected = pool.reduce<(typeof pool)[number] | undefined>(
    (worst, other) => (worst === undefined || rating(other.index) < rating(worst.index) ? other : worst),
    undefined,
  );
  if (rejected === undefined) return undefined;
  const chosenScore = scores?.[chosen];
  const rejectedScore = scores?.[rejected.index];
  return {
    context: draft.context,
    ...(draft.promptId === undefined ? {} : { promptId: draft.promptId }),
    chosen: text,
    rejected: rejected.candidate,
    ...(chosenScore === undefined ? {} : { chosenScore }),
    ...(rejectedScore === undefined ? {} : { rejectedScore }),
  };
}

/** Whether an event is the very choice that a row asks for: same query, same replies. A row's own event is. */
function asksFor(draft: RowDraft, event: HistoryEvent): boolean {
  return (
    draft.chosen !== undefined &&
    event.context.at(-1)?.content === draft.context.at(-1)?.content &&
    draft.candidates.includes(event.chosen) &&
    draft.candidates.includes(event.rejected)
  );
}

/** Choices and criteria by user. */
export class HistoryBook {
  readonly #signals = new Map<string, Signal[]>();
  readonly #stated = new Map<string, StatedUser>();

  /** Notes a choice of a user; the order of the notes is the order of the history. */
  note(userId: string, signal: Signal): void {
    const signals = this.#signals.get(userId);
    if (signals === undefined) this.#signals.set(userId, [signal]);
    else signals.push(signal);
  }

  /** Notes what a user has stated. */
  state(userId: string, stated: StatedUser): void {
    this.#stated.set(userId, stated);
  }

  /** Forgets users that no row asks for, and the choices that fail the test. */
  keep(userIds: ReadonlySet<string>, test: (signal: Signal) => boolean): void {
    for (const [userId, signals] of this.#signals) {
      if (userIds.has(userId)) this.#signals.set(userId, signals.filter(test));
      else this.#signals.delete(userId);
    }
  }

  /** Whether any user has choices or a stated history: without one, no row has a history but its own. */
  get anyHistory(): boolean {
    for (const signals of this.#signals.values()) if (signals.length > 0) return true;
    for (const { history } of this.#stated.values())
      if (history !== undefined && history.length > 0) return true;
    return false;
  }

  /** Whether any user has stated criteria, or choices that say what weighed in them. */
  get anyCriteria(): boolean {
    for (const { criteria } of this.#stated.values()) if (criteria !== undefined) return true;
    for (const signals of this.#signals.values()) {
      if (signals.some(({ choiceAttributes }) => choiceAttributes !== undefined)) return true;
    }
    return false;
  }

  /** Adds the choices that another file holds of the users given, before those of this book. */
  precede(earlier: HistoryBook, userIds: ReadonlySet<string>): void {
    for (const userId of userIds) {
      const signals = earlier.#signals.get(userId);
      if (signals !== undefined)
        this.#signals.set(userId, [...signals, ...(this.#signals.get(userId) ?? [])]);
    }
  }

  /**
   * The user of a row.
   * The row's own history and criteria take the place of all others. Otherwise: what the users file says, then
   * the user's choices in the order of the file, without those of the row, of its conversation, or of the same
   * query and replies under another id.
   */
  userOf(draft: RowDraft): User {
    const { userId, conversation } = draft;
    const stated = userId === undefined ? undefined : this.#stated.get(userId);
    const signals = (userId === undefined ? undefined : this.#signals.get(userId)) ?? [];
    const visible = signals.filter(
      (signal) => conversation === undefined || signal.conversation !== conversation,
    );
    const history = draft.history ?? [...(stated?.history ?? []), ...visible.map((signal) => signal.event)];
    const attributes = visible
      .map((signal) => signal.choiceAttributes)
      .filter((found) => found !== undefined);
    const criteria = [draft.criteria ?? stated?.criteria, choiceCriteria(attributes), draft.writings]
      .filter((text) => text !== undefined)
      .join('\n');
    return {
      ...(userId === undefined ? {} : { id: userId }),
      history: history.filter((event) => !asksFor(draft, event)),
      ...(criteria === '' ? {} : { criteria }),
    };
  }
}

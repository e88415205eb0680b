// The users of training rows with all of their history: what one row may not know of itself, other users may.
// Knows rows and events; keeps the histories in memory while a bank is written.

import { createHash } from 'node:crypto';
import { anonymousId } from '../bank/anonymous-id.js';
import { type StoredUser, userKey } from '../bank/file/stored-user.js';
import type { PreferenceRow } from '../data/preference-data.js';
import type { HistoryEvent } from '../preference/preference.js';

interface Entry {
  readonly id: string;
  readonly anonymous: boolean;
  readonly history: HistoryEvent[];
  readonly keys: string[];
  /** The rows' own choices, of which other rows of the user may not have told. */
  readonly own: HistoryEvent[];
  criteria: string;
}

/** Collects users row by row. */
export class UserBook {
  readonly #entries = new Map<string, Entry>();
  readonly #keys = new WeakMap<HistoryEvent, string>();

  /** Notes a row, the rows of a user in the order of their choices, and gives the key of its user. */
  note(row: PreferenceRow): string {
    const anonymous = row.userId === undefined;
    const id = row.userId ?? anonymousId(row.id);
    const key = userKey(id, anonymous);
    let entry = this.#entries.get(key);
    if (entry === undefined) {
      entry = { id, anonymous, history: [], keys: [], own: [], criteria: '' };
      this.#entries.set(key, entry);
    }
    this.#merge(entry, row.user.history);
    const own = ownEvent(row);
    if (own !== null) entry.own.push(own);
    // What a row leaves out of the criteria is never more than what another one has.
    const criteria = row.user.criteria ?? '';
    if (criteria.length > entry.criteria.length) entry.criteria = criteria;
    return key;
  }

  /** The id of the user of a key. */
  idOf(key: string): string {
    return this.#entries.get(key)!.id;
  }

  /** The user of a key, with the rows' own choices where no other row has told of them. */
  user(key: string): StoredUser {
    const { id, anonymous, history, keys, own, criteria } = this.#entries.get(key)!;
    const known = new Set(keys);
    const missing = own.filter((event) => !known.has(this.#key(event)) && known.add(this.#key(event)));
    return {
      id,
      ...(anonymous ? { anonymous } : {}),
      history: [...history, ...missing],
      ...(criteria === '' ? {} : { criteria }),
    };
  }

  /** Puts new events where they stand between those that are known. */
  #merge(entry: Entry, events: readonly HistoryEvent[]): void {
    let after = -1;
    for (const event of events) {
      const key = this.#key(event);
      const at = entry.keys.indexOf(key);
      if (at >= 0) {
        after = at;
        continue;
      }
      after += 1;
      entry.keys.splice(after, 0, key);
      entry.history.splice(after, 0, event);
    }
  }

  #key(event: HistoryEvent): string {
    let key = this.#keys.get(event);
    if (key === undefined) {
      key = eventKey(event);
      this.#keys.set(event, key);
    }
    return key;
  }
}

/** Same context and same choice: the same event, whichever of the other replies is named. */
export function eventKey(event: HistoryEvent): string {
  const turns = event.context.map(({ role, content }) => [role, content]);
  return createHash('sha256')
    .update(JSON.stringify([turns, event.chosen]), 'utf8')
    .digest('base64');
}

/** The choice that a labelled row holds, against the first of its other replies; null without a label. */
export function ownEvent({ item, label }: PreferenceRow): HistoryEvent | null {
  const chosen = label === undefined ? undefined : item.candidates[label];
  const rejected = item.candidates.find((_, index) => index !== label);
  if (chosen === undefined || rejected === undefined) return null;
  return { context: item.context, chosen, rejected };
}

// A row as it is judged, made of a draft and of what its user is known for.
// Knows no file; a browser has it too.

import type { Item, User } from '../preference/preference.js';
import type { RowDraft } from './formats/format.js';
import { shownOrder } from './row-order.js';

/** A row that fits its format, with its user's signals resolved. */
export interface PreferenceRow {
  readonly kind: 'row';
  /**
   * Number of the row in the file from 1, blank lines not counted.
   * The turns of one PRISM conversation share it.
   */
  readonly number: number;
  /**
   * The row's `conversation_id` or `id`, or else its number; unique in the file: where an id is repeated, the
   * second row gets `#2`, the third `#3`. It does not depend on `split`, `users` or the kind of file.
   */
  readonly id: string;
  readonly userId?: string;
  /** In lower case; `val` and `dev` are `validation`. */
  readonly split?: string;
  /**
   * Context and candidates. Where the file has a label, the candidates are ordered by the SHA-256 of the row's
   * id and their position in the file, so that the order does not give the label away; else as in the file.
   */
  readonly item: Item;
  /** The user as this row may know them: never the choice that the row asks for. */
  readonly user: User;
  /** Index into `item.candidates` of the reply that the user prefers; absent where the row has no label. */
  readonly label?: number;
  readonly subset?: string;
  /** The licence that the row says it stands under; absent where it says none. */
  readonly license?: string;
  /** Names the prompt, where the data does. */
  readonly promptId?: string;
}

/** A row that does not fit: its number, and the field that does not fit and what was expected. */
export interface RowProblem {
  readonly kind: 'problem';
  readonly number: number;
  readonly reason: string;
}

/** The row of a draft; `user` as the row may know them. */
export function finishRow(draft: RowDraft, number: number, id: string, user: User): PreferenceRow {
  const { chosen, candidates, userId, split, subset, license, promptId } = draft;
  const order =
    chosen === undefined ? candidates.map((_, index) => index) : shownOrder(id, candidates.length);
  return {
    kind: 'row',
    number,
    id,
    ...(userId === undefined ? {} : { userId }),
    ...(split === undefined ? {} : { split }),
    item: { context: draft.context, candidates: order.flatMap((index) => candidates[index] ?? []) },
    user,
    ...(chosen === undefined ? {} : { label: order.indexOf(chosen) }),
    ...(subset === undefined ? {} : { subset }),
    ...(license === undefined ? {} : { license }),
    ...(promptId === undefined ? {} : { promptId }),
  };
}

// What a single candidate is compared with: responses of the user's own history.
// Knows histories; nothing of how they are judged.

import { PgenrmError } from '../../errors.js';
import type { User } from '../../preference/preference.js';

/** A response of the history that stands beside a candidate. */
export interface Anchor {
  readonly event: number;
  readonly which: 'chosen' | 'rejected';
  readonly text: string;
}

/**
 * What the user chose and rejected last, so that every candidate of the user has the same anchors.
 * Errors: `NO_ANCHORS` where the history has nothing but the candidate itself.
 */
export function anchorsOf(user: User | undefined, candidate: string): readonly Anchor[] {
  const history = user?.history ?? [];
  for (let event = history.length - 1; event >= 0; event -= 1) {
    const { chosen, rejected } = history[event]!;
    const anchors: Anchor[] = [
      { event, which: 'chosen', text: chosen },
      { event, which: 'rejected', text: rejected },
    ];
    const usable = anchors.filter(({ text }) => text !== candidate && text.trim() !== '');
    if (usable.length > 0 && chosen !== rejected) return usable;
  }
  throw new PgenrmError(
    'NO_ANCHORS',
    'a single candidate came, no other one for the same user and prompt came in time, and the user has no history to compare it with; send several candidates, or a user with history',
  );
}

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { UserBook } from '../../src/bank-build/user-book.js';
import type { PreferenceRow } from '../../src/data/preference-data.js';
import { event } from '../bank/made-bank.js';

/** A row of a user whose choices are `all`, of which this row asks for one. */
function rowOf(all: readonly string[], own: string, userId: string | null = 'u'): PreferenceRow {
  const { context, chosen, rejected } = event(own);
  const history = all.filter((text) => text !== own).map(event);
  return {
    kind: 'row',
    number: 1,
    id: `row-${own}`,
    ...(userId === null ? {} : { userId }),
    item: { context, candidates: [rejected, chosen] },
    user: { history },
    label: 1,
  };
}

describe('UserBook', () => {
  it('puts the histories of rows that each leave their own choice out together in order', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.string({ minLength: 1, maxLength: 4 }), { minLength: 2, maxLength: 8 }),
        fc.array(fc.nat(), { minLength: 1, maxLength: 8 }),
        (all, picks) => {
          const places = new Set([...picks, picks[0]! + 1].map((pick) => pick % all.length));
          const rows = all.filter((_, place) => places.has(place));
          const book = new UserBook();
          for (const own of rows) book.note(rowOf(all, own));
          expect(book.user('user\nu').history).toEqual(all.map(event));
        },
      ),
    );
  });

  it("ends the history of a user's only row with the row's own choice", () => {
    const book = new UserBook();
    const key = book.note(rowOf(['a', 'b', 'c'], 'b'));
    expect(book.user(key).history).toEqual(['a', 'c', 'b'].map(event));
  });

  it('keeps a user apart from an anonymous one of the same name, and the longest criteria', () => {
    const book = new UserBook();
    const named = book.note({ ...rowOf([], 'x', 'row:row-x'), user: { history: [], criteria: 'be brief' } });
    const anonymous = book.note(rowOf([], 'x', null));
    book.note({ ...rowOf([], 'y', 'row:row-x'), user: { history: [], criteria: 'be' } });
    expect(named).not.toBe(anonymous);
    expect(book.user(named)).toMatchObject({ id: 'row:row-x', criteria: 'be brief' });
    expect(book.user(anonymous)).toMatchObject({ id: 'row:row-x', anonymous: true });
  });
});

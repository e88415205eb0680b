// Users of a bank who are evaluated too: who they are, and a view of the bank in which they are nobody's neighbours.
// Knows data rows and banks; nothing of judgments.

import { createHash } from 'node:crypto';
import type { PrototypeBank, SimilarUser, SimilarUsersOptions } from '../../bank/bank.js';
import type { PreferenceRow, RowProblem } from '../../data/preference-data.js';
import { PgenrmError } from '../../errors.js';

/**
 * What is done about bank users who are evaluated: `exclude`, they are nobody's neighbours; `own`, a user is only kept from being
 * their own neighbour (as where a bank is made of the train rows of the very users that are evaluated).
 */
export const OVERLAP_CHOICES = ['exclude', 'own'] as const;

/** One of {@link OVERLAP_CHOICES}. */
export type OverlapChoice = (typeof OVERLAP_CHOICES)[number];

/** Rows that are judged, with whatever else comes with them. */
export interface JudgedRows {
  rows(): AsyncIterable<PreferenceRow | RowProblem> | Iterable<PreferenceRow | RowProblem>;
}

/** Ids of the evaluated users whom the bank has. Memory: the ids. */
export async function overlapWith(
  data: JudgedRows,
  bank: Pick<PrototypeBank, 'user'>,
  signal?: AbortSignal,
): Promise<ReadonlySet<string>> {
  const asked = new Set<string>();
  const shared = new Set<string>();
  for await (const row of data.rows()) {
    signal?.throwIfAborted();
    if (row.kind !== 'row' || row.userId === undefined || asked.has(row.userId)) continue;
    asked.add(row.userId);
    if ((await bank.user(row.userId)) !== null) shared.add(row.userId);
  }
  return shared;
}

/**
 * The bank with some users left out of every answer of `similarUsers`; all else is the bank's own.
 * Errors: `INVALID_OPTION` where nobody would be left.
 */
export function withoutUsers(bank: PrototypeBank, barred: ReadonlySet<string>): PrototypeBank {
  if (barred.size === 0) return bank;
  if (bank.userCount <= barred.size) {
    throw new PgenrmError(
      'INVALID_OPTION',
      `all ${bank.userCount} users of the bank ${bank.path} are evaluated too, so that nobody is left as a neighbour; build a bank of other users, or keep each user from their own neighbours only with --bank-overlap own`,
    );
  }
  const similarUsers = (
    embedding: Float32Array,
    n: number,
    options?: SimilarUsersOptions,
  ): Promise<SimilarUser[]> => similarOthers(bank, barred, embedding, n, options);
  return answering(bank, similarUsers);
}

/**
 * The bank with users drawn at random in place of the closest ones: the control of retrieval. The draw depends on the seed, on
 * what is sought and on who asks (`exclude`). Every answer reads all users of the bank, at most 100,000.
 */
export function withRandomUsers(bank: PrototypeBank, seed: number): PrototypeBank {
  return answering(bank, async (embedding, n, options) => {
    const all = await bank.similarUsers(embedding, Math.min(100_000, bank.userCount), {
      ...options,
      withinPrototype: false,
    });
    const sought = createHash('sha256').update(new Uint8Array(embedding.slice().buffer)).digest('hex');
    const places = all.map((user) => [placeOf(seed, sought, options?.exclude, user.userId), user] as const);
    return places
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .slice(0, n)
      .map(([, user]) => user);
  });
}

function placeOf(...of: readonly unknown[]): string {
  return createHash('sha256').update(JSON.stringify(of)).digest('hex');
}

/** The bank with another answer to who is similar; all else is the bank's own. */
function answering(bank: PrototypeBank, similarUsers: PrototypeBank['similarUsers']): PrototypeBank {
  return new Proxy(bank, {
    get(target, name) {
      if (name === 'similarUsers') return similarUsers;
      // Private fields belong to the bank itself, so it is the receiver of everything.
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

/** Asks for more users until enough of them are not barred: the order of an answer does not depend on its length. */
async function similarOthers(
  bank: Pick<PrototypeBank, 'similarUsers'>,
  barred: ReadonlySet<string>,
  embedding: Float32Array,
  n: number,
  options?: SimilarUsersOptions,
): Promise<SimilarUser[]> {
  for (let wanted = n; ; wanted = Math.min(2 * wanted, n + barred.size)) {
    const found = await bank.similarUsers(embedding, wanted, options);
    const kept = found.filter(({ userId }) => !barred.has(userId));
    if (kept.length >= n || found.length < wanted || wanted === n + barred.size) return kept.slice(0, n);
  }
}

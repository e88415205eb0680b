// The users of an open bank, those added since it was built included: found by id, read with all of their history.
// Keeps numbers and places; histories are read when asked for.

import { type AddedMember, AddedUsers } from './added-users.js';
import { anonymousId, asStoredUser, keyHash, type StoredUser, userKey } from './bank-user.js';
import type { MemberSearch } from './member-search.js';
import type { OpenedBank } from './opened-bank.js';

/** Users by number: first those that the bank was built with, then those added. */
export class BankUsers {
  readonly #files: OpenedBank;
  readonly #search: MemberSearch;
  readonly #added: AddedUsers;

  constructor(files: OpenedBank, search: MemberSearch) {
    this.#files = files;
    this.#search = search;
    this.#added = new AddedUsers(files.manifest.counts.users);
  }

  /** Users that were added. */
  get addedCount(): number {
    return this.#added.newUsers;
  }

  get addedMembers(): readonly AddedMember[] {
    return this.#added.members;
  }

  /** Takes in the additions since the last call; calls must not overlap. Errors: `BANK_DAMAGED`. */
  async takeNew(): Promise<void> {
    for (const { addition, place } of await this.#files.additions.readNew(this.#dimension)) {
      const [known] = await this.numbersOf(addition.userId);
      this.#added.take(addition, place, known);
    }
  }

  /** Numbers of the users whom an id names: one, none, or two where an anonymous user is called the same. */
  async numbersOf(id: string): Promise<number[]> {
    const added = this.#added.numberOf(id);
    const found = added === undefined ? [] : [added];
    found.push(...(await this.#matching(userKey(id), (user) => user.id === id && !user.anonymous)));
    if (id.startsWith(anonymousId(''))) {
      found.push(...(await this.#matching(userKey(id, true), (user) => user.id === id && !!user.anonymous)));
    }
    return found;
  }

  /** A user with all of their history, later events included. Errors: `BANK_DAMAGED`. */
  async read(number: number): Promise<StoredUser> {
    const { users, additions, manifest } = this.#files;
    const places = this.#added.placesOf(number);
    const entries = await Promise.all(places.map((place) => additions.read(place, this.#dimension)));
    const events = entries.flatMap(({ event }) => event ?? []);
    const base: StoredUser =
      number < manifest.counts.users
        ? asStoredUser(users.path, await users.read(number))
        : { ...entries[0]!.user!, id: entries[0]!.userId };
    return { ...base, history: [...base.history, ...events] };
  }

  get #dimension(): number {
    return this.#files.manifest.madeWith.embedder.dimension;
  }

  async #matching(key: string, matches: (user: StoredUser) => boolean): Promise<number[]> {
    const { users } = this.#files;
    const found: number[] = [];
    for (const number of this.#search.usersOfHash(keyHash(key))) {
      if (matches(asStoredUser(users.path, await users.read(number)))) found.push(number);
    }
    return found;
  }
}

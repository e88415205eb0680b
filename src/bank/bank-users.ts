// The users of an open bank, those added since it was built included: found by id, read with all of their history.
// Keeps numbers and places; histories are read when asked for.

import { type AddedMember, AddedUsers } from './added-users.js';
import { anonymousId } from './anonymous-id.js';
import type { OpenedBank } from './file/opened-bank.js';
import { asStoredUser, keyHash, type StoredUser, userKey } from './file/stored-user.js';
import type { MemberSearch } from './member-search.js';

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

  /** Users with all of their history, later events included, in the order asked for. Errors: `BANK_DAMAGED`. */
  async read(numbers: readonly number[]): Promise<StoredUser[]> {
    const { users, manifest } = this.#files;
    const own = numbers.filter((number) => number < manifest.counts.users);
    const records = await users.readMany(own);
    const stored = new Map(own.map((number, place) => [number, asStoredUser(users.path, records[place])]));
    return Promise.all(numbers.map((number) => this.#withAdditions(number, stored.get(number))));
  }

  /** A user and what was added of them; `stored` is absent for one who was added. */
  async #withAdditions(number: number, stored: StoredUser | undefined): Promise<StoredUser> {
    const places = this.#added.placesOf(number);
    if (stored !== undefined && places.length === 0) return stored;
    const { additions } = this.#files;
    const entries = await Promise.all(places.map((place) => additions.read(place, this.#dimension)));
    const base = stored ?? { ...entries[0]!.user!, id: entries[0]!.userId };
    return { ...base, history: [...base.history, ...entries.flatMap(({ event }) => event ?? [])] };
  }

  get #dimension(): number {
    return this.#files.manifest.madeWith.embedder.dimension;
  }

  async #matching(key: string, matches: (user: StoredUser) => boolean): Promise<number[]> {
    const { users } = this.#files;
    const numbers = this.#search.usersOfHash(keyHash(key));
    const records = await users.readMany(numbers);
    return numbers.filter((_, place) => matches(asStoredUser(users.path, records[place])));
  }
}

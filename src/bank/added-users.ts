// The users, events and members that were added to a bank after it was built, as an index over its log.
// Keeps embeddings and places in memory; no histories.

import type { Addition, AdditionPlace } from './file/additions.js';

/** A member that was added. */
export interface AddedMember {
  readonly user: number;
  readonly row: string;
  readonly prototype: number;
  readonly embedding: Float32Array;
}

/** Numbers of added users follow those of the bank's own. */
export class AddedUsers {
  readonly members: AddedMember[] = [];
  readonly #ownUsers: number;
  readonly #numbers = new Map<string, number>();
  readonly #places = new Map<number, AdditionPlace[]>();

  constructor(ownUsers: number) {
    this.#ownUsers = ownUsers;
  }

  get newUsers(): number {
    return this.#numbers.size;
  }

  /** The number of an added user, or undefined. */
  numberOf(id: string): number | undefined {
    return this.#numbers.get(id);
  }

  /** Where the additions of a user lie, oldest first. */
  placesOf(user: number): readonly AdditionPlace[] {
    return this.#places.get(user) ?? [];
  }

  /** Takes one addition in; `known` is its user's number where the bank has them. */
  take({ userId, member }: Addition, place: AdditionPlace, known: number | undefined): void {
    const user = known ?? this.#ownUsers + this.#numbers.size;
    if (known === undefined) this.#numbers.set(userId, user);
    const places = this.#places.get(user);
    if (places === undefined) this.#places.set(user, [place]);
    else places.push(place);
    if (member !== undefined) this.members.push({ user, ...member });
  }
}

// Finds prototypes and members near an embedding, one member a user.
// Knows vectors, tables and the index; reads no histories.

import type { Kernels } from '../kernels/kernels.js';
import { LabelSet, NO_LABEL } from '../kernels/vectors.js';
import type { AddedMember } from './added-users.js';
import { damaged } from './file/damage.js';
import type { OpenedBank } from './file/opened-bank.js';
import { asStoredMember } from './file/stored-user.js';

/** The best member of a user. */
export interface MemberHit {
  readonly user: number;
  /** Number of the member; meaningless where `row` is given, which names a member that was added. */
  readonly member: number;
  readonly row?: string;
  readonly prototype: number;
  readonly cosine: number;
}

const MOST_AT_ONCE = 1_000_000;

/** Candidates that a walk keeps at least. Of a large bank, prototypes of up to 25,600 members are scanned then, none missed. */
const EFFORT = 200;

/**
 * Members of the index for each candidate beyond those. To find as much among more members a walk keeps more candidates
 * in proportion: 93 in a hundred of the ten nearest took about 55 among 50,000 and 200 among 200,000, 97 took 400 there.
 * A candidate among many takes more than a microsecond, and a query is to take less than two milliseconds
 * (bench/results/kernels-and-banks.md).
 */
const MEMBERS_A_CANDIDATE = 1250;

/** Candidates that a search for `k` of the `members` of an index keeps. */
export function effortFor(k: number, members: number): number {
  return Math.min(MOST_AT_ONCE, Math.max(EFFORT + Math.floor(members / MEMBERS_A_CANDIDATE), 2 * k));
}

/** Searches over the files of an open bank. */
export class MemberSearch {
  readonly #files: OpenedBank;
  readonly #kernels: Kernels;
  readonly #dim: number;
  /** Unit rows, checked once: every query is compared with them. Members only where there is no index. */
  readonly #prototypes: Float32Array;
  readonly #members: Float32Array | null;

  /** Errors: `INVALID_VECTOR` where a prototype or a member that is scanned has no direction. */
  constructor(files: OpenedBank, kernels: Kernels) {
    this.#files = files;
    this.#kernels = kernels;
    const dim = files.manifest.madeWith.embedder.dimension;
    this.#dim = dim;
    const { prototypes, embeddings } = files;
    this.#prototypes = kernels.normaliseRows({ data: prototypes, dim });
    this.#members = embeddings === null ? null : kernels.normaliseRows({ data: embeddings, dim });
  }

  /** All prototypes, the nearest first; equal ones in their order. `query` is of length 1. */
  rankPrototypes(query: Float32Array): { prototype: number; cosine: number }[] {
    return Array.from(this.#distances(query, this.#prototypes), (distance, prototype) => ({
      prototype,
      cosine: cosineOf(distance),
    })).sort((a, b) => b.cosine - a.cosine || a.prototype - b.prototype);
  }

  /** The ids of the rows that were hit, in their order. Errors: `BANK_DAMAGED`. */
  async rows(hits: readonly MemberHit[]): Promise<string[]> {
    const { members } = this.#files;
    const own = hits.filter(({ row }) => row === undefined);
    const records = await members.readMany(own.map(({ member }) => member));
    const stored = new Map(own.map((hit, place) => [hit, asStoredMember(members.path, records[place]).row]));
    return hits.map((hit) => hit.row ?? stored.get(hit)!);
  }

  /** Users whose key has this hash: by chance more than one. */
  usersOfHash(hash: bigint): number[] {
    const { keyHashes, keyUsers } = this.#files.tables;
    let low = 0;
    let high = keyHashes.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (keyHashes[middle]! < hash) low = middle + 1;
      else high = middle;
    }
    const found: number[] = [];
    for (; low < keyHashes.length && keyHashes[low] === hash; low += 1) found.push(keyUsers[low]!);
    return found;
  }

  /**
   * The users nearest to a query, at most n, each by their nearest member; equal ones in the order of members.
   * `scope` is a prototype, or null for all members; `barred` users do not answer.
   */
  async nearestUsers(
    query: Float32Array,
    n: number,
    scope: number | null,
    barred: ReadonlySet<number>,
    added: readonly AddedMember[],
  ): Promise<MemberHit[]> {
    const own = await this.#ownHits(query, n, scope, barred);
    const more = added
      .filter(({ user, prototype }) => !barred.has(user) && (scope === null || scope === prototype))
      .map(
        ({ user, row, prototype, embedding }): MemberHit => ({
          user,
          member: -1,
          row,
          prototype,
          cosine: dot(query, embedding),
        }),
      );
    return onePerUser([...own, ...more].sort((a, b) => b.cosine - a.cosine)).slice(0, n);
  }

  async #ownHits(
    query: Float32Array,
    n: number,
    scope: number | null,
    barred: ReadonlySet<number>,
  ): Promise<MemberHit[]> {
    const { tables, index } = this.#files;
    const [from, to] =
      scope === null
        ? [0, tables.memberUser.length]
        : [tables.prototypeStart[scope]!, tables.prototypeStart[scope + 1]!];
    if (index === null) {
      const distances = this.#distances(query, this.#members!.subarray(from * this.#dim, to * this.#dim));
      const hits = Array.from(distances, (distance, row) => this.#hit(from + row, distance));
      return onePerUser(
        hits
          .filter(({ user }) => !barred.has(user))
          .sort((a, b) => b.cosine - a.cosine || a.member - b.member),
      );
    }
    const exclude = this.#membersOf(barred, from, to);
    // The index takes no more a search; a bank of more members answers from the nearest million.
    const reachable = Math.min(MOST_AT_ONCE, to - from - exclude.length);
    // A user may have many members, so that n members may be fewer than n users: then more are asked for.
    for (let k = Math.min(reachable, 2 * n + 8), exact = false; k > 0; ) {
      const { labels, distances } = await index.search(
        { data: query, dim: this.#dim },
        {
          k,
          effort: effortFor(k, tables.memberUser.length),
          exclude,
          ...(scope === null ? {} : { allow: LabelSet.range(from, to) }),
          ...(exact ? { exact } : {}),
        },
      );
      const hits: MemberHit[] = [];
      labels.forEach((label, place) => {
        if (label !== NO_LABEL) hits.push(this.#hit(label, distances[place]!));
      });
      const users = onePerUser(hits);
      if (users.length >= n || (hits.length === reachable && k === reachable)) return users;
      // The graph may not reach every member that is allowed; a scan does.
      if (hits.length < k && !exact) exact = true;
      else if (k === reachable) return users;
      else k = Math.min(reachable, 4 * k);
    }
    return [];
  }

  #distances(query: Float32Array, rows: Float32Array): Float32Array {
    const dim = this.#dim;
    return this.#kernels.distances({ data: query, dim }, { data: rows, dim }, 'cosine', { prepared: true });
  }

  #hit(member: number, distance: number): MemberHit {
    const user = this.#files.tables.memberUser[member];
    if (user === undefined)
      throw damaged(this.#files.folder, 'its index names a member that it does not have');
    return { user, member, prototype: this.#prototypeOf(member), cosine: cosineOf(distance) };
  }

  #prototypeOf(member: number): number {
    const { prototypeStart } = this.#files.tables;
    let low = 0;
    let high = prototypeStart.length - 1;
    while (high - low > 1) {
      const middle = (low + high) >>> 1;
      if (prototypeStart[middle]! <= member) low = middle;
      else high = middle;
    }
    return low;
  }

  #membersOf(users: ReadonlySet<number>, from: number, to: number): Uint32Array {
    const { userMemberStart, userMembers } = this.#files.tables;
    const members: number[] = [];
    for (const user of users) {
      if (user + 1 >= userMemberStart.length) continue;
      for (let at = userMemberStart[user]!; at < userMemberStart[user + 1]!; at += 1) {
        const member = userMembers[at]!;
        if (member >= from && member < to) members.push(member);
      }
    }
    return Uint32Array.from(members);
  }
}

function onePerUser(hits: readonly MemberHit[]): MemberHit[] {
  const seen = new Set<number>();
  return hits.filter(({ user }) => !seen.has(user) && seen.add(user));
}

function cosineOf(distance: number): number {
  return Math.min(1, Math.max(-1, 1 - distance));
}

function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i += 1) sum += a[i]! * b[i]!;
  return Math.min(1, Math.max(-1, sum));
}

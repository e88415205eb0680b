// The number tables of a bank: which members a prototype and a user have, where records lie, where ids are found.
// Knows their invariants; reads no records.

import { damaged } from './damage.js';
import type { RecordTable } from './record-file.js';
import { SafetensorsFile, type TensorSource, tensorOf } from './safetensors.js';

/** The tables of a bank. Members stand in the order of their prototypes. */
export interface BankTables {
  /** Members of prototype j are `prototypeStart[j]` up to `prototypeStart[j + 1]`, at least one. Shape [k + 1]. */
  readonly prototypeStart: Uint32Array;
  /** User of each member. Shape [members]. */
  readonly memberUser: Uint32Array;
  readonly memberRecords: RecordTable;
  readonly userRecords: RecordTable;
  /** Members of user u are `userMembers[userMemberStart[u]]` and on. Shapes [users + 1], [members]. */
  readonly userMemberStart: Uint32Array;
  readonly userMembers: Uint32Array;
  /** Hashes of the users' keys, ascending, and whose they are. Shape [users] each. */
  readonly keyHashes: BigUint64Array;
  readonly keyUsers: Uint32Array;
}

/** Members of each user, in the order of the members. */
export function membersByUser(
  memberUser: Uint32Array,
  users: number,
): Pick<BankTables, 'userMemberStart' | 'userMembers'> {
  const userMemberStart = new Uint32Array(users + 1);
  for (const user of memberUser) userMemberStart[user + 1]! += 1;
  for (let user = 0; user < users; user += 1) userMemberStart[user + 1]! += userMemberStart[user]!;
  const next = userMemberStart.slice();
  const userMembers = new Uint32Array(memberUser.length);
  memberUser.forEach((user, member) => {
    userMembers[next[user]!] = member;
    next[user]! += 1;
  });
  return { userMemberStart, userMembers };
}

/** Users sorted by the hashes of their keys. */
export function sortedKeys(hashes: BigUint64Array): Pick<BankTables, 'keyHashes' | 'keyUsers'> {
  const keyUsers = Uint32Array.from(hashes, (_, user) => user).sort((a, b) => {
    const [x, y] = [hashes[a]!, hashes[b]!];
    return x < y ? -1 : x > y ? 1 : a - b;
  });
  return { keyHashes: BigUint64Array.from(keyUsers, (user) => hashes[user]!), keyUsers };
}

/** The tables as tensors of one file. */
export function tableTensors(tables: BankTables): Record<string, TensorSource> {
  const whole = (array: Uint32Array): TensorSource => tensorOf('U32', [array.length], array);
  const wide = (array: BigUint64Array): TensorSource => tensorOf('U64', [array.length], array);
  return {
    memberOffsets: wide(tables.memberRecords.offsets),
    userOffsets: wide(tables.userRecords.offsets),
    keyHashes: wide(tables.keyHashes),
    prototypeStart: whole(tables.prototypeStart),
    memberUser: whole(tables.memberUser),
    memberChecksums: whole(tables.memberRecords.checksums),
    userChecksums: whole(tables.userRecords.checksums),
    userMemberStart: whole(tables.userMemberStart),
    userMembers: whole(tables.userMembers),
    keyUsers: whole(tables.keyUsers),
  };
}

/** Reads and checks the tables. Errors: `BANK_DAMAGED`. */
export async function readTables(
  path: string,
  counts: { readonly prototypes: number; readonly members: number; readonly users: number },
): Promise<BankTables> {
  const { prototypes, members, users } = counts;
  await using file = await SafetensorsFile.open(path);
  const whole = (name: string, length: number): Promise<Uint32Array> => file.read(name, 'U32', [length]);
  const wide = (name: string, length: number): Promise<BigUint64Array> => file.read(name, 'U64', [length]);
  const tables: BankTables = {
    prototypeStart: await whole('prototypeStart', prototypes + 1),
    memberUser: await whole('memberUser', members),
    memberRecords: {
      offsets: await wide('memberOffsets', members + 1),
      checksums: await whole('memberChecksums', members),
    },
    userRecords: {
      offsets: await wide('userOffsets', users + 1),
      checksums: await whole('userChecksums', users),
    },
    userMemberStart: await whole('userMemberStart', users + 1),
    userMembers: await whole('userMembers', members),
    keyHashes: await wide('keyHashes', users),
    keyUsers: await whole('keyUsers', users),
  };
  check(path, tables, members, users);
  return tables;
}

function check(path: string, tables: BankTables, members: number, users: number): void {
  const { prototypeStart, userMemberStart } = tables;
  if (!divides(prototypeStart, members, 1)) throw damaged(path, 'a prototype has no members');
  if (!divides(userMemberStart, members, 0)) throw damaged(path, 'the members of its users do not add up');
  const below = (array: Uint32Array, bound: number): boolean => array.every((value) => value < bound);
  if (
    !below(tables.memberUser, users) ||
    !below(tables.userMembers, members) ||
    !below(tables.keyUsers, users)
  ) {
    throw damaged(path, 'a table names a member or a user that is not there');
  }
}

/** Whether starts rise by `least` or more from 0 to `total`. */
function divides(starts: Uint32Array, total: number, least: number): boolean {
  if (starts[0] !== 0 || starts[starts.length - 1] !== total) return false;
  for (let i = 1; i < starts.length; i += 1) if (starts[i]! < starts[i - 1]! + least) return false;
  return true;
}

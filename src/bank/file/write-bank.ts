// Writes the files of a prototype bank into a new folder, each flushed, the manifest last.
// Knows the layout of a bank; not how its contents were made.

import { createHash } from 'node:crypto';
import { mkdir, open } from 'node:fs/promises';
import { join } from 'node:path';
import { PgenrmError } from '../../errors.js';
import type { Kernels } from '../../kernels/kernels.js';
import { syncDirectory, writeAtomically } from '../../output/atomic-file.js';
import { outputFailed } from '../../output/output-error.js';
import { PACKAGE_VERSION } from '../../package.js';
import { createAdditions } from './additions.js';
import { unreadable } from './damage.js';
import { BANK_FILES, BANK_FORMAT, type BankManifest, manifestText, readBankManifest } from './manifest.js';
import { writeRecords } from './record-file.js';
import { tensorOf, writeSafetensors } from './safetensors.js';
import { keyHash, type StoredMember, type StoredUser, userKey } from './stored-user.js';
import { membersByUser, sortedKeys, tableTensors } from './tables.js';

/** Members from which a bank gets an index file; fewer are scanned. */
export const INDEX_FROM = 2000;
/** Members up to which the index is built on one thread, so that the same members give the same file. */
const REPRODUCIBLE_INDEX = 50_000;

/** What the manifest says that does not follow from the contents. */
export type BankAbout = Pick<
  BankManifest,
  'created' | 'madeWith' | 'data' | 'options' | 'silhouettes' | 'refinement' | 'failedRows'
> & { readonly counts: Omit<BankManifest['counts'], 'prototypes' | 'members' | 'users'> };

/** Everything that a bank holds. Members and users come by number, so that not all need to be in memory. */
export interface BankContents {
  readonly about: BankAbout;
  readonly dimension: number;
  /** Unit rows: k-means centres, and the prototypes that they became. Shape [prototypes, dimension] each. */
  readonly centres: Float32Array;
  readonly prototypes: Float32Array;
  /** Unit rows. Shape [members, dimension]. */
  readonly embeddings: Float32Array;
  /** Prototype and user of each member; every prototype has a member. Shape [members] each. */
  readonly assignment: Uint32Array;
  readonly memberUser: Uint32Array;
  readonly users: number;
  member(index: number): StoredMember;
  user(index: number): StoredUser;
}

/** How a bank is written. */
export interface WriteBankOptions {
  readonly kernels: Kernels;
  /** Members from which an index file is made; default {@link INDEX_FROM}. */
  readonly indexFrom?: number;
}

/**
 * Writes a bank into `folder`, which must not exist, and gives its manifest.
 *
 * The same contents give the same bytes, but for an index over more than 50,000 members, which several threads
 * build. Memory: the embeddings and, above `indexFrom`, the index. Errors: `OUTPUT_FAILED`; `INVALID_OPTION` for a
 * prototype without members; `DUPLICATE_ID` for two users of one id; the kernels' errors.
 */
export async function writeBank(
  folder: string,
  contents: BankContents,
  options: WriteBankOptions,
): Promise<BankManifest> {
  const { dimension, assignment, users, about } = contents;
  const members = assignment.length;
  const prototypes = contents.prototypes.length / dimension;
  const { order, prototypeStart } = membersByPrototype(assignment, prototypes);
  const place = (name: keyof typeof BANK_FILES): string => join(folder, BANK_FILES[name]);
  try {
    await mkdir(folder);
  } catch (error) {
    throw outputFailed(folder, error);
  }
  const shape = [prototypes, dimension];
  await writeSafetensors(place('prototypes'), {
    prototypes: tensorOf('F32', shape, contents.prototypes),
    centres: tensorOf('F32', shape, contents.centres),
  });
  await writeSafetensors(place('vectors'), {
    embeddings: {
      dtype: 'F32',
      shape: [members, dimension],
      chunks: reordered(contents.embeddings, dimension, order),
    },
  });
  const memberRecords = await writeRecords(place('members'), mapped(order, contents.member));
  const keys = new BigUint64Array(users);
  const seen = new Set<string>();
  const userRecords = await writeRecords(
    place('users'),
    mapped(
      Uint32Array.from({ length: users }, (_, user) => user),
      (index) => {
        const user = contents.user(index);
        const key = userKey(user.id, user.anonymous);
        if (seen.has(key)) throw new PgenrmError('DUPLICATE_ID', `the user ${user.id} comes twice`);
        seen.add(key);
        keys[index] = keyHash(key);
        return user;
      },
    ),
  );
  const memberUser = order.map((member) => contents.memberUser[member]!);
  const tables = {
    prototypeStart,
    memberUser,
    memberRecords,
    userRecords,
    ...membersByUser(memberUser, users),
    ...sortedKeys(keys),
  };
  await writeSafetensors(place('tables'), tableTensors(tables));
  const indexed = members >= (options.indexFrom ?? INDEX_FROM);
  if (indexed) await writeIndex(place('index'), contents, order, options.kernels);

  const names = [
    'prototypes',
    'vectors',
    'members',
    'users',
    'tables',
    ...(indexed ? ['index' as const] : []),
  ];
  const files: Record<string, BankManifest['files'][string]> = {};
  for (const name of names as (keyof typeof BANK_FILES)[]) {
    files[BANK_FILES[name]] = await fingerprint(place(name));
  }
  const text = manifestText({
    pgenrmBank: BANK_FORMAT,
    pgenrm: PACKAGE_VERSION,
    ...about,
    counts: { prototypes, members, users, ...about.counts },
    files,
  });
  await createAdditions(folder, (JSON.parse(text) as BankManifest).checksum);
  await writeAtomically(place('manifest'), text);
  await syncDirectory(folder);
  return readBankManifest(folder);
}

/** SHA-256 and length of a file of a bank. Errors: `BANK_DAMAGED` where it cannot be read. */
export async function fingerprint(path: string): Promise<{ bytes: number; sha256: string }> {
  const hash = createHash('sha256');
  try {
    const file = await open(path, 'r');
    try {
      const { size } = await file.stat();
      const buffer = Buffer.allocUnsafe(Math.min(Math.max(1, size), 1 << 20));
      let bytes = 0;
      for (;;) {
        const { bytesRead } = await file.read(buffer, 0, buffer.length, bytes);
        if (bytesRead === 0) return { bytes, sha256: hash.digest('hex') };
        hash.update(buffer.subarray(0, bytesRead));
        bytes += bytesRead;
      }
    } finally {
      await file.close();
    }
  } catch (error) {
    throw unreadable(path, error);
  }
}

function membersByPrototype(
  assignment: Uint32Array,
  prototypes: number,
): { order: Uint32Array; prototypeStart: Uint32Array } {
  const prototypeStart = new Uint32Array(prototypes + 1);
  for (const prototype of assignment) prototypeStart[prototype + 1]! += 1;
  const empty = prototypeStart.indexOf(0, 1);
  if (empty >= 0) {
    throw new PgenrmError(
      'INVALID_OPTION',
      `every prototype must have a member, but prototype ${empty - 1} has none; leave it out`,
    );
  }
  for (let j = 0; j < prototypes; j += 1) prototypeStart[j + 1]! += prototypeStart[j]!;
  const next = prototypeStart.slice();
  const order = new Uint32Array(assignment.length);
  assignment.forEach((prototype, member) => {
    order[next[prototype]!] = member;
    next[prototype]! += 1;
  });
  return { order, prototypeStart };
}

const ROWS_A_CHUNK = 4096;

/** Rows in another order, a few thousand at a time. */
function* reordered(
  rows: Float32Array,
  dimension: number,
  order: Uint32Array,
): Generator<Float32Array, void, undefined> {
  for (let from = 0; from < order.length; from += ROWS_A_CHUNK) {
    const part = order.subarray(from, from + ROWS_A_CHUNK);
    const chunk = new Float32Array(part.length * dimension);
    part.forEach((row, index) => {
      chunk.set(rows.subarray(row * dimension, (row + 1) * dimension), index * dimension);
    });
    yield chunk;
  }
}

function* mapped<T>(order: Uint32Array, of: (index: number) => T): Generator<T, void, undefined> {
  for (const index of order) yield of(index);
}

async function writeIndex(
  path: string,
  { embeddings, dimension }: BankContents,
  order: Uint32Array,
  kernels: Kernels,
): Promise<void> {
  const data = new Float32Array(embeddings.length);
  let at = 0;
  for (const chunk of reordered(embeddings, dimension, order)) {
    data.set(chunk, at);
    at += chunk.length;
  }
  const index = await kernels.buildIndex(
    { data, dim: dimension },
    { metric: 'cosine', ...(order.length <= REPRODUCIBLE_INDEX ? { threads: 1 } : {}) },
  );
  try {
    await index.save(path);
  } finally {
    index.dispose();
  }
  try {
    const file = await open(path, 'r+');
    try {
      await file.sync();
    } finally {
      await file.close();
    }
  } catch (error) {
    throw outputFailed(path, error);
  }
}

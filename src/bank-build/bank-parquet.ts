// A bank as parquet files that other tools read, and back, byte for byte.
// Knows the columns; how a bank lies in its folder is `bank/file`.

import { copyFile, mkdir, rename, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { parquetWriteBuffer } from 'hyparquet-writer';
import { BANK_FILES, type BankManifest, readBankManifest } from '../bank/file/manifest.js';
import { openBankFiles } from '../bank/file/opened-bank.js';
import {
  asStoredMember,
  asStoredUser,
  type StoredMember,
  type StoredUser,
} from '../bank/file/stored-user.js';
import { writeBank } from '../bank/file/write-bank.js';
import { openRecords } from '../data/files/records.js';
import { PgenrmError } from '../errors.js';
import type { Kernels } from '../kernels/kernels.js';
import { syncDirectory } from '../output/atomic-file.js';
import { outputFailed } from '../output/output-error.js';

const PARQUET = {
  members: 'members.parquet',
  users: 'users.parquet',
  prototypes: 'prototypes.parquet',
} as const;
/** Rows in memory at a time. */
const GROUP = 5000;

type Element = NonNullable<Parameters<typeof parquetWriteBuffer>[0]['schema']>[number];

const text = (name: string): Element => ({
  name,
  type: 'BYTE_ARRAY',
  converted_type: 'UTF8',
  repetition_type: 'REQUIRED',
});
const whole = (name: string): Element => ({ name, type: 'INT32', repetition_type: 'REQUIRED' });
const numbers = (name: string): Element[] => [
  { name, converted_type: 'LIST', num_children: 1, repetition_type: 'REQUIRED' },
  { name: 'list', num_children: 1, repetition_type: 'REPEATED' },
  { name: 'element', type: 'FLOAT', repetition_type: 'REQUIRED' },
];

/** What is done with a bank as a whole. */
export interface BankTransfer {
  readonly kernels: Kernels;
  readonly signal?: AbortSignal;
}

/**
 * Writes `members`, `users` and `prototypes` as parquet into a new folder, with the bank's manifest.
 * Errors: those of opening a bank; `INVALID_OPTION` where it has additions; `OUTPUT_FAILED`, also where the folder is there.
 */
export async function exportBank(
  bank: string,
  folder: string,
  { kernels, signal }: BankTransfer,
): Promise<BankManifest> {
  await using files = await openBankFiles(resolve(bank), kernels);
  const { manifest, tables, prototypes, centres, vectors, members, users, additions } = files;
  const { dimension } = manifest.madeWith.embedder;
  const added = await additions.readNew(dimension);
  if (added.length > 0)
    throw new PgenrmError(
      'INVALID_OPTION',
      `${bank} has ${added.length} additions, which parquet has no place for; build the bank anew with their rows, or copy its folder`,
    );
  const { prototypeStart, memberUser } = tables;
  const prototypeOf = (member: number): number => {
    let low = 0;
    let high = prototypeStart.length - 1;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (prototypeStart[middle]! <= member) low = middle;
      else high = middle;
    }
    return low;
  };
  const rowsOf = (all: Float32Array, count: number): number[][] =>
    Array.from({ length: count }, (_, row) =>
      Array.from(all.subarray(row * dimension, (row + 1) * dimension)),
    );
  const place = (name: keyof typeof PARQUET): string => join(folder, PARQUET[name]);
  await newFolder(folder);
  try {
    await writeGroups(
      place('members'),
      [text('row'), text('user_id'), whole('user'), whole('prototype'), text('persona'), text('rubric')],
      [numbers('embedding')],
      manifest.counts.members,
      async (from, to) => {
        signal?.throwIfAborted();
        const indices = range(from, to);
        const records = (await members.readMany(indices)).map((one) => asStoredMember(members.path, one));
        return {
          row: records.map(({ row }) => row),
          user_id: records.map(({ user }) => user),
          user: indices.map((index) => memberUser[index]!),
          prototype: indices.map(prototypeOf),
          persona: records.map(({ persona }) => persona),
          rubric: records.map(({ rubric }) => JSON.stringify(rubric)),
          embedding: rowsOf(await vectors.rows('embeddings', 'F32', from, to), to - from),
        };
      },
    );
    await writeGroups(
      place('users'),
      [whole('user'), text('user_id'), text('record')],
      [],
      manifest.counts.users,
      async (from, to) => {
        signal?.throwIfAborted();
        const records = await users.readMany(range(from, to));
        return {
          user: range(from, to),
          user_id: records.map((one) => asStoredUser(users.path, one).id),
          // As it stands, so that it comes back as it was.
          record: records.map((one) => JSON.stringify(one)),
        };
      },
    );
    const { prototypes: count } = manifest.counts;
    await writeGroups(
      place('prototypes'),
      [whole('prototype')],
      [numbers('vector'), numbers('centre')],
      count,
      async () => ({
        prototype: range(0, count),
        vector: rowsOf(prototypes, count),
        centre: rowsOf(centres, count),
      }),
      count,
    );
    // The last: a folder without it was not written to its end.
    await copyFile(join(bank, BANK_FILES.manifest), join(folder, BANK_FILES.manifest));
    await syncDirectory(folder);
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error instanceof PgenrmError || signal?.aborted ? error : outputFailed(folder, error);
  }
  return manifest;
}

/**
 * Makes a bank of what {@link exportBank} wrote, and holds its files to the checksums of the manifest; an index over more than
 * 50,000 members is built anew and may differ. Memory: all members and users.
 * Errors: `INPUT_NOT_FOUND`, `INPUT_MALFORMED`, `BANK_DAMAGED` where anything differs, `OUTPUT_FAILED`.
 */
export async function importBank(
  folder: string,
  out: string,
  { kernels, signal }: BankTransfer,
): Promise<BankManifest> {
  const manifest = await readBankManifest(folder);
  const { counts, madeWith } = manifest;
  const { dimension } = madeWith.embedder;
  const path = (name: keyof typeof PARQUET): string => join(folder, PARQUET[name]);
  const wrong = (name: keyof typeof PARQUET, what: string): PgenrmError =>
    new PgenrmError('BANK_DAMAGED', `${path(name)}: ${what}; export the bank anew`);
  const matrix = (rows: number): Float32Array => new Float32Array(rows * dimension);
  const put = (into: Float32Array, at: number, values: unknown, name: keyof typeof PARQUET): void => {
    if (!Array.isArray(values) || values.length !== dimension)
      throw wrong(name, `row ${at + 1} has no vector of ${dimension} numbers`);
    into.set(values as number[], at * dimension);
  };
  const read = async (
    name: keyof typeof PARQUET,
    count: number,
    take: (row: Readonly<Record<string, unknown>>, at: number) => void,
  ): Promise<void> => {
    const source = await openRecords(path(name), signal === undefined ? {} : { signal });
    let at = 0;
    for await (const rows of source.read())
      for (const one of rows) {
        if (!('row' in one) || at >= count) throw wrong(name, `it has more than ${count} rows`);
        take(one.row as Readonly<Record<string, unknown>>, at);
        at += 1;
      }
    if (at !== count) throw wrong(name, `it has ${at} rows, and the manifest says ${count}`);
  };
  const json = (name: keyof typeof PARQUET, value: unknown): unknown => {
    try {
      return JSON.parse(String(value));
    } catch (cause) {
      throw new PgenrmError('BANK_DAMAGED', wrong(name, 'a record is not JSON').message, { cause });
    }
  };

  const [prototypes, centres] = [matrix(counts.prototypes), matrix(counts.prototypes)];
  await read('prototypes', counts.prototypes, (row, at) => {
    put(prototypes, at, row.vector, 'prototypes');
    put(centres, at, row.centre, 'prototypes');
  });
  const embeddings = matrix(counts.members);
  const assignment = new Uint32Array(counts.members);
  const memberUser = new Uint32Array(counts.members);
  const members: StoredMember[] = [];
  await read('members', counts.members, (row, at) => {
    put(embeddings, at, row.embedding, 'members');
    const { user, prototype } = row as { readonly user: number; readonly prototype: number };
    if (!(user >= 0 && user < counts.users) || !(prototype >= 0 && prototype < counts.prototypes))
      throw wrong('members', `row ${at + 1} names a user or a prototype that there is not`);
    assignment[at] = prototype;
    memberUser[at] = user;
    const member = {
      row: row.row,
      user: row.user_id,
      persona: row.persona,
      rubric: json('members', row.rubric),
    };
    members.push(asStoredMember(path('members'), member));
  });
  const users: StoredUser[] = [];
  await read('users', counts.users, (row) => {
    const record = json('users', row.record);
    asStoredUser(path('users'), record);
    users.push(record as StoredUser);
  });

  await newFolder(out);
  const work = join(out, 'importing');
  try {
    const { created, data, options, silhouettes, refinement, failedRows } = manifest;
    const about = { created, madeWith, data, options, silhouettes, refinement, failedRows, counts };
    const written = await writeBank(
      work,
      {
        about,
        dimension,
        centres,
        prototypes,
        embeddings,
        assignment,
        memberUser,
        users: counts.users,
        member: (index) => members[index]!,
        user: (index) => users[index]!,
      },
      { kernels, indexFrom: BANK_FILES.index in manifest.files ? 0 : Number.POSITIVE_INFINITY },
    );
    for (const [file, { sha256 }] of Object.entries(manifest.files))
      if (file !== BANK_FILES.index && written.files[file]?.sha256 !== sha256)
        throw new PgenrmError(
          'BANK_DAMAGED',
          `the parquet files in ${folder} are not those of the bank in ${BANK_FILES.manifest} (${file} would differ); export the bank anew`,
        );
    for (const name of [...Object.keys(written.files), BANK_FILES.additions, BANK_FILES.additionsHead])
      await rename(join(work, name), join(out, name));
    await rename(join(work, BANK_FILES.manifest), join(out, BANK_FILES.manifest));
    await rm(work, { recursive: true });
    await syncDirectory(out);
    return written;
  } catch (error) {
    await rm(out, { recursive: true, force: true });
    throw error instanceof PgenrmError ? error : outputFailed(out, error);
  }
}

async function newFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder);
  } catch (error) {
    throw outputFailed(folder, error);
  }
}

const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from }, (_, index) => from + index);

async function writeGroups(
  path: string,
  plain: readonly Element[],
  nested: readonly (readonly Element[])[],
  rows: number,
  columns: (from: number, to: number) => Promise<Readonly<Record<string, unknown[]>>>,
  group = GROUP,
): Promise<void> {
  const { ParquetWriter, fileWriter } = await import('hyparquet-writer');
  const root: Element = { name: 'root', num_children: plain.length + nested.length };
  const writer = new ParquetWriter({
    writer: fileWriter(path),
    schema: [root, ...plain, ...nested.flat()],
  });
  for (let from = 0; from < rows; from += group) {
    const named = await columns(from, Math.min(rows, from + group));
    const columnData = Object.entries(named).map(([name, data]) => ({ name, data }));
    await writer.write({ columnData, rowGroupSize: group });
  }
  writer.finish();
}

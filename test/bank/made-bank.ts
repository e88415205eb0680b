// Banks of made-up vectors, written without a build, and the slow answer that a bank's answers must equal.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { writeBank } from '../../src/bank/file/write-bank.js';
import type { Criterion } from '../../src/chain/rubric.js';
import type { Kernels } from '../../src/kernels/kernels.js';
import { Xoshiro128 } from '../../src/kernels/random.js';
import { referenceKernels } from '../../src/kernels/reference/kernels.js';
import { indexFiles } from '../../src/native/index-files.js';
import type { HistoryEvent } from '../../src/preference/preference.js';

/** A folder for the tests of a suite, removed after them. */
export async function suiteFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'pgenrm-bank-'));
  afterAll(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

export interface MadeBank {
  readonly path: string;
  readonly dim: number;
  readonly embeddings: Float32Array;
  readonly assignment: Uint32Array;
  readonly memberUser: Uint32Array;
  readonly prototypes: Float32Array;
  vector(member: number): Float32Array;
}

export interface MadeBankOptions {
  readonly members: number;
  readonly users: number;
  readonly prototypes: number;
  readonly dim?: number;
  readonly seed?: number;
  readonly indexFrom?: number;
  readonly kernels?: Kernels;
  readonly name?: string;
  /** Characters of a history text. */
  readonly text?: string;
}

export function unit(random: Xoshiro128, dim: number): Float32Array {
  const vector = Float32Array.from({ length: dim }, () => random.uniform() - 0.5);
  const length = Math.hypot(...vector);
  return vector.map((value) => value / length);
}

export function event(text: string): HistoryEvent {
  return { context: [{ role: 'user', content: `q ${text}` }], chosen: `c ${text}`, rejected: `r ${text}` };
}

export function dot(a: Float32Array, b: Float32Array): number {
  return a.reduce((sum, value, index) => sum + value * b[index]!, 0);
}

/** Writes a bank: user `u{i}` of member i modulo users; the first prototypes are members themselves. */
export async function madeBank(folder: string, options: MadeBankOptions): Promise<MadeBank> {
  const {
    members,
    users,
    dim = 4,
    seed = 1,
    kernels = referenceKernels(indexFiles),
    name = 'bank',
  } = options;
  const random = new Xoshiro128(seed, 0);
  const embeddings = new Float32Array(members * dim);
  for (let member = 0; member < members; member += 1) embeddings.set(unit(random, dim), member * dim);
  const vector = (member: number): Float32Array => embeddings.slice(member * dim, (member + 1) * dim);
  const prototypes = embeddings.slice(0, options.prototypes * dim);
  const assignment = Uint32Array.from({ length: members }, (_, member) => {
    const cosines = Array.from({ length: options.prototypes }, (_, j) => dot(vector(member), vector(j)));
    return cosines.indexOf(Math.max(...cosines));
  });
  const memberUser = Uint32Array.from({ length: members }, (_, member) => member % users);
  return handMadeBank(
    folder,
    { dim, embeddings, prototypes, assignment, memberUser },
    { kernels, name, seed, ...pick(options, ['indexFrom', 'text']) },
  );
}

/** The numbers of a bank. */
export type BankNumbers = Omit<MadeBank, 'path' | 'vector'>;

/** How the rest of a bank is made up. */
export interface HandMadeOptions extends Pick<MadeBankOptions, 'kernels' | 'indexFrom' | 'name' | 'text'> {
  readonly seed?: number;
  /** Rubric of a member; default one criterion of all the weight. */
  readonly rubric?: (member: number) => readonly Criterion[];
}

/** Writes a bank of given numbers: rows `r{i}`, users `u{i}`, personas `likes {i}`. */
export async function handMadeBank(
  folder: string,
  numbers: BankNumbers,
  options: HandMadeOptions = {},
): Promise<MadeBank> {
  const { dim, embeddings, prototypes, assignment, memberUser } = numbers;
  const { kernels = referenceKernels(indexFiles), name = 'bank', seed = 1, text = '' } = options;
  const rubric = options.rubric ?? (() => [{ name: 'Fit', weight: 100 }]);
  const path = join(folder, name);
  await writeBank(
    path,
    {
      about: {
        created: '2020-01-01T00:00:00.000Z',
        madeWith: {
          model: { sha256: 'a'.repeat(64) },
          template: { name: 'compact', hash: 'c'.repeat(64) },
          embedder: { sha256: 'b'.repeat(64), pooling: 'mean', dimension: dim },
        },
        data: { fingerprint: 'f', format: 'trl', users: null, rows: assignment.length },
        options: { seed },
        counts: { lost: 0, failed: 0, invalid: 0, shortenedTexts: 0, emptyPrototypes: 0 },
        silhouettes: null,
        refinement: null,
        failedRows: [],
      },
      dimension: dim,
      centres: prototypes,
      prototypes,
      embeddings,
      assignment,
      memberUser,
      users: Math.max(...memberUser) + 1,
      member: (index) => ({
        row: `r${index}`,
        user: `u${memberUser[index]}`,
        persona: `likes ${index}`,
        rubric: rubric(index),
      }),
      user: (index) => ({ id: `u${index}`, history: [event(`${text}${index}`)] }),
    },
    { kernels, ...pick(options, ['indexFrom']) },
  );
  return { ...numbers, path, vector: (member) => embeddings.slice(member * dim, (member + 1) * dim) };
}

/** The options of these names that are given. */
function pick<T extends object, K extends keyof T>(
  from: T,
  names: readonly K[],
): { [P in K]?: NonNullable<T[P]> } {
  const given = names.flatMap((name) => (from[name] === undefined ? [] : [[name, from[name]]]));
  return Object.fromEntries(given) as { [P in K]?: NonNullable<T[P]> };
}

/** Unit vectors in the plane at these angles in degrees. Shape [angles, 2]. */
export function atAngles(angles: readonly number[]): Float32Array {
  return Float32Array.from(
    angles.flatMap((angle) => [Math.cos((angle * Math.PI) / 180), Math.sin((angle * Math.PI) / 180)]),
  );
}

/** The n most similar users by looking at every member, as [user, prototype, fallback]. */
export function slowSimilar(
  bank: MadeBank,
  query: Float32Array,
  n: number,
  exclude: readonly number[],
  withinPrototype: boolean,
): { user: number; cosine: number; fallback: boolean }[] {
  const k = bank.prototypes.length / bank.dim;
  const ranked = Array.from({ length: k }, (_, j) => ({
    j,
    cosine: dot(query, bank.prototypes.subarray(j * bank.dim, (j + 1) * bank.dim)),
  })).sort((a, b) => b.cosine - a.cosine);
  const taken = new Set(exclude);
  const found: { user: number; cosine: number; fallback: boolean }[] = [];
  for (const [rank, scope] of (withinPrototype ? ranked.map(({ j }) => j) : [null]).entries()) {
    const members = Array.from(bank.assignment, (prototype, member) => ({ prototype, member }))
      .filter(({ prototype }) => scope === null || prototype === scope)
      .map(({ member }) => ({ user: bank.memberUser[member]!, cosine: dot(query, bank.vector(member)) }))
      .sort((a, b) => b.cosine - a.cosine);
    for (const { user, cosine } of members) {
      if (found.length >= n) return found;
      if (taken.has(user)) continue;
      taken.add(user);
      found.push({ user, cosine, fallback: rank > 0 });
    }
  }
  return found;
}

/** Scales a vector to length 1 in place. */
export function normaliseRow(row: Float32Array): void {
  const length = Math.hypot(...row);
  for (let i = 0; i < row.length; i += 1) row[i]! /= length;
}

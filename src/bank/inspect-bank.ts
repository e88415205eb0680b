// What a bank's prototypes are like: how many members, how close together, what their chains say.
// Reads through embeddings and members in their order; keeps no histories.

import { join } from 'node:path';
import type { PrototypeBank } from './bank.js';
import { BANK_FILES } from './file/manifest.js';
import { checkContent, type OpenedBank } from './file/opened-bank.js';
import { asStoredMember, type StoredMember } from './file/stored-user.js';

/** A member near its prototype. */
export interface NearMember {
  readonly userId: string;
  readonly rowId: string;
  readonly cosine: number;
}

/** A criterion of the members' rubrics. */
export interface CommonCriterion {
  readonly name: string;
  /** Share of members whose rubric has it, 0 to 1. */
  readonly share: number;
  /** Mean weight in percent over those that state one; null where none does. */
  readonly weight: number | null;
}

/** One prototype, described. */
export interface PrototypeDescription {
  readonly prototype: number;
  readonly members: number;
  readonly users: number;
  /** Mean cosine of the members to the prototype, -1 to 1. */
  readonly cohesion: number;
  /** The nearest members, nearest first. */
  readonly nearest: readonly NearMember[];
  /** The most frequent criteria, the most frequent first; names are compared without case and spacing. */
  readonly criteria: readonly CommonCriterion[];
  /** The persona of the nearest member as one line, its lines divided by semicolons. */
  readonly persona: string;
}

/** How much is told. */
export interface InspectOptions {
  /** Members and criteria listed a prototype; defaults 3 and 5. */
  readonly nearest?: number;
  readonly criteria?: number;
  readonly signal?: AbortSignal;
}

const ROWS_A_READ = 4096;

/**
 * Describes the prototypes of a bank over the members that it was built with, without later additions.
 *
 * Errors: `BANK_DAMAGED`, `DISPOSED`. Rejects with the signal's reason where it aborts.
 */
export async function inspectBank(
  bank: PrototypeBank,
  options: InspectOptions = {},
): Promise<PrototypeDescription[]> {
  const { signal } = options;
  const { files } = bank;
  await checkEmbeddings(files);
  const descriptions: PrototypeDescription[] = [];
  for (let prototype = 0; prototype < bank.prototypeCount; prototype += 1) {
    signal?.throwIfAborted();
    descriptions.push(await describe(bank, prototype, options));
  }
  return descriptions;
}

/** Checks the embeddings' file where opening the bank did not. Errors: `BANK_DAMAGED`. */
export async function checkEmbeddings(files: OpenedBank): Promise<void> {
  if (files.embeddings === null) {
    await checkContent(files.manifest, join(files.folder, BANK_FILES.vectors), 'vectors');
  }
}

async function describe(
  bank: PrototypeBank,
  prototype: number,
  { nearest = 3, criteria = 5, signal }: InspectOptions,
): Promise<PrototypeDescription> {
  const { tables } = bank.files;
  const from = tables.prototypeStart[prototype]!;
  const to = tables.prototypeStart[prototype + 1]!;
  const cosines = await cosinesTo(bank, prototype, from, to);
  const order = Array.from(cosines.keys()).sort((a, b) => cosines[b]! - cosines[a]! || a - b);
  const near: NearMember[] = [];
  for (const offset of order.slice(0, Math.max(1, nearest))) {
    const { row, user } = await memberOf(bank.files, from + offset);
    near.push({ userId: user, rowId: row, cosine: cosines[offset]! });
  }
  const counts = new CriterionCounts();
  for (let member = from; member < to; member += 1) {
    signal?.throwIfAborted();
    counts.add((await memberOf(bank.files, member)).rubric);
  }
  const typical = await memberOf(bank.files, from + order[0]!);
  return {
    prototype,
    members: to - from,
    users: new Set(tables.memberUser.subarray(from, to)).size,
    cohesion: cosines.reduce((sum, cosine) => sum + cosine, 0) / cosines.length,
    nearest: near.slice(0, nearest),
    criteria: counts.top(criteria, to - from),
    persona: asOneLine(typical.persona),
  };
}

async function memberOf({ members }: OpenedBank, member: number): Promise<StoredMember> {
  return asStoredMember(members.path, await members.read(member));
}

async function cosinesTo(
  bank: PrototypeBank,
  prototype: number,
  from: number,
  to: number,
): Promise<Float64Array> {
  const centre = bank.prototypeVector(prototype);
  const dim = bank.dimension;
  const cosines = new Float64Array(to - from);
  for (let at = from; at < to; at += ROWS_A_READ) {
    const end = Math.min(to, at + ROWS_A_READ);
    const rows = await bank.files.vectors.rows('embeddings', 'F32', at, end);
    for (let row = 0; row < end - at; row += 1) {
      let sum = 0;
      for (let i = 0; i < dim; i += 1) sum += centre[i]! * rows[row * dim + i]!;
      cosines[at - from + row] = Math.min(1, Math.max(-1, sum));
    }
  }
  return cosines;
}

class CriterionCounts {
  readonly #counts = new Map<string, { name: string; count: number; weights: number; weighted: number }>();

  add(rubric: StoredMember['rubric']): void {
    const seen = new Set<string>();
    for (const { name, weight } of rubric) {
      const key = name.trim().toLowerCase().replace(/\s+/g, ' ');
      if (key === '' || seen.has(key)) continue;
      seen.add(key);
      const entry = this.#counts.get(key) ?? { name, count: 0, weights: 0, weighted: 0 };
      entry.count += 1;
      if (weight !== null) {
        entry.weights += weight;
        entry.weighted += 1;
      }
      this.#counts.set(key, entry);
    }
  }

  top(n: number, members: number): CommonCriterion[] {
    return [...this.#counts.values()]
      .sort((a, b) => b.count - a.count || b.weights - a.weights || (a.name < b.name ? -1 : 1))
      .slice(0, n)
      .map(({ name, count, weights, weighted }) => ({
        name,
        share: count / members,
        weight: weighted === 0 ? null : weights / weighted,
      }));
  }
}

/** The lines that say something, without list marks. */
function asOneLine(text: string): string {
  const lines = text.split('\n').map((line) => line.replace(/^[\s*#>\-\u2022]+/, '').trim());
  return lines.filter((line) => /\p{L}/u.test(line)).join('; ');
}

// Where a bank is built and how it takes the place of an older one: the work folder, its identity, the renames.
// Knows folders; not what the stages write into them.

import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { BANK_FILES, type BankManifest, readBankManifest } from '../bank/file/manifest.js';
import { setAsidePath } from '../bank/file/opened-bank.js';
import { PgenrmError } from '../errors.js';
import { syncDirectory, writeAtomically } from '../output/atomic-file.js';
import { outputFailed, systemCode } from '../output/output-error.js';
import type { BuildIdentity } from './build-options.js';

/** Files of a build, each the outcome of a stage. */
export const WORK_FILES = {
  build: 'build.json',
  chains: 'chains.jsonl',
  texts: 'texts.vectors',
  clusters: 'clusters.safetensors',
  refined: 'refined.safetensors',
  bank: 'bank',
} as const;

/** SHA-256 of an identity. */
export function identityHash(identity: BuildIdentity): string {
  return createHash('sha256').update(JSON.stringify(identity), 'utf8').digest('hex');
}

/** Path of a bank's work folder. */
export function workFolder(out: string): string {
  return `${resolve(out)}.building`;
}

/** Undoes a replacement that was cut short: the old bank goes back where no new one stands. Errors: `OUTPUT_FAILED`. */
export async function settleReplacement(out: string): Promise<void> {
  const aside = setAsidePath(out);
  if (!existsSync(aside)) return;
  try {
    if (existsSync(out)) await rm(aside, { recursive: true });
    else await rename(aside, out);
  } catch (error) {
    throw outputFailed(out, error);
  }
}

/**
 * What stands at a bank's place: its manifest, `null` where there is nothing or an empty folder, `damaged` where it
 * is a bank that cannot be read. Errors: `INVALID_OPTION` where something else stands there, `OUTPUT_FAILED`.
 */
export async function bankAt(out: string): Promise<BankManifest | 'damaged' | null> {
  let names: string[];
  try {
    names = (await stat(out)).isDirectory() ? await readdir(out) : ['(a file)'];
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return null;
    throw outputFailed(out, error);
  }
  if (names.length === 0) return null;
  const own = new Set<string>(Object.values(BANK_FILES));
  if (
    !names.includes(BANK_FILES.manifest) ||
    !names.every((name) => own.has(name.replace(/\.\d+\.part$/, '')))
  ) {
    throw new PgenrmError('INVALID_OPTION', `${out} exists and is no prototype bank; choose another place`);
  }
  try {
    return await readBankManifest(out);
  } catch (error) {
    if (error instanceof PgenrmError && error.code === 'BANK_DAMAGED') return 'damaged';
    throw error;
  }
}

/**
 * Makes the work folder, or takes up the one that an earlier build left, and gives the time when the build began.
 *
 * Errors: `RUN_MISMATCH` where an unfinished build of another identity stands there and `force` is false (every
 * difference is named); `OUTPUT_FAILED`.
 */
export async function openWorkFolder(
  out: string,
  identity: BuildIdentity,
  force: boolean,
): Promise<{ folder: string; created: string }> {
  const folder = workFolder(out);
  const path = join(folder, WORK_FILES.build);
  try {
    const earlier = await readBuild(path);
    if (earlier !== null) {
      const differences = differencesOf(earlier.identity, identity);
      if (differences.length === 0) return { folder, created: earlier.created };
      if (!force) {
        throw new PgenrmError(
          'RUN_MISMATCH',
          `${folder} holds an unfinished build with another ${differences.join(', another ')}; repeat that command, give it up with --force, or choose another place`,
        );
      }
    }
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder);
    const created = new Date().toISOString();
    await writeAtomically(path, `${JSON.stringify({ pgenrmBuild: 1, created, identity }, null, 2)}\n`);
    return { folder, created };
  } catch (error) {
    throw outputFailed(folder, error);
  }
}

interface Build {
  readonly created: string;
  readonly identity: BuildIdentity;
}

/** Null where there is no build, or one that was cut short before it had begun. */
async function readBuild(path: string): Promise<Build | null> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return null;
    throw error;
  }
  const value = JSON.parse(text) as Partial<Build> & { pgenrmBuild?: unknown };
  if (value.pgenrmBuild === 1 && typeof value.created === 'string' && typeof value.identity === 'object') {
    return value as Build;
  }
  throw new PgenrmError(
    'RUN_MISMATCH',
    `${path} is of another version of pgenrm; delete ${dirname(path)} or choose another place`,
  );
}

function differencesOf(earlier: BuildIdentity, now: BuildIdentity): string[] {
  const flat = (identity: BuildIdentity): Map<string, unknown> =>
    new Map(
      Object.entries(identity).flatMap(([key, value]) =>
        typeof value === 'object' && value !== null ? Object.entries(value as object) : [[key, value]],
      ),
    );
  const [before, after] = [flat(earlier), flat(now)];
  const names = [...new Set([...before.keys(), ...after.keys()])];
  return names
    .filter((name) => before.get(name) !== after.get(name))
    .map((name) => `${name} (${before.get(name)} there, ${after.get(name)} now)`);
}

/** Moves a finished bank from the work folder to its place, an older one out of the way first. Errors: `OUTPUT_FAILED`. */
export async function putInPlace(work: string, out: string): Promise<void> {
  const aside = setAsidePath(out);
  try {
    if (existsSync(out)) await rename(out, aside);
    await rename(join(work, WORK_FILES.bank), out);
    await syncDirectory(dirname(resolve(out)));
    await rm(aside, { recursive: true, force: true });
  } catch (error) {
    throw outputFailed(out, error);
  }
}

/** Removes the work folder, its identity last, so that what remains of it can still be told. Errors: `OUTPUT_FAILED`. */
export async function removeWork(out: string): Promise<void> {
  const folder = workFolder(out);
  try {
    for (const name of Object.values(WORK_FILES).reverse()) {
      await rm(join(folder, name), { recursive: true, force: true });
    }
    await rm(folder, { recursive: true, force: true });
  } catch (error) {
    throw outputFailed(folder, error);
  }
}

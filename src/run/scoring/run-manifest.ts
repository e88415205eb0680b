// The record that stands beside an output: what made it, so that it can be repeated, compared and resumed.
// Knows what a run is made of; not how its rows are written.

import { readFile } from 'node:fs/promises';
import { messageOf, PgenrmError } from '../../errors.js';
import type { GeneratorInfo } from '../../generator/generator.js';
import { writeAtomically } from '../../output/atomic-file.js';
import { systemCode } from '../../output/output-error.js';
import { identityDifferences, type SharedIdentity } from '../identity.js';
import type { Accuracy, RunCounts } from './tally.js';

/** Everything that a row's line depends on. Two runs may share an output only where all of it is equal. */
export interface RunIdentity extends SharedIdentity {
  readonly options: Readonly<Record<string, string | number | boolean | null>>;
}

/** One process that worked on the output. */
export interface RunSession {
  readonly started: string;
  readonly finished: string | null;
  readonly status: RunStatus;
  /** What ended it, where it broke. */
  readonly error: string | null;
  /** Rows that this session wrote. */
  readonly rows: number;
  readonly pgenrm: string;
  readonly node: string;
  readonly platform: string;
  readonly generator: GeneratorInfo;
}

/** `running`: at work or killed; `finished`: every row asked for is there; `stopped`: ended early on request. */
export type RunStatus = 'running' | 'finished' | 'stopped' | 'broken';

/** The manifest `OUTPUT.manifest.json`. */
export interface RunManifest {
  readonly pgenrmManifest: 1;
  readonly output: string;
  readonly status: RunStatus;
  readonly started: string;
  readonly finished: string | null;
  readonly identity: RunIdentity;
  /** Rows asked for; null: all. It may grow when the run is resumed. */
  readonly limit: number | null;
  readonly concurrency: number;
  /** Rows among which those of one user were judged together; 1: as they stand. */
  readonly reorder: number;
  readonly paths: {
    readonly data: string;
    readonly users: string | null;
    readonly model: string;
    /** Folder of the prototype bank; absent where no chains as similar users were asked for. */
    readonly bank?: string;
  };
  /** Users in the users file, and those of them who occur in the data; null without one. */
  readonly usersFile: { readonly users: number; readonly inData: number } | null;
  readonly modelDescription: string;
  /** Rows that the data has under `split`. */
  readonly rowsInData: number;
  readonly counts: RunCounts;
  readonly accuracy: Accuracy | null;
  /** Oldest first; the last one is at work or was the last to be. */
  readonly sessions: readonly RunSession[];
}

/** Path of an output's manifest. */
export function manifestPath(output: string): string {
  return `${output}.manifest.json`;
}

/** Writes the manifest in one step. Errors: `OUTPUT_FAILED`, the old one kept. */
export async function writeManifest(output: string, manifest: RunManifest): Promise<void> {
  await writeAtomically(manifestPath(output), `${JSON.stringify(manifest, null, 2)}\n`);
}

/** Reads a manifest; null where there is none. Errors: `RUN_MISMATCH` where it is not one. */
export async function readManifest(output: string): Promise<RunManifest | null> {
  const path = manifestPath(output);
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return null;
    throw new PgenrmError('INPUT_NOT_FOUND', `cannot read ${path}: ${messageOf(error)}`, { cause: error });
  }
  let manifest: Partial<RunManifest> | null;
  try {
    manifest = JSON.parse(text) as Partial<RunManifest> | null;
  } catch (error) {
    throw notAManifest(path, error);
  }
  if (
    manifest?.pgenrmManifest !== 1 ||
    typeof manifest.identity !== 'object' ||
    !Array.isArray(manifest.sessions)
  ) {
    throw notAManifest(path, undefined);
  }
  return manifest as RunManifest;
}

function notAManifest(path: string, cause: unknown): PgenrmError {
  return new PgenrmError(
    'RUN_MISMATCH',
    `${path} is not a run manifest of this version; start anew with --force or choose another output`,
    { cause },
  );
}

/**
 * Throws `RUN_MISMATCH` unless a run may go on where an earlier one ended: all of its identity equal, the limit
 * equal or larger. The message names every difference.
 */
export function checkSameRun(
  output: string,
  earlier: RunManifest,
  identity: RunIdentity,
  limit: number | null,
): void {
  const differences = identityDifferences(earlier.identity, identity);
  if (limit !== null && (earlier.limit === null || earlier.limit > limit)) {
    differences.push(`limit was ${earlier.limit ?? 'none'}, is ${limit} (it may only grow)`);
  }
  if (differences.length === 0) return;
  throw new PgenrmError(
    'RUN_MISMATCH',
    `${output} was made by a run that differs from this one: ${differences.join('; ')}; repeat that run's data, model and options, choose another output, or start anew with --force`,
  );
}

// The manifest of a prototype bank: what made it, what it holds, and the checksums of its files.
// Knows the manifest's form and its checks; not how the files are read.

import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { PgenrmError } from '../../errors.js';
import { systemCode } from '../../output/output-error.js';
import { damaged, unreadable } from './damage.js';

/** Version of the bank's files; another one is refused. */
export const BANK_FORMAT = 1;

/** Names of the files in a bank's folder. */
export const BANK_FILES = {
  manifest: 'manifest.json',
  prototypes: 'prototypes.safetensors',
  vectors: 'vectors.safetensors',
  tables: 'tables.safetensors',
  members: 'members.jsonl',
  users: 'users.jsonl',
  index: 'index.hnsw',
  additions: 'additions.jsonl',
  additionsHead: 'additions.json',
} as const;

const HASH = z.string().regex(/^[0-9a-f]{64}$/);
const COUNT = z.number().int().nonnegative();

/** What a bank's embeddings and chains were made with. */
export interface BankOrigin {
  /** SHA-256 of the judge's file; null where it is not known. */
  readonly model: { readonly sha256: string | null };
  readonly template: { readonly name: string; readonly hash: string };
  readonly embedder: {
    readonly sha256: string | null;
    readonly pooling: string;
    readonly dimension: number;
  };
}

/** The manifest `manifest.json` of a bank. */
export interface BankManifest {
  /** Version of the bank's files. */
  readonly pgenrmBank: typeof BANK_FORMAT;
  /** When the building began, ISO 8601. */
  readonly created: string;
  /** Version of the package. */
  readonly pgenrm: string;
  readonly madeWith: BankOrigin;
  readonly data: {
    /** SHA-256 of the training file and of the users file. */
    readonly fingerprint: string;
    readonly format: string;
    readonly users: string | null;
    readonly rows: number;
  };
  readonly options: Readonly<Record<string, string | number | boolean | null>>;
  readonly counts: {
    readonly prototypes: number;
    readonly members: number;
    readonly users: number;
    /** Rows without a usable chain, rows whose chain could not be written, rows that fit no shape. */
    readonly lost: number;
    readonly failed: number;
    readonly invalid: number;
    /** Texts cut to what the embedder takes. */
    readonly shortenedTexts: number;
    /** Prototypes that lost all of their members and were dropped. */
    readonly emptyPrototypes: number;
  };
  /** The silhouettes that `k: 'auto'` chose from; null where k was given. */
  readonly silhouettes: readonly { readonly k: number; readonly silhouette: number }[] | null;
  /** Pairs, steps and the mean loss of the first and the last tenth of the steps; null where skipped. */
  readonly refinement: {
    readonly pairs: number;
    readonly steps: number;
    readonly lossBefore: number;
    readonly lossAfter: number;
  } | null;
  readonly failedRows: readonly { readonly row: number; readonly id: string; readonly reason: string }[];
  readonly files: Readonly<Record<string, { readonly bytes: number; readonly sha256: string }>>;
  /** SHA-256 of the manifest's text without this line; names the bank. */
  readonly checksum: string;
}

const ORIGIN: z.ZodType<BankOrigin> = z.strictObject({
  model: z.strictObject({ sha256: z.string().nullable() }),
  template: z.strictObject({ name: z.string(), hash: z.string() }),
  embedder: z.strictObject({
    sha256: z.string().nullable(),
    pooling: z.string(),
    dimension: z.number().int().positive(),
  }),
});

const MANIFEST: z.ZodType<BankManifest> = z.strictObject({
  pgenrmBank: z.literal(BANK_FORMAT),
  created: z.string(),
  pgenrm: z.string(),
  madeWith: ORIGIN,
  data: z.strictObject({
    fingerprint: z.string(),
    format: z.string(),
    users: z.string().nullable(),
    rows: COUNT,
  }),
  options: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()])),
  counts: z.strictObject({
    prototypes: z.number().int().positive(),
    members: z.number().int().positive(),
    users: z.number().int().positive(),
    lost: COUNT,
    failed: COUNT,
    invalid: COUNT,
    shortenedTexts: COUNT,
    emptyPrototypes: COUNT,
  }),
  silhouettes: z.array(z.strictObject({ k: z.number().int(), silhouette: z.number() })).nullable(),
  refinement: z
    .strictObject({ pairs: COUNT, steps: COUNT, lossBefore: z.number(), lossAfter: z.number() })
    .nullable(),
  failedRows: z.array(z.strictObject({ row: z.number().int(), id: z.string(), reason: z.string() })),
  files: z.record(z.string(), z.strictObject({ bytes: COUNT, sha256: HASH })),
  checksum: HASH,
});

/** The manifest's text, its checksum filled in from all that stands before it. */
export function manifestText(manifest: Omit<BankManifest, 'checksum'>): string {
  // Parsing puts the keys into the order of the schema, so that one manifest has one text.
  const { checksum: _, ...rest } = MANIFEST.parse({ ...manifest, checksum: '0'.repeat(64) });
  const checksum = createHash('sha256').update(JSON.stringify(rest), 'utf8').digest('hex');
  return `${JSON.stringify({ ...rest, checksum }, null, 2)}\n`;
}

/**
 * Reads the manifest of the bank in a folder.
 *
 * Errors: `INPUT_NOT_FOUND` where there is no bank; `BANK_DAMAGED` where it is not a bank's manifest, is of another
 * version (named) or was changed.
 */
export async function readBankManifest(folder: string): Promise<BankManifest> {
  const path = join(folder, BANK_FILES.manifest);
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (systemCode(error) === 'ENOENT' || systemCode(error) === 'ENOTDIR') {
      throw new PgenrmError(
        'INPUT_NOT_FOUND',
        `there is no prototype bank at ${folder} (no ${BANK_FILES.manifest}); make one with pgenrm bank build`,
        { cause: error },
      );
    }
    throw unreadable(path, error);
  }
  return parseManifest(path, text);
}

function parseManifest(path: string, text: string): BankManifest {
  let value: Partial<BankManifest> | null;
  try {
    value = JSON.parse(text) as Partial<BankManifest> | null;
  } catch (error) {
    throw damaged(path, 'it is not JSON', error);
  }
  const version: unknown = value?.pgenrmBank;
  if (version === undefined) throw damaged(path, 'it is not the manifest of a prototype bank');
  if (version !== BANK_FORMAT) {
    throw new PgenrmError(
      'BANK_DAMAGED',
      `${path} is of bank version ${JSON.stringify(version)}, and this pgenrm reads version ${BANK_FORMAT}; use the pgenrm that made it, or build the bank anew`,
    );
  }
  const checked = MANIFEST.safeParse(value);
  if (!checked.success) throw damaged(path, z.prettifyError(checked.error).slice(0, 400));
  if (manifestText(checked.data) !== text) throw damaged(path, 'its text does not match its checksum');
  return checked.data;
}

/** What a user of a bank works with; what is absent is not compared. */
export interface ExpectedOrigin {
  readonly modelSha256?: string | null;
  readonly templateHash?: string;
  readonly embedder?: {
    readonly sha256?: string | null;
    readonly pooling?: string;
    readonly dimension?: number;
  };
}

/** Throws `BANK_MISMATCH`, naming every difference with both values, unless the bank was made with what is in use. */
export function checkMadeWith(path: string, { madeWith }: BankManifest, expected: ExpectedOrigin): void {
  const { model, template, embedder } = madeWith;
  const pairs: [string, unknown, unknown][] = [
    ['the model of SHA-256', model.sha256, expected.modelSha256],
    ['the template of hash', template.hash, expected.templateHash],
    ['the embedder of SHA-256', embedder.sha256, expected.embedder?.sha256],
    ['the pooling', embedder.pooling, expected.embedder?.pooling],
    ['embeddings of dimension', embedder.dimension, expected.embedder?.dimension],
  ];
  const differences = pairs.filter(
    ([, made, used]) => used !== undefined && used !== null && made !== null && made !== used,
  );
  if (differences.length === 0) return;
  const list = differences.map(([name, made, used]) => `${name} ${made}, and in use is ${used}`).join('; ');
  throw new PgenrmError(
    'BANK_MISMATCH',
    `${path} was made with ${list}; use what made it, or build a bank with what is in use`,
  );
}

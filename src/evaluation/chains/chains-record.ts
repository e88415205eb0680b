// The lines of a chains file: the header that says what made it, and one record a row with all of its chains.
// Knows their form and checks it; not how files are read or written.

import { createHash } from 'node:crypto';
import { z } from 'zod';
import { PgenrmError } from '../../errors.js';
import { FLASH_ATTENTION_CHOICES, KV_TYPES } from '../../options/engine-options.js';
import { NO_DONOR_REASONS } from '../controls/donors.js';
import type { ChainsHeader, ChainsIdentity, ChainsRow, StoredChain } from './chains-types.js';

export type { ChainsHeader, ChainsIdentity, ChainsRow, StoredChain } from './chains-types.js';

/** Version of the chains file; another one is refused. */
export const CHAINS_FORMAT = 2;

const COUNT = z.number().int().nonnegative();
const TEXT_OR_NOTHING = z.string().nullable();

const IDENTITY: z.ZodType<ChainsIdentity> = z.strictObject({
  data: z.strictObject({
    fingerprint: z.string(),
    format: z.string(),
    split: TEXT_OR_NOTHING,
    users: TEXT_OR_NOTHING,
    historySplits: TEXT_OR_NOTHING,
    group: TEXT_OR_NOTHING,
  }),
  model: z.strictObject({ sha256: TEXT_OR_NOTHING }),
  template: z.strictObject({ name: z.string(), hash: z.string() }),
  bank: z.strictObject({ checksum: TEXT_OR_NOTHING, additions: COUNT.nullable(), overlap: TEXT_OR_NOTHING }),
  generator: z.strictObject({
    kind: z.string(),
    engine: z.string(),
    version: z.string(),
    contextTokens: COUNT,
  }),
  sampling: z.strictObject({
    individual: COUNT,
    prototype: COUNT,
    noHistory: COUNT,
    swapped: z.strictObject({ donors: COUNT, pool: z.string() }).optional(),
    random: COUNT.optional(),
    seed: COUNT,
    temperature: z.number(),
    topP: z.number(),
    minP: z.number(),
    maxTokens: COUNT,
    historyEvents: COUNT.nullable(),
    shown: z.strictObject({ budget: COUNT.nullable(), by: z.string(), embedder: TEXT_OR_NOTHING }).optional(),
    grammar: z.string(),
    guided: z.string().optional(),
    prefer: z.string(),
    retrieveBy: TEXT_OR_NOTHING,
  }),
});

const KV_CACHE = z.object({
  type: z.enum(KV_TYPES),
  flashAttention: z.enum(FLASH_ATTENTION_CHOICES),
  attention: z.enum(['pgenrm', 'llama.cpp']).optional(),
  cells: COUNT,
});

const HEADER: z.ZodType<ChainsHeader> = z.object({
  pgenrmChains: z.literal(CHAINS_FORMAT),
  pgenrm: z.string(),
  created: z.string(),
  run: z.string().min(1),
  protocol: z.string(),
  model: z.string(),
  rows: COUNT,
  identity: IDENTITY,
  kvCache: KV_CACHE.nullable().optional(),
  usersFile: z.object({ users: COUNT, inData: COUNT }).nullable().optional(),
  overlap: z.object({ users: COUNT, examples: z.array(z.string()) }).nullable(),
});

const CHAIN: z.ZodType<StoredChain> = z.object({
  level: z.enum(['individual', 'prototype']),
  index: COUNT,
  seed: COUNT,
  order: z.array(COUNT).min(2),
  scores: z.array(z.number()).nullable(),
  lost: TEXT_OR_NOTHING,
  finish: z.string(),
  tokens: COUNT,
  neighbour: z.object({ userId: z.string(), similarity: z.number() }).optional(),
  text: z.string().optional(),
  criteria: z
    .array(
      z.object({
        name: z.string(),
        weight: z.number().nonnegative(),
        distributions: z.array(z.array(z.number().min(0).max(1)).min(1)),
      }),
    )
    .optional(),
});

const ROW: z.ZodType<ChainsRow> = z.object({
  row: COUNT,
  run: z.string(),
  id: z.string().optional(),
  user: z.string().optional(),
  split: z.string().optional(),
  subset: z.string().optional(),
  status: z.enum(['judged', 'failed', 'invalid']),
  label: COUNT.optional(),
  lengths: z.array(COUNT),
  history: COUNT,
  usedEvents: COUNT,
  droppedEvents: COUNT,
  criteria: z.boolean(),
  group: z.string().optional(),
  retrieval: z
    .object({
      by: TEXT_OR_NOTHING,
      status: z.string(),
      chain: COUNT.nullable(),
      from: z.string().optional(),
      ownChainsLost: z.boolean(),
    })
    .optional(),
  analysis: z.object({ of: z.string(), text: z.string().optional() }).optional(),
  chains: z.array(CHAIN),
  noHistory: z.array(CHAIN).optional(),
  swapped: z
    .array(z.object({ donor: z.string(), events: COUNT, cut: z.boolean(), chains: z.array(CHAIN) }))
    .optional(),
  random: z.array(CHAIN).optional(),
  noDonor: z.enum(NO_DONOR_REASONS).optional(),
  tokens: z.object({ prompt: COUNT, decodedPrompt: COUNT, generated: COUNT }),
  ms: z.number().nonnegative(),
  error: z.object({ code: z.string(), message: z.string() }).optional(),
  reason: z.string().optional(),
});

/** The name of a run: 16 hexadecimal digits of the SHA-256 of its identity. */
export function runName(identity: ChainsIdentity): string {
  return createHash('sha256')
    .update(JSON.stringify(IDENTITY.parse(identity)))
    .digest('hex')
    .slice(0, 16);
}

/**
 * The value as a header, or null where it is a row or anything else. Errors: `RUN_MISMATCH` for a damaged one and for one
 * of another version.
 */
export function asHeader(path: string, line: number, value: unknown): ChainsHeader | null {
  if (typeof value !== 'object' || value === null || !('pgenrmChains' in value)) return null;
  if (value.pgenrmChains !== CHAINS_FORMAT) {
    const by = 'pgenrm' in value ? ` (written by pgenrm ${String(value.pgenrm)})` : '';
    throw new PgenrmError(
      'RUN_MISMATCH',
      `${path} is a chains file of version ${String(value.pgenrmChains)}${by}, and version ${CHAINS_FORMAT} is read; sample its rows anew with pgenrm eval`,
    );
  }
  const checked = HEADER.safeParse(value);
  if (checked.success) return checked.data;
  throw notAsWritten(path, line, z.prettifyError(checked.error));
}

/** The value as a row. Errors: `RUN_MISMATCH` where it is none. */
export function asChainsRow(path: string, line: number, value: unknown): ChainsRow {
  const checked = ROW.safeParse(value);
  if (!checked.success) throw notAsWritten(path, line, z.prettifyError(checked.error));
  const row = checked.data;
  const wrong = wrongWith(row);
  if (wrong !== null) throw notAsWritten(path, line, wrong);
  return row;
}

/** What does not fit together in a row; null where all does. */
function wrongWith({
  status,
  lengths,
  label,
  chains,
  noHistory = [],
  swapped = [],
  random = [],
}: ChainsRow): string | null {
  const candidates = lengths.length;
  if (status === 'judged' && candidates < 2) return 'a judged row has two candidates or more';
  if (label !== undefined && label >= candidates)
    return `label ${label} names none of ${candidates} candidates`;
  const seen = new Set<string>();
  const lists = [chains, noHistory, random, ...swapped.map((arm) => arm.chains)];
  for (const [list, stored] of lists.entries()) {
    for (const { level, index, order, scores, criteria = [] } of stored) {
      const name = `${list} ${level} ${index}`;
      if (seen.has(name)) return `${level} chain ${index} comes twice`;
      seen.add(name);
      const places = [...order].sort((a, b) => a - b);
      if (places.length !== candidates || places.some((place, at) => place !== at))
        return `${level} chain ${index}: order is none of ${candidates} candidates`;
      const odd = criteria.find(({ distributions }) => distributions.length !== candidates);
      if (odd !== undefined)
        return `${level} chain ${index}: criterion ${odd.name} has ${odd.distributions.length} distributions for ${candidates} candidates`;
      if (scores !== null && scores.length !== candidates)
        return `${level} chain ${index} has ${scores.length} scores for ${candidates} candidates`;
    }
  }
  return null;
}

/** `RUN_MISMATCH` for a line that an evaluation does not write; `line` from 0. */
export function notAsWritten(path: string, line: number, why: string): PgenrmError {
  return new PgenrmError(
    'RUN_MISMATCH',
    `${path}, line ${line + 1} is not as pgenrm eval writes it: ${why}; use a chains file that was not changed`,
  );
}

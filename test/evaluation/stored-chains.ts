// Chains files made by hand: rows of known scores, without any model.

import { join } from 'node:path';
import {
  type ChainsHeader,
  type ChainsIdentity,
  type ChainsRow,
  runName,
  type StoredChain,
} from '../../src/evaluation/chains/chains-record.js';
import { referenceKernels } from '../../src/kernels/reference/kernels.js';
import { sealedLine } from '../../src/output/sealed-lines.js';
import { writeRows } from '../support/preference-file.js';

export const SETTINGS = { kernels: referenceKernels(), resamples: 2000, seed: 1 };

/** A chain that gives these scores to the candidates in the order given; null is lost. */
export function chain(
  index: number,
  scores: readonly number[] | null,
  changes: Partial<StoredChain> = {},
): StoredChain {
  const candidates = scores?.length ?? 2;
  return {
    level: 'individual',
    index,
    seed: 1000 + index,
    order: Array.from({ length: candidates }, (_, place) => (place + index) % candidates),
    scores: scores === null ? null : [...scores],
    lost: scores === null ? 'noJson' : null,
    finish: 'stop',
    tokens: 10,
    ...changes,
  };
}

/** Chains with these scores, the first with the order as given, the second turned round, and so on. */
export function chainsOf(
  scores: readonly (readonly number[] | null)[],
  changes: Partial<StoredChain> = {},
): StoredChain[] {
  return scores.map((one, index) => chain(index, one, changes));
}

export function identity(changes: { sampling?: object; model?: object; data?: object } = {}): ChainsIdentity {
  return {
    data: {
      fingerprint: 'f',
      format: 'trl',
      split: null,
      users: null,
      historySplits: null,
      group: null,
      ...changes.data,
    },
    model: { sha256: 'a', ...changes.model },
    template: { name: 'compact', hash: 'c' },
    bank: { checksum: null, additions: null, overlap: null },
    generator: { kind: 'portable', engine: 'fake', version: '0', contextTokens: 1024 },
    sampling: {
      individual: 2,
      prototype: 0,
      noHistory: 0,
      seed: 0,
      temperature: 1,
      topP: 1,
      minP: 0,
      maxTokens: 100,
      historyEvents: null,
      grammar: 'off',
      prefer: 'recomputed',
      retrieveBy: null,
      ...changes.sampling,
    },
  };
}

export function header(of: ChainsIdentity, changes: Partial<ChainsHeader> = {}): ChainsHeader {
  return {
    pgenrmChains: 2,
    pgenrm: '0.0.0',
    created: '2020-01-01T00:00:00.000Z',
    run: runName(of),
    protocol: 'plain',
    model: 'fake 0B',
    rows: 0,
    identity: of,
    overlap: null,
    ...changes,
  };
}

/** A judged row; the user chose candidate 0. */
export function storedRow(
  number: number,
  chains: readonly StoredChain[],
  changes: Partial<ChainsRow> = {},
): ChainsRow {
  return {
    row: number,
    run: '',
    id: `r${number}`,
    user: `u${number}`,
    status: 'judged',
    label: 0,
    lengths: [5, 4],
    history: 1,
    usedEvents: 1,
    droppedEvents: 0,
    criteria: false,
    chains: [...chains],
    tokens: { prompt: 1, decodedPrompt: 1, generated: 1 },
    ms: 1,
    ...changes,
  };
}

/** Writes a chains file of these rows; its header says that no row is missing. */
export async function writeStored(
  folder: string,
  rows: readonly ChainsRow[],
  options: { identity?: ChainsIdentity; header?: Partial<ChainsHeader>; name?: string } = {},
): Promise<string> {
  const head = header(options.identity ?? identity(), { rows: rows.length, ...options.header });
  const lines = rows.map((row) => ({ ...row, run: row.run || head.run }));
  return writeSealed(join(folder, options.name ?? 'chains.jsonl'), [head, ...lines]);
}

/** Writes lines as a chains file has them, each with its checksum. */
export function writeSealed(path: string, lines: readonly object[]): Promise<string> {
  return writeRows(path, lines.map(sealedLine));
}

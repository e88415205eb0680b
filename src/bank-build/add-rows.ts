// Adds what preference data says to a bank without building it anew: users it does not have, choices it does not know.
// Knows which rows are new; chains are written by the first stage of a build.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PrototypeBank } from '../bank/bank.js';
import type { BankManifest } from '../bank/file/manifest.js';
import type { PreferenceData, PreferenceRow } from '../data/preference-data.js';
import { outputFailed } from '../output/output-error.js';
import {
  BUILD_RANGES,
  type BuildBankOptions,
  type BuildEvent,
  buildSettings,
  type EmbedderSource,
  type JudgeSource,
} from './build-options.js';
import { chainedRows, chainLines } from './chain-lines.js';
import { type ChainStage, writeChains } from './chain-stage.js';
import { stageReporter } from './stage-reporter.js';
import { embedBatch } from './text-vectors.js';
import { eventKey, UserBook } from './user-book.js';

/** What is added to a bank, and by which models. */
export interface AddRowsOptions {
  readonly data: PreferenceData;
  /** Those that the bank was made with. */
  readonly judge: JudgeSource;
  readonly embedder: EmbedderSource;
  /** Rows in flight; default as many as keep the generator busy, at most 16. */
  readonly concurrency?: number;
  readonly signal?: AbortSignal;
  /** Told of the chains and the embeddings. */
  readonly onEvent?: (event: BuildEvent) => void;
}

/** A row that nothing was added of, and why. */
export type FailedRow = BankManifest['failedRows'][number];

/** What was added. */
export interface AddedRows {
  /** Users that the bank did not have. */
  readonly users: number;
  /** Choices of users whom it had. */
  readonly events: number;
  /** Choices that it knew already. */
  readonly known: number;
  readonly failedRows: readonly FailedRow[];
}

/** Rows of the data by user, users in the order of their first row. */
interface Read {
  readonly book: UserBook;
  /** The last row of each user, which knows the most of them. */
  readonly rows: ReadonlyMap<string, PreferenceRow>;
  readonly failedRows: readonly FailedRow[];
}

/**
 * Adds the users and the choices of preference data. A user whom the bank has gets the choices that are not in their
 * history yet. Another one gets a chain, written for their last row as the bank's own chains were, and becomes a
 * member of the prototype nearest to its part 1. Called again with the same data it adds nothing twice.
 *
 * Errors: `BANK_MISMATCH` where judge, template or embedder are not the bank's; `OUTPUT_FAILED`; those of the
 * generator, the embedder and the data. Rejects with the signal's reason where it aborts; what was added stays.
 */
export async function addRows(bank: PrototypeBank, options: AddRowsOptions): Promise<AddedRows> {
  const { judge, embedder, signal } = options;
  bank.checkMadeWith({
    modelSha256: judge.sha256,
    templateHash: judge.template.hash,
    embedder: { sha256: embedder.sha256, pooling: embedder.pooling },
  });
  const { book, rows, failedRows } = await readRows(options);
  let events = 0;
  let known = 0;
  const fresh: PreferenceRow[] = [];
  for (const [key, row] of rows) {
    signal?.throwIfAborted();
    const id = book.idOf(key);
    const user = await bank.user(id);
    if (user === null) {
      fresh.push(row);
      continue;
    }
    const held = new Set(user.history.map(eventKey));
    const told = book.user(key).history;
    const missing = told.filter((event) => !held.has(eventKey(event)));
    for (const event of missing) await bank.addEvent(id, event);
    events += missing.length;
    known += told.length - missing.length;
  }
  const added =
    fresh.length === 0 ? { users: 0, failedRows: [] } : await addUsers(bank, book, fresh, options);
  return { users: added.users, events, known, failedRows: [...failedRows, ...added.failedRows] };
}

async function readRows({ data, signal }: AddRowsOptions): Promise<Read> {
  if (data.damage !== undefined) throw data.damage;
  const book = new UserBook();
  const rows = new Map<string, PreferenceRow>();
  const failedRows: FailedRow[] = [];
  for await (const row of data.rows()) {
    signal?.throwIfAborted();
    if (row.kind === 'problem') {
      failedRows.push({ row: row.number, id: `#${row.number}`, reason: `invalid: ${row.reason}` });
    } else if (row.userId === undefined) {
      failedRows.push({ row: row.number, id: row.id, reason: 'invalid: it names no user' });
    } else {
      rows.set(book.note(row), row);
    }
  }
  return { book, rows, failedRows };
}

/** Writes a chain for each row, embeds its part 1 and adds the row's user. */
async function addUsers(
  bank: PrototypeBank,
  book: UserBook,
  rows: readonly PreferenceRow[],
  options: AddRowsOptions,
): Promise<{ users: number; failedRows: FailedRow[] }> {
  const { judge, embedder: source, signal, onEvent } = options;
  const data = onlyRows(options.data, rows);
  const folder = await mkdtemp(join(tmpdir(), 'pgenrm-add-')).catch((error: unknown) => {
    throw outputFailed(tmpdir(), error);
  });
  try {
    const stage: ChainStage = {
      path: join(folder, 'chains.jsonl'),
      data,
      settings: buildSettings({ ...bankSettings(bank.manifest), ...options, data, out: folder }),
      judge,
      kernels: undefined,
      signal,
      onProgress: stageReporter('chains', onEvent),
    };
    await writeChains(stage);
    const failedRows: FailedRow[] = [];
    for await (const { row, id, status, reason } of chainLines(stage.path)) {
      if (status !== 'usable') failedRows.push({ row, id, reason: `${status}: ${reason ?? 'unknown'}` });
    }
    const total = rows.length - failedRows.length;
    let users = 0;
    if (total === 0) return { users, failedRows };
    const report = stageReporter('embeddings', onEvent);
    report(0, total);
    await using embedder = await source.load();
    for await (const { row, reading } of chainedRows(stage)) {
      signal?.throwIfAborted();
      const [embedded] = await embedBatch(embedder, [reading.analysisText], signal);
      const { id, anonymous: _, ...user } = book.user(book.note(row));
      await bank.addUser({ id, user, embedding: embedded!.vector, rowId: row.id });
      users += 1;
      report(users, total);
    }
    return { users, failedRows };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function onlyRows(data: PreferenceData, rows: readonly PreferenceRow[]): PreferenceData {
  return {
    ...data,
    count: rows.length,
    problems: 0,
    async *rows() {
      yield* rows;
    },
  };
}

/** How the chains of a bank were written, out of its manifest. */
function bankSettings({ options }: BankManifest): Partial<BuildBankOptions> {
  const names = ['seed', 'temperature', 'topP', 'minP', 'maxTokens', 'historyEvents', 'attempts'] as const;
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = options[name];
      return typeof value === 'number' && value >= BUILD_RANGES[name].min ? [[name, value]] : [];
    }),
  );
}

// Opens a file of preference data: two passes, the first for histories and counts, the second for rows.
// Knows the order of the passes; not the bytes of a file, nor the fields of a format.

import { createHash } from 'node:crypto';
import { access } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { PgenrmError } from '../errors.js';
import { fileState } from './files/file-bytes.js';
import { openRecords, type RecordOptions } from './files/records.js';
import type { FirstPass, SignalFacts } from './first-pass.js';
import { chooseFormat, firstPassOf, isWanted } from './first-pass.js';
import type { FormatName } from './formats/format.js';
import { canonicalSplit, FORMAT_NAMES, isSplit } from './formats/format.js';
import { readDrafts } from './read-drafts.js';
import { finishRow, type PreferenceRow, type RowProblem } from './row.js';
import { uniqueIds } from './row-order.js';
import { pairFormatOf, readUsers, type UsersRead } from './users-file.js';

export type { FormatName } from './formats/format.js';
export { FORMAT_NAMES } from './formats/format.js';
export type { PreferenceRow, RowProblem } from './row.js';

/** How a file is read. */
export interface OpenOptions {
  /** The shape of the rows; by default it is known from the first rows. */
  readonly format?: FormatName;
  /**
   * Path of a users file: one row a user (`user_id` with `stated_criteria`, `criteria` or PRISM's survey fields,
   * and `history`), or labelled pairs in any format, which come before the data's own history. For PRISM a
   * survey file beside the data is found by itself.
   */
  readonly users?: string;
  /** Only rows of this split are given; `validation`, `val` and `dev` are the same. All rows by default. */
  readonly split?: string;
  /**
   * Splits whose labelled rows are history; `train` and `validation` by default. A kind of split stands for all of it:
   * `train` for `train_prefs` too.
   */
  readonly historySplits?: readonly string[];
  /** Only the first so many rows are given, and the histories of their users alone are held; at least 1. */
  readonly limit?: number;
  /** Longest line in bytes, 1 to 512 MB; a longer one is a problem. Default 64 MB. */
  readonly maxLineBytes?: number;
  /** Ends opening and reading with its reason. */
  readonly signal?: AbortSignal;
}

/** The users file of opened preference data. */
export interface UsersFile {
  readonly path: string;
  /** SHA-256 of the file's bytes, in hexadecimal. */
  readonly fingerprint: string;
  /** Rows of labelled pairs that did not fit and are in no history; rows of users are never left out. */
  readonly problems: number;
  /** Users in the file, and how many of them occur in the data. */
  readonly userCount: number;
  readonly usersInData: number;
}

/** Which rows of the data are taken. */
export interface RowSelection {
  /** Only rows of users whom the users file puts into this group; `train` and `seen` are the same. */
  readonly group?: string | null;
  /** At most so many rows of each user, the first ones of the file; at least 1. */
  readonly rowsPerUser?: number | null;
}

/** An opened file of preference data. */
export interface PreferenceData {
  readonly format: FormatName;
  readonly path: string;
  /** SHA-256 of the file's bytes, in hexadecimal. */
  readonly fingerprint: string;
  /** The users file that is used. */
  readonly users?: UsersFile;
  /** What {@link rows} is a part of all rows by; absent: all are given. See `selectRows`. */
  readonly selection?: RowSelection;
  /** How many rows and problems {@link rows} gives. */
  readonly count: number;
  /** How many there are, whatever the limit. */
  readonly available: number;
  /** How many of them are problems. */
  readonly problems: number;
  /** The splits of the file in the order of their first row. */
  readonly splits: readonly string[];
  /** What the rows can know of their users; see `checkSignals`. */
  readonly signals: SignalFacts;
  /** Damage to the file: {@link rows} gives the rows before it, then throws this. */
  readonly damage?: PgenrmError;
  /**
   * Reads the file from its start: its rows in order, and the rows that do not fit as problems.
   * @throws PgenrmError INPUT_MALFORMED where the file is damaged or has changed since it was opened;
   *   INPUT_NOT_FOUND where it is gone.
   */
  rows(): AsyncIterable<PreferenceRow | RowProblem>;
}

/** The largest bound on a line: a line becomes one string. */
const MOST_LINE_BYTES = 512e6;

const OPTIONS = z.strictObject({
  format: z.enum(FORMAT_NAMES).optional(),
  users: z.string().min(1).optional(),
  split: z.string().trim().min(1).optional(),
  historySplits: z.array(z.string().trim().min(1)).optional(),
  limit: z.number().int().min(1).optional(),
  maxLineBytes: z.number().int().min(1).max(MOST_LINE_BYTES).optional(),
  signal: z.instanceof(AbortSignal).optional(),
});

const HISTORY_SPLITS: readonly string[] = ['train', 'validation'];
const SURVEY_FILES = ['survey.jsonl', 'survey.jsonl.gz', 'survey.json', 'survey.parquet'];

function checkOptions(options: OpenOptions): void {
  const checked = OPTIONS.safeParse(options);
  if (checked.success) return;
  throw new PgenrmError(
    'INVALID_OPTION',
    `options of the preference data: ${z.prettifyError(checked.error)}`,
  );
}

function checkSplits(path: string, asked: readonly string[], { splits: seen, damage }: FirstPass): void {
  const unknown = asked.find((name) => !seen.some((split) => isSplit(split, name)));
  if (unknown === undefined) return;
  if (damage !== undefined) throw damage;
  const known = seen.length === 0 ? 'its rows have no split' : `it has ${seen.join(', ')}`;
  throw new PgenrmError('INVALID_OPTION', `${path} has no split "${unknown}": ${known}`);
}

/** The survey of PRISM beside its conversations, where there is one. */
async function surveyBeside(path: string): Promise<string | undefined> {
  for (const name of SURVEY_FILES) {
    const candidate = join(dirname(path), name);
    const found = await access(candidate).then(
      () => true,
      () => false,
    );
    if (found) return candidate;
  }
  return undefined;
}

interface UsersAdded {
  readonly file: UsersFile;
  readonly read: Pick<UsersRead, 'anyCriteria' | 'anyHistory' | 'example'>;
}

async function addUsers(
  path: string,
  first: FirstPass,
  historySplits: readonly string[],
  options: RecordOptions,
): Promise<UsersAdded> {
  const source = await openRecords(path, options);
  const format = await pairFormatOf(source);
  const { userIds, allUserIds, book } = first;
  if (format === undefined) {
    const hash = createHash('sha256');
    const read = await readUsers(path, source, { needed: userIds, occurring: allUserIds }, book, { hash });
    const file = { path, fingerprint: hash.digest('hex'), problems: 0 };
    return { file: { ...file, userCount: read.users, usersInData: read.inData }, read };
  }
  const pairs = await firstPassOf(source, format, {
    split: undefined,
    historySplits,
    keepFor: userIds,
    signal: options.signal,
  });
  if (pairs.damage !== undefined) throw pairs.damage;
  book.precede(pairs.book, userIds);
  const [example] = pairs.userIds;
  return {
    file: {
      path,
      fingerprint: pairs.fingerprint,
      problems: pairs.problems,
      userCount: pairs.userIds.size,
      usersInData: [...pairs.userIds].filter((user) => allUserIds.has(user)).length,
    },
    read: {
      anyCriteria: false,
      anyHistory: pairs.userIds.size > 0,
      ...(example === undefined ? {} : { example }),
    },
  };
}

/**
 * Opens a file of preference data and makes its first pass.
 *
 * Histories come from the file's labelled rows of the same user in `historySplits`, in the order of the file; in
 * a file without splits, from all other labelled rows of the user (leave one out). A row's own `history` takes
 * their place. Memory holds the histories of the users whose rows are given and the ids of the rows, not the rows.
 *
 * @throws PgenrmError INVALID_OPTION, INPUT_NOT_FOUND, INPUT_MALFORMED (empty, damaged before the first row, not
 *   a kind of file or shape of rows that is read), DUPLICATE_ID (a user twice in the users file).
 */
export async function openPreferenceData(path: string, options: OpenOptions = {}): Promise<PreferenceData> {
  checkOptions(options);
  const split = options.split === undefined ? undefined : canonicalSplit(options.split);
  const historySplits = options.historySplits?.map(canonicalSplit) ?? HISTORY_SPLITS;
  const { limit, maxLineBytes, signal } = options;
  const source = await openRecords(path, { maxLineBytes, signal });
  const format = await chooseFormat(path, source, options.format);
  const usersPath = options.users ?? (format.name === 'prism' ? await surveyBeside(path) : undefined);
  const allUsers = usersPath !== undefined;
  const first = await firstPassOf(source, format, { split, historySplits, limit, signal, allUsers });
  const asked = [...(split === undefined ? [] : [split]), ...(options.historySplits ? historySplits : [])];
  checkSplits(path, asked, first);
  const users =
    usersPath === undefined
      ? undefined
      : await addUsers(usersPath, first, historySplits, { maxLineBytes, signal });

  async function* rows(): AsyncGenerator<PreferenceRow | RowProblem> {
    const state = await fileState(path);
    const opened = source.state;
    if (state.size !== opened.size || state.modifiedMs !== opened.modifiedMs) {
      throw new PgenrmError('INPUT_MALFORMED', `${path} has changed since it was opened; open it again`);
    }
    const uniqueId = uniqueIds();
    let left = limit ?? Number.POSITIVE_INFINITY;
    for await (const records of source.read({ fields: format.fields })) {
      for (const record of records) {
        const wanted = isWanted(record, split);
        const drafts = readDrafts(format, record);
        if (typeof drafts === 'string') {
          if (wanted) yield { kind: 'problem', number: record.number, reason: drafts };
          if (wanted) left -= 1;
          if (left === 0) return;
          continue;
        }
        for (const draft of drafts) {
          const id = uniqueId(draft.id ?? String(record.number));
          if (!wanted) continue;
          yield finishRow(draft, record.number, id, first.book.userOf(draft));
          left -= 1;
          if (left === 0) return;
        }
      }
    }
  }

  return {
    format: format.name,
    path,
    fingerprint: first.fingerprint,
    ...(users === undefined ? {} : { users: users.file }),
    count: Math.min(first.count, limit ?? first.count),
    available: first.count,
    problems: first.problems,
    splits: first.splits,
    signals: {
      usersRecur: first.usersRecur,
      mayHaveHistory: first.inlineHistory || first.book.anyHistory,
      mayHaveCriteria: first.inlineCriteria || first.book.anyCriteria,
      usersFileHistory: users?.read.anyHistory ?? false,
      usersFileCriteria: users?.read.anyCriteria ?? false,
      historyAsked: options.historySplits !== undefined,
      historySplits,
      userExamples: [users?.read.example, ...first.userIds].slice(0, 2),
    },
    ...(first.damage === undefined ? {} : { damage: first.damage }),
    rows,
  };
}

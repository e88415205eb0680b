// The first pass over a file of rows: its format, its splits, how many rows it gives, what its users chose.
// Keeps signals of the users whose rows are judged, and counts; never a row.

import { createHash } from 'node:crypto';

import { PgenrmError } from '../errors.js';
import type { RawRecord, RecordSource } from './files/record-source.js';
import { detectFormat, formatOf, unknownFormatError } from './formats/detect-format.js';
import type { RawRow } from './formats/fields.js';
import type { Format, FormatName, RowDraft } from './formats/format.js';
import { isSplit, splitOf } from './formats/format.js';
import { eventOf, HistoryBook } from './history-book.js';
import { readDrafts } from './read-drafts.js';

const DETECTION_ROWS = 100;

/**
 * The format of a file: the one named, or the one that the first rows fit.
 * @throws PgenrmError INPUT_MALFORMED where there are no rows or none fits.
 */
export async function chooseFormat(
  path: string,
  source: RecordSource,
  name: FormatName | undefined,
): Promise<Format> {
  const rows: RawRow[] = [];
  let reason = 'the file holds no rows';
  let read = 0;
  for await (const records of source.read()) {
    if (name !== undefined) return formatOf(name);
    for (const record of records) {
      read += 1;
      if (record.row === undefined) reason = record.reason ?? reason;
      else if (rows.length === 0) rows.push(record.row);
      const format = record.row && detectFormat([record.row]);
      if (format !== undefined) return format;
      if (read === DETECTION_ROWS) break;
    }
    if (read >= DETECTION_ROWS) break;
  }
  if (read === 0) {
    throw new PgenrmError('INPUT_MALFORMED', `${path} is empty: expected rows of preference data`);
  }
  throw unknownFormatError(path, rows[0], reason);
}

/** Whether a row, read or not, belongs to the split asked for; a row that cannot be read belongs to every one. */
export function isWanted(record: RawRecord, split: string | undefined): boolean {
  return split === undefined || record.row === undefined || isSplit(splitOf(record.row), split);
}

/** Which rows are judged, and what is history. */
export interface PassOptions {
  readonly split: string | undefined;
  readonly historySplits: readonly string[];
  /** Only the first so many wanted rows are judged. */
  readonly limit?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** The users whose choices are kept; by default those of the rows that are judged. */
  readonly keepFor?: ReadonlySet<string>;
  /** Whether all users of the file are noted, also those without a wanted row. */
  readonly allUsers?: boolean;
}

/** What the first pass leaves. */
export interface FirstPass {
  readonly book: HistoryBook;
  readonly splits: readonly string[];
  /** Users of the rows that are judged. */
  readonly userIds: ReadonlySet<string>;
  /** Users of all rows; those of the judged ones unless `allUsers` was asked for. */
  readonly allUserIds: ReadonlySet<string>;
  /** Rows and problems that are wanted, whatever the limit. */
  readonly count: number;
  /** Problems among the rows that are judged. */
  readonly problems: number;
  /** Whether a user whose rows are judged has two labelled rows or more, of any split. */
  readonly usersRecur: boolean;
  /** Whether a row that is judged carries a history, or criteria, of its own. */
  readonly inlineHistory: boolean;
  readonly inlineCriteria: boolean;
  /** SHA-256 of the file's bytes, in hexadecimal. */
  readonly fingerprint: string;
  readonly damage?: PgenrmError;
}

/** What the first pass says of the signals that rows may see. */
export interface SignalFacts {
  /** Whether a user whose rows are judged has two labelled rows or more, of whatever split. */
  readonly usersRecur: boolean;
  /** Whether a judged row may have a history or criteria; false: none has. */
  readonly mayHaveHistory: boolean;
  readonly mayHaveCriteria: boolean;
  /** Whether the users file has any history or criteria, whosever they are. */
  readonly usersFileHistory: boolean;
  readonly usersFileCriteria: boolean;
  /** Whether the splits that are history were asked for by name. */
  readonly historyAsked: boolean;
  /** Splits whose rows are history. */
  readonly historySplits: readonly string[];
  /** A user of the users file and one of the data, for a message. */
  readonly userExamples: readonly (string | undefined)[];
}

/** The users of the first rows that are wanted; nothing beyond these rows is read. */
async function usersOfFirst(
  source: RecordSource,
  format: Format,
  { split, limit = 0, signal }: PassOptions,
): Promise<ReadonlySet<string>> {
  const users = new Set<string>();
  let left = limit;
  try {
    for await (const records of source.read({ fields: format.fields, signal })) {
      for (const record of records) {
        if (!isWanted(record, split)) continue;
        const drafts = readDrafts(format, record);
        for (const draft of typeof drafts === 'string' ? [undefined] : drafts) {
          if (left === 0) return users;
          left -= 1;
          if (draft?.userId !== undefined) users.add(draft.userId);
        }
      }
    }
  } catch (error) {
    if (!isDamage(error)) throw error;
  }
  return users;
}

function isDamage(error: unknown): error is PgenrmError {
  return error instanceof PgenrmError && error.code === 'INPUT_MALFORMED';
}

/**
 * The first pass: histories, splits, counts and the fingerprint, in one read of the file. Rows themselves are not kept.
 * With a limit, the first rows are read once before, for whose users they are; memory then holds their choices alone.
 */
export async function firstPassOf(
  source: RecordSource,
  format: Format,
  options: PassOptions,
): Promise<FirstPass> {
  const { split, historySplits, limit = Number.POSITIVE_INFINITY, signal, allUsers = false } = options;
  const needed =
    options.keepFor ??
    (options.limit === undefined ? undefined : await usersOfFirst(source, format, options));
  const book = new HistoryBook();
  const splits = new Set<string>();
  const userIds = new Set<string>(options.limit === undefined ? [] : needed);
  const allUserIds = allUsers ? new Set<string>() : userIds;
  const labelled = new Set<string>();
  const recurring = new Set<string>();
  const hash = createHash('sha256');
  const facts = { count: 0, problems: 0, inlineHistory: false, inlineCriteria: false };
  let read = 0;
  let damage: PgenrmError | undefined;

  const isHistory = (name: string | undefined): boolean =>
    name !== undefined && historySplits.some((asked) => isSplit(name, asked));

  const note = (draft: RowDraft, first: boolean): void => {
    const { userId, conversation, choiceAttributes } = draft;
    if (userId === undefined || draft.chosen === undefined) return;
    if (needed !== undefined && !needed.has(userId)) return;
    if (labelled.has(userId)) recurring.add(userId);
    else labelled.add(userId);
    if (splits.size > 0 && !isHistory(draft.split)) return;
    const event = eventOf(draft);
    if (event === undefined) return;
    book.note(userId, {
      event,
      ...(conversation === undefined ? {} : { conversation }),
      ...(draft.split === undefined ? {} : { split: draft.split }),
      ...(choiceAttributes === undefined || !first ? {} : { choiceAttributes }),
    });
  };

  const noteWanted = (draft: RowDraft | undefined): void => {
    facts.count += 1;
    if (facts.count > limit) return;
    if (draft === undefined) {
      facts.problems += 1;
      return;
    }
    if (draft.userId !== undefined) userIds.add(draft.userId);
    facts.inlineHistory ||= (draft.history ?? []).length > 0;
    facts.inlineCriteria ||= draft.criteria !== undefined || draft.writings !== undefined;
  };

  const noteRecord = (record: RawRecord): void => {
    const wanted = isWanted(record, split);
    const rowSplit = record.row && splitOf(record.row);
    if (rowSplit !== undefined) splits.add(rowSplit);
    const drafts = readDrafts(format, record);
    if (typeof drafts === 'string') {
      if (wanted) noteWanted(undefined);
      return;
    }
    const firstLabelled = drafts.findIndex((draft) => draft.chosen !== undefined);
    for (const [index, draft] of drafts.entries()) {
      note(draft, index === firstLabelled);
      if (wanted) noteWanted(draft);
      if (allUsers && draft.userId !== undefined) allUserIds.add(draft.userId);
    }
  };

  try {
    for await (const records of source.read({ fields: format.fields, hash, signal })) {
      for (const record of records) noteRecord(record);
      read += records.length;
    }
  } catch (error) {
    if (!isDamage(error) || read === 0) throw error;
    damage = error;
  }
  book.keep(userIds, splits.size > 0 ? (signal) => isHistory(signal.split) : () => true);
  return {
    ...facts,
    book,
    splits: [...splits],
    userIds,
    allUserIds,
    usersRecur: [...recurring].some((user) => userIds.has(user)),
    fingerprint: hash.digest('hex'),
    ...(damage === undefined ? {} : { damage }),
  };
}

// The users file: stated criteria and histories by user id, a PRISM survey, or labelled pairs of users.
// A row that does not fit is an error here: a user would silently lose their criteria.

import { messageOf, PgenrmError } from '../errors.js';
import type { RawRecord, ReadOptions, RecordSource } from './files/record-source.js';
import { detectFormat } from './formats/detect-format.js';
import type { RawRow } from './formats/fields.js';
import { describe, isAbsent, misfit, nameAt } from './formats/fields.js';
import type { Format } from './formats/format.js';
import { surveyCriteria } from './formats/prism.js';
import { historyAt } from './formats/turns.js';
import type { HistoryBook, StatedUser } from './history-book.js';

const CRITERIA_FIELDS = ['stated_criteria', 'criteria', 'stated_preferences', 'preferences'] as const;
const ID_FIELDS = ['user_id', 'user', 'id'] as const;

/** Criteria as text: a string, or a list of strings of which each becomes a line. */
function criteriaOf(row: RawRow): string | undefined {
  const field = CRITERIA_FIELDS.find((name) => !isAbsent(row[name]));
  if (field === undefined) return surveyCriteria(row);
  const value = row[field];
  const lines: readonly unknown[] = Array.isArray(value) ? value : [value];
  const texts = lines.map((line) => {
    if (typeof line !== 'string') return misfit(`${field}: expected text, came ${describe(line)}`);
    return line.trim();
  });
  const text = texts.filter((line) => line !== '').join('\n');
  return text === '' ? undefined : text;
}

/** The id of a row of a users file. */
export function userIdOf(row: RawRow): string | undefined {
  return ID_FIELDS.map((field) => nameAt(row, field)).find((name) => name !== undefined);
}

function readUser(row: RawRow): { readonly userId: string; readonly stated: StatedUser } {
  const userId = userIdOf(row);
  if (userId === undefined) misfit(`expected user_id, came ${describe(row)}`);
  const criteria = criteriaOf(row);
  const history = historyAt(row, 'history');
  return {
    userId,
    stated: {
      ...(criteria === undefined ? {} : { criteria }),
      ...(history === undefined ? {} : { history }),
    },
  };
}

/** The format of a file that holds labelled pairs; nothing where it holds one row a user. */
export async function pairFormatOf(source: RecordSource): Promise<Format | undefined> {
  for await (const records of source.read()) {
    const first = records.find(({ row }) => row !== undefined);
    if (first?.row !== undefined) return detectFormat([first.row]);
  }
  return undefined;
}

/** What a users file holds besides what its users state. */
export interface UsersRead {
  /** Users in the file, and those of them who occur in the data. */
  readonly users: number;
  readonly inData: number;
  /** Whether any user of the file states criteria, or has a history. */
  readonly anyCriteria: boolean;
  readonly anyHistory: boolean;
  /** A user of the file, for a message. */
  readonly example?: string;
}

/**
 * Reads what the users that are `needed` state into a book. `occurring` are all users of the data.
 * @throws PgenrmError INPUT_MALFORMED for a row that does not fit, DUPLICATE_ID for a user that comes twice.
 */
export async function readUsers(
  path: string,
  source: RecordSource,
  { needed, occurring }: { readonly needed: ReadonlySet<string>; readonly occurring: ReadonlySet<string> },
  book: HistoryBook,
  options: ReadOptions,
): Promise<UsersRead> {
  const seen = new Map<string, number>();
  let [inData, anyCriteria, anyHistory] = [0, false, false];
  for await (const records of source.read(options)) {
    readUserRecords(
      path,
      records,
      (userId, stated) => {
        if (occurring.has(userId)) inData += 1;
        if (needed.has(userId)) book.state(userId, stated);
        anyCriteria ||= stated.criteria !== undefined;
        anyHistory ||= (stated.history ?? []).length > 0;
      },
      seen,
    );
  }
  const [example] = seen.keys();
  return {
    users: seen.size,
    inData,
    anyCriteria,
    anyHistory,
    ...(example === undefined ? {} : { example }),
  };
}

/**
 * Reads records of a users file, each user told to `take`; `seen` keeps the rows of users over several calls.
 * @throws PgenrmError as {@link readUsers}.
 */
export function readUserRecords(
  path: string,
  records: readonly RawRecord[],
  take: (userId: string, stated: StatedUser) => void,
  seen = new Map<string, number>(),
): void {
  for (const record of records) {
    const { userId, stated } = readRecord(path, record);
    const earlier = seen.get(userId);
    if (earlier !== undefined) {
      throw new PgenrmError(
        'DUPLICATE_ID',
        `${path}: user ${userId} comes in row ${earlier} and again in row ${record.number}; keep one row a user`,
      );
    }
    seen.set(userId, record.number);
    take(userId, stated);
  }
}

function readRecord(path: string, { number, row, reason }: RawRecord): ReturnType<typeof readUser> {
  try {
    return row === undefined ? misfit(reason ?? 'cannot be read') : readUser(row);
  } catch (error) {
    const needs = `a users file has user_id and ${CRITERIA_FIELDS.join(', ')} or system_string, and may have history`;
    throw new PgenrmError('INPUT_MALFORMED', `${path}, row ${number}: ${messageOf(error)}; ${needs}`, {
      cause: error,
    });
  }
}

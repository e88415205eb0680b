// The users file: stated criteria and histories by user id, a PRISM survey, or labelled pairs of users.
// A row that does not fit is an error here: a user would silently lose their criteria.

import { messageOf, PgenrmError } from '../errors.js';
import { detectFormat } from './detect-format.js';
import type { RawRow } from './fields.js';
import { describe, historyAt, isAbsent, misfit, nameAt } from './fields.js';
import type { Format } from './format.js';
import type { HistoryBook, StatedUser } from './history-book.js';
import { surveyCriteria } from './prism.js';
import type { RawRecord, RecordSource } from './records.js';

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

function readUser(row: RawRow): { readonly userId: string; readonly stated: StatedUser } {
  const userId = ID_FIELDS.map((field) => nameAt(row, field)).find((name) => name !== undefined);
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
  for await (const { row } of source.read()) {
    if (row !== undefined) return detectFormat([row]);
  }
  return undefined;
}

/**
 * Reads the users that occur in the data into a book.
 * @throws PgenrmError INPUT_MALFORMED for a row that does not fit, DUPLICATE_ID for a user that comes twice.
 */
export async function readUsers(
  path: string,
  source: RecordSource,
  occurring: ReadonlySet<string>,
  book: HistoryBook,
): Promise<void> {
  const seen = new Map<string, number>();
  for await (const record of source.read()) {
    const { userId, stated } = readRecord(path, record);
    const earlier = seen.get(userId);
    if (earlier !== undefined) {
      throw new PgenrmError(
        'DUPLICATE_ID',
        `${path}: user ${userId} comes in row ${earlier} and again in row ${record.number}; keep one row a user`,
      );
    }
    seen.set(userId, record.number);
    if (occurring.has(userId)) book.state(userId, stated);
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

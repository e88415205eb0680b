// The first pass over a file of rows: its format, its splits, how many rows it gives, what its users chose.
// Keeps signals of users and counts, never a row.

import { PgenrmError } from '../errors.js';
import { detectFormat, formatOf, unknownFormatError } from './detect-format.js';
import type { RawRow } from './fields.js';
import type { Format, FormatName, RowDraft } from './format.js';
import { splitOf } from './format.js';
import { eventOf, HistoryBook } from './history-book.js';
import type { RawRecord, RecordSource } from './records.js';

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
  for await (const record of source.read()) {
    if (name !== undefined) return formatOf(name);
    read += 1;
    if (record.row === undefined) reason = record.reason ?? reason;
    else rows.push(record.row);
    const format = record.row && detectFormat([record.row]);
    if (format !== undefined) return format;
    if (read === DETECTION_ROWS) break;
  }
  if (read === 0) {
    throw new PgenrmError('INPUT_MALFORMED', `${path} is empty: expected rows of preference data`);
  }
  throw unknownFormatError(path, rows[0], reason);
}

/** Reads the drafts of a row; a row that does not fit gives what is wrong with it. */
export function readDrafts(format: Format, record: RawRecord): readonly RowDraft[] | string {
  if (record.row === undefined) return record.reason ?? 'the row cannot be read';
  try {
    return format.read(record.row);
  } catch (error) {
    if (error instanceof PgenrmError && error.code === 'INPUT_MALFORMED') return error.message;
    throw error;
  }
}

/** Whether a row, read or not, belongs to the split asked for; a row that cannot be read belongs to every one. */
export function isWanted(record: RawRecord, split: string | undefined): boolean {
  return split === undefined || record.row === undefined || splitOf(record.row) === split;
}

/** What the first pass leaves. */
export interface FirstPass {
  readonly book: HistoryBook;
  readonly splits: readonly string[];
  /** Users of the rows that are wanted. */
  readonly userIds: ReadonlySet<string>;
  /** Rows and problems that are wanted. */
  readonly count: number;
  /** Problems among them. */
  readonly problems: number;
  readonly damage?: PgenrmError;
}

/** The first pass: histories, splits and counts. Rows themselves are not kept. */
export async function firstPassOf(
  source: RecordSource,
  format: Format,
  split: string | undefined,
  historySplits: readonly string[],
): Promise<FirstPass> {
  const book = new HistoryBook();
  const splits = new Set<string>();
  const userIds = new Set<string>();
  let count = 0;
  let problems = 0;
  let read = 0;
  let damage: PgenrmError | undefined;

  const note = (draft: RowDraft, first: boolean): void => {
    const event = eventOf(draft);
    const { userId, conversation, choiceAttributes } = draft;
    const useful = splits.size === 0 || (draft.split !== undefined && historySplits.includes(draft.split));
    if (event === undefined || userId === undefined || !useful) return;
    book.note(userId, {
      event,
      ...(conversation === undefined ? {} : { conversation }),
      ...(draft.split === undefined ? {} : { split: draft.split }),
      ...(choiceAttributes === undefined || !first ? {} : { choiceAttributes }),
    });
  };

  try {
    for await (const record of source.read(format.fields)) {
      read += 1;
      const wanted = isWanted(record, split);
      const rowSplit = record.row && splitOf(record.row);
      if (rowSplit !== undefined) splits.add(rowSplit);
      const drafts = readDrafts(format, record);
      if (typeof drafts === 'string') {
        if (wanted) {
          count += 1;
          problems += 1;
        }
        continue;
      }
      const firstLabelled = drafts.findIndex((draft) => draft.chosen !== undefined);
      for (const [index, draft] of drafts.entries()) {
        note(draft, index === firstLabelled);
        if (wanted) count += 1;
        if (wanted && draft.userId !== undefined) userIds.add(draft.userId);
      }
    }
  } catch (error) {
    if (!(error instanceof PgenrmError) || error.code !== 'INPUT_MALFORMED' || read === 0) throw error;
    damage = error;
  }
  if (splits.size > 0) {
    book.keep(userIds, (signal) => signal.split !== undefined && historySplits.includes(signal.split));
  } else {
    book.keep(userIds, () => true);
  }
  return { book, splits: [...splits], userIds, count, problems, ...(damage === undefined ? {} : { damage }) };
}

// Rows of records that are in memory, as a page has them: formats, histories and labels as for files.
// Knows no file and nothing of Node.

import { PgenrmError } from '../errors.js';
import type { RawRecord } from './files/record-source.js';
import { detectFormat, unknownFormatError } from './formats/detect-format.js';
import { canonicalSplit, type Format, type FormatName, isSplit } from './formats/format.js';
import { eventOf, HistoryBook } from './history-book.js';
import { readDrafts } from './read-drafts.js';
import { finishRow, type PreferenceRow, type RowProblem } from './row.js';
import { uniqueIds } from './row-order.js';
import { readUserRecords } from './users-file.js';

/** How records are read. */
export interface RecordsOptions {
  /** What errors call the records. */
  readonly name: string;
  /** Rows of a users file, as `openPreferenceData` takes one. */
  readonly users?: readonly RawRecord[];
  /** Only rows of this split are given. */
  readonly split?: string;
}

/** Rows and problems in the order of their records. */
export interface RowsRead {
  readonly format: FormatName;
  readonly rows: readonly (PreferenceRow | RowProblem)[];
  /** The splits of the records in the order of their first row. */
  readonly splits: readonly string[];
}

const HISTORY_SPLITS: readonly string[] = ['train', 'validation'];

/**
 * Reads rows as `openPreferenceData` does, all at once. Errors: `INPUT_MALFORMED` where no record fits a known shape,
 * or a users file is none; `DUPLICATE_ID`.
 */
export function readRows(
  records: readonly RawRecord[],
  { name, users, split: asked }: RecordsOptions,
): RowsRead {
  const format = formatFor(records, name);
  const split = asked === undefined ? undefined : canonicalSplit(asked);
  const read = records.map((record) => ({ record, drafts: readDrafts(format, record) }));
  const drafts = read.flatMap((one) => (typeof one.drafts === 'string' ? [] : one.drafts));
  const splits = [...new Set(drafts.flatMap((draft) => draft.split ?? []))];
  const book = new HistoryBook();
  for (const { drafts: ofRecord } of read) {
    if (typeof ofRecord === 'string') continue;
    const first = ofRecord.findIndex(({ chosen }) => chosen !== undefined);
    for (const [index, draft] of ofRecord.entries()) {
      const history = splits.length === 0 || HISTORY_SPLITS.some((one) => isSplit(draft.split, one));
      const event = history ? eventOf(draft) : undefined;
      const { userId, conversation, choiceAttributes } = draft;
      if (userId === undefined || event === undefined) continue;
      book.note(userId, {
        event,
        ...(conversation === undefined ? {} : { conversation }),
        ...(draft.split === undefined ? {} : { split: draft.split }),
        ...(choiceAttributes === undefined || index !== first ? {} : { choiceAttributes }),
      });
    }
  }
  if (users !== undefined) readUserRecords(name, users, (userId, stated) => book.state(userId, stated));
  const uniqueId = uniqueIds();
  const rows = read.flatMap(({ record, drafts: ofRecord }): (PreferenceRow | RowProblem)[] => {
    const { number } = record;
    if (typeof ofRecord === 'string') return [{ kind: 'problem', number, reason: ofRecord }];
    return ofRecord.flatMap((draft) => {
      const id = uniqueId(draft.id ?? String(number));
      if (split !== undefined && !isSplit(draft.split, split)) return [];
      return [finishRow(draft, number, id, book.userOf(draft))];
    });
  });
  return { format: format.name, rows, splits };
}

function formatFor(records: readonly RawRecord[], name: string): Format {
  const rows = records.flatMap(({ row }) => (row === undefined ? [] : [row]));
  if (records.length === 0)
    throw new PgenrmError('INPUT_MALFORMED', `${name} is empty: expected rows of preference data`);
  const format = detectFormat(rows.slice(0, 100));
  if (format !== undefined) return format;
  throw unknownFormatError(name, rows[0], records[0]!.reason ?? 'the records hold no rows');
}

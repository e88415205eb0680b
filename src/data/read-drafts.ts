// The drafts that a format reads in a record, or why it reads none.

import { PgenrmError } from '../errors.js';
import type { RawRecord } from './files/record-source.js';
import type { Format, RowDraft } from './formats/format.js';

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

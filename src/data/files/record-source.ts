// What a file of rows gives, whatever its kind: records, some at a time.
// Types only; kinds of files implement them.

import type { RawRow } from '../formats/fields.js';
import type { ContentOptions, FileState } from './file-bytes.js';

/** One row of a file; `row` is absent and `reason` says why where it could not be read. */
export interface RawRecord {
  /** Number of the row in the file from 1; blank lines are not counted. */
  readonly number: number;
  readonly row?: RawRow;
  readonly reason?: string;
}

/** What is wanted of a reading. */
export interface ReadOptions extends ContentOptions {
  /** The fields that are needed; all by default. Other fields may be given all the same. */
  readonly fields?: readonly string[];
}

/** The rows of a file. */
export interface RecordSource {
  /** The file as it was when it was opened. */
  readonly state: FileState;
  /**
   * Reads the rows in the order of the file, some at a time; a `hash` has got all of the file's bytes when the rows
   * end, also where they end in damage.
   * @throws PgenrmError INPUT_MALFORMED where the file is damaged, after the rows before the damage;
   *   INPUT_NOT_FOUND where it can no longer be read; the reason of an aborted signal.
   */
  read(options?: ReadOptions): AsyncGenerator<readonly RawRecord[]>;
}

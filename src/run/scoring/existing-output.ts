// Reads back what earlier sessions wrote: whole lines, their tally, and where the last whole line ends.
// Knows row records; changes no file.

import { PgenrmError } from '../../errors.js';
import { jsonLines } from '../../output/json-lines.js';
import type { RowRecord } from './row-record.js';
import { Tally } from './tally.js';

/** What stands in an output. */
export interface ExistingOutput {
  /** Bytes up to the end of the last whole line; what follows was half written. */
  readonly end: number;
  /** Whole lines: as many rows of the data are done, since lines stand in the order of the rows. */
  readonly lines: number;
  readonly tally: Tally;
}

/** One whole line of an output. */
export interface ExistingLine {
  readonly record: RowRecord;
  /** Which line this is, from 0. */
  readonly index: number;
  /** Byte just past the line's newline. */
  readonly end: number;
}

/** Reads an output through. Errors: as {@link existingLines}. */
export async function surveyOutput(path: string): Promise<ExistingOutput> {
  const tally = new Tally();
  let end = 0;
  let lines = 0;
  for await (const line of existingLines(path)) {
    tally.add(line.record);
    end = line.end;
    lines += 1;
  }
  return { end, lines, tally };
}

/**
 * The whole lines of an output, one in memory at a time.
 *
 * A last line without its newline, or one that does not parse, was half written and is left out. Errors:
 * `RUN_MISMATCH` where an earlier line is not a row record or rows descend, `OUTPUT_FAILED` where the file cannot
 * be read.
 */
export async function* existingLines(path: string): AsyncGenerator<ExistingLine, void, undefined> {
  let row = 0;
  for await (const { value, index, end } of jsonLines(path)) {
    const record = asRecord(value);
    if (record === null) throw notARecord(path, index, 'it is not a row record');
    if (record.row < row) throw notARecord(path, index, `row ${record.row} comes after row ${row}`);
    row = record.row;
    yield { record, index, end };
  }
}

/** The value as a row record, or null where it is none. */
export function asRecord(value: unknown): RowRecord | null {
  if (typeof value !== 'object' || value === null) return null;
  const { row, status, tokens } = value as Partial<RowRecord>;
  const known = status === 'scored' || status === 'failed' || status === 'invalid';
  return known && Number.isInteger(row) && typeof tokens === 'object' ? (value as RowRecord) : null;
}

/** `RUN_MISMATCH` for a line that a run does not write. */
export function notARecord(path: string, index: number, why: string): PgenrmError {
  return new PgenrmError(
    'RUN_MISMATCH',
    `${path}, line ${index + 1} is not as a run writes it: ${why}; choose another output or start anew with --force`,
  );
}

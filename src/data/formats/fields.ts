// Reads single values of a row: ids, texts, ratings, flags.
// Knows no format; a value that does not fit is reported with its field and what was expected.

import { PgenrmError } from '../../errors.js';

/** One row as it stands in the file. */
export type RawRow = Record<string, unknown>;

/** A named part of a row. */
export interface Part {
  readonly field: string;
  readonly value: unknown;
}

/** Reports that a row does not fit; caught where rows are read and kept as the row's problem. */
export function misfit(reason: string): never {
  throw new PgenrmError('INPUT_MALFORMED', reason);
}

/** Whether a value is a JSON object. */
export function isRawRow(value: unknown): value is RawRow {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Whether a field is missing or null; parquet writes missing fields as null. */
export function isAbsent(value: unknown): value is null | undefined {
  return value === undefined || value === null;
}

/** What a value is, in a few words for a message. */
export function describe(value: unknown): string {
  if (isAbsent(value)) return 'nothing';
  if (typeof value === 'string') return value.trim() === '' ? 'an empty string' : 'a string';
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (!isRawRow(value)) return `the ${typeof value} ${String(value)}`;
  const keys = Object.keys(value).slice(0, 8);
  return keys.length === 0 ? 'an empty object' : `an object with ${keys.join(', ')}`;
}

/** The first of some fields that is there. */
export function firstPresent(row: RawRow, fields: readonly string[]): Part | undefined {
  const field = fields.find((name) => !isAbsent(row[name]));
  return field === undefined ? undefined : { field, value: row[field] };
}

/**
 * An id or name as a string, in Unicode's composed form (NFC) and without blanks around it; numbers are written out.
 * Absent where it is missing, blank or no number (NaN). `007` and `7` differ, and so do `Nadia` and `nadia`.
 */
export function nameAt(row: RawRow, field: string): string | undefined {
  const value = row[field];
  if (isAbsent(value)) return undefined;
  if (typeof value === 'boolean') return String(value);
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) return undefined;
    if (Number.isInteger(value) && !Number.isSafeInteger(value)) {
      misfit(
        `${field}: the number ${value} is stored in floating point, which keeps no more than 15 digits of an id; write ids as text or whole numbers`,
      );
    }
    return String(value);
  }
  if (typeof value !== 'string') {
    return misfit(`${field}: expected a string or a number, came ${describe(value)}`);
  }
  const trimmed = value.trim();
  if (trimmed === '') return undefined;
  return ASCII.test(trimmed) ? trimmed : trimmed.normalize('NFC').trim();
}

const ASCII = /^[\0-\x7f]*$/;

/** Free text; absent where it is missing or blank. */
export function textAt(row: RawRow, field: string): string | undefined {
  const value = row[field];
  if (isAbsent(value)) return undefined;
  if (typeof value !== 'string') misfit(`${field}: expected a string, came ${describe(value)}`);
  return value.trim() === '' ? undefined : value;
}

const DECIMAL = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;

/** A rating, also one that is written as text; absent where it is missing or not a finite number. */
export function scoreOf(value: unknown): number | undefined {
  const text = typeof value === 'string' ? value.trim() : undefined;
  if (text !== undefined && !DECIMAL.test(text)) return undefined;
  const number = text === undefined ? value : Number(text);
  return typeof number === 'number' && Number.isFinite(number) ? number : undefined;
}

/** Whether a flag is set: true, 1, or either as text in any case. */
export function isFlagged(value: unknown): boolean {
  if (typeof value === 'string') return /^\s*(?:true|1(?:\.0*)?)\s*$/i.test(value);
  return value === true || value === 1;
}

// A JSON document with a list of rows: found row by row, so that none of its steps takes long, however large it is.
// Knows JSON's brackets and texts; not files, nor what a row means.

import { setImmediate as nextTurn } from 'node:timers/promises';
import { endOfText, type Parsed, parseJson } from './json-value.js';

/** Bytes that are looked at in one step: some hundredths of a second. */
const STEP_BYTES = 4e6;

const QUOTE = 0x22;
const COMMA = 0x2c;
const LIST = 0x5b;
const LIST_END = 0x5d;
const OBJECT = 0x7b;
const OBJECT_END = 0x7d;

/** Where the rows of a document stand: row i between marks i and i + 1. */
export interface RowPlaces {
  readonly bytes: Buffer;
  /** Offsets of the list's bracket, of the commas between rows, and of its closing bracket. */
  readonly marks: readonly number[];
}

/**
 * Finds the rows of a list, or of the list in an object's `data`.
 * @returns why there are none: the rest of the text is no JSON, or it holds no such list.
 */
export async function findRows(
  bytes: Buffer,
  signal: AbortSignal | undefined,
): Promise<RowPlaces | { readonly reason: string } | { readonly value: unknown }> {
  let depth = 0;
  let listDepth = -1; // depth inside of the list of rows
  let key: string | undefined; // the last text of an object at depth 1
  let next = STEP_BYTES;
  const marks: number[] = [];
  for (let at = 0; at < bytes.length; at += 1) {
    if (at >= next) {
      next = at + STEP_BYTES;
      await nextTurn();
      signal?.throwIfAborted();
    }
    const byte = bytes[at];
    if (byte === QUOTE) {
      const end = endOfText(bytes, at);
      if (depth === 1 && listDepth < 0) key = bytes.toString('latin1', at + 1, end);
      at = end;
    } else if (byte === LIST || byte === OBJECT) {
      if (byte === LIST && listDepth < 0 && (depth === 0 || (depth === 1 && key === 'data'))) {
        listDepth = depth + 1;
        marks.push(at);
      }
      depth += 1;
    } else if (byte === LIST_END || byte === OBJECT_END) {
      if (depth === listDepth) {
        marks.push(at);
        listDepth = Number.POSITIVE_INFINITY;
      }
      depth -= 1;
    } else if (byte === COMMA && depth === listDepth) {
      marks.push(at);
    }
  }
  const start = marks[0];
  if (start === undefined) return parseJson(bytes);
  if (listDepth !== Number.POSITIVE_INFINITY) return { reason: 'is not JSON: it ends inside of the list' };
  // The document without its rows says whether everything around them is JSON.
  const end = marks[marks.length - 1] as number;
  const frame = parseJson(Buffer.concat([bytes.subarray(0, start + 1), bytes.subarray(end)]));
  if ('reason' in frame) return frame;
  return { bytes, marks: isBlankBetween(bytes, marks) ? [] : marks };
}

/** A list without rows has two marks and nothing between them. */
function isBlankBetween(bytes: Buffer, marks: readonly number[]): boolean {
  const [start = 0, end = 0] = marks;
  return marks.length === 2 && bytes.toString('latin1', start + 1, end).trim() === '';
}

/** Reads rows, some at a time; the loop of events turns between two of them. */
export async function* readRows(
  { bytes, marks }: RowPlaces,
  signal: AbortSignal | undefined,
): AsyncGenerator<readonly Parsed[]> {
  let rows: Parsed[] = [];
  let size = 0;
  for (let row = 0; row + 1 < marks.length; row += 1) {
    const text = bytes.subarray((marks[row] as number) + 1, marks[row + 1]);
    rows.push(parseJson(text));
    size += text.length;
    if (size < STEP_BYTES && rows.length < 1000) continue;
    yield rows;
    rows = [];
    size = 0;
    await nextTurn();
    signal?.throwIfAborted();
  }
  if (rows.length > 0) yield rows;
}

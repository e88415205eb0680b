// One JSON value from bytes: ids to their last digit, Python's NaN as nothing, and a bound on how much one text may hold.
// Knows JSON; not lines, files or what a value means.

import { isUtf8 } from 'node:buffer';
import { messageOf } from '../../errors.js';
import { isRawRow } from '../formats/fields.js';
import { withExactNumbers } from './exact-numbers.js';

/** Most values in one text: so many take about a second to read; no row of texts comes near. */
export const MOST_VALUES = 4_000_000;

/** Fields whose numbers name something, so that each digit counts. */
const ID_FIELDS = ['user_id', 'user', 'id', 'conversation_id'] as const;

/** The value, or why there is none. */
export type Parsed = { readonly value: unknown } | { readonly reason: string };

/** Reads one JSON text. */
export function parseJson(bytes: Buffer): Parsed {
  if (!isUtf8(bytes)) return { reason: 'is not UTF-8 text' };
  if (bytes.length > MOST_VALUES && holdsTooMany(bytes)) {
    return { reason: `holds over ${MOST_VALUES} values, more than a row of texts can` };
  }
  const text = bytes.toString('utf8');
  try {
    const value: unknown = JSON.parse(text);
    return { value: losesDigits(value) ? JSON.parse(withExactNumbers(text)) : value };
  } catch (error) {
    return parsedAgain(text, messageOf(error));
  }
}

/** JSON as Python writes it may hold NaN and Infinity. */
function parsedAgain(text: string, reason: string): Parsed {
  if (!/NaN|Infinity/.test(text)) return { reason: `is not JSON: ${reason}` };
  try {
    return { value: JSON.parse(withExactNumbers(text)) };
  } catch (error) {
    return { reason: `is not JSON: ${messageOf(error)}` };
  }
}

function losesDigits(value: unknown): boolean {
  if (!isRawRow(value)) return false;
  return ID_FIELDS.some((field) => typeof value[field] === 'number' && !Number.isSafeInteger(value[field]));
}

/** Whether a text holds more commas and brackets than {@link MOST_VALUES}, those inside of its texts left out. */
function holdsTooMany(bytes: Buffer): boolean {
  let marks = 0;
  for (let at = 0; at < bytes.length; at += 1) {
    const byte = bytes[at];
    if (byte === 0x22) at = endOfText(bytes, at);
    else if (byte === 0x2c || byte === 0x5b || byte === 0x7b) marks += 1;
    if (marks > MOST_VALUES) return true;
  }
  return false;
}

/** Where a text of JSON that begins at `start` ends: its closing quote, or the end of the bytes. */
export function endOfText(bytes: Buffer, start: number): number {
  for (let end = bytes.indexOf(0x22, start + 1); end >= 0; end = bytes.indexOf(0x22, end + 1)) {
    let before = end - 1;
    while (bytes[before] === 0x5c) before -= 1;
    if ((end - before) % 2 === 1) return end;
  }
  return bytes.length;
}

// Records of a text: JSON Lines, a JSON array, or an object that holds one list of rows.
// Knows JSON; not what a record means.
import type { RawRecord } from 'pgenrm';

type Row = NonNullable<RawRecord['row']>;

const isRow = (value: unknown): value is Row =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** One record a row; what cannot be read is a record with its reason. */
export function recordsOfText(text: string): RawRecord[] {
  const trimmed = text.trim();
  if (trimmed.startsWith('[')) {
    try {
      return numbered(JSON.parse(trimmed) as readonly unknown[]);
    } catch {
      // Lines that begin with a list: each is told by itself what is wrong with it.
    }
  }
  if (trimmed.startsWith('{') && !/\n\s*\{/.test(trimmed)) {
    try {
      const whole: unknown = JSON.parse(trimmed);
      const list = isRow(whole)
        ? Object.values(whole).find((value) => Array.isArray(value) && value.every(isRow))
        : null;
      const isRows = isRow(whole) && !('chosen' in whole || 'responses' in whole || 'candidates' in whole);
      return numbered(isRows && Array.isArray(list) && list.length > 0 ? list : [whole]);
    } catch {
      // Not one document; lines, then.
    }
  }
  const lines = trimmed.split(/\r?\n/).filter((line) => line.trim() !== '');
  return lines.map((line, index) => recordOf(line, index + 1));
}

function numbered(values: readonly unknown[]): RawRecord[] {
  return values.map((value, index) =>
    isRow(value)
      ? { number: index + 1, row: value }
      : { number: index + 1, reason: `expected an object, came ${typeof value}` },
  );
}

function recordOf(line: string, number: number): RawRecord {
  try {
    const value: unknown = JSON.parse(line);
    return isRow(value) ? { number, row: value } : { number, reason: 'is no object' };
  } catch (error) {
    return { number, reason: `is not JSON: ${error instanceof Error ? error.message : String(error)}` };
  }
}

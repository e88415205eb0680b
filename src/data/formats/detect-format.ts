// The list of formats and the choice of one for a file, from its first rows.
// Knows what each format says of itself, not how it reads.

import { PgenrmError } from '../../errors.js';
import { personalRewardBench, rewardBench, trl } from './exchange-formats.js';
import type { RawRow } from './fields.js';
import type { Format, FormatName } from './format.js';
import { lampQa } from './lamp-qa.js';
import { prism } from './prism.js';

/** In the order in which they are tried: a format stands before those that its rows fit as well. */
export const FORMATS: readonly Format[] = [prism, lampQa, personalRewardBench, rewardBench, trl];

/** The format of a name. */
export function formatOf(name: FormatName): Format {
  const format = FORMATS.find((candidate) => candidate.name === name);
  if (format === undefined)
    throw new PgenrmError('INTERNAL', `the format ${name} is not in the list of formats`);
  return format;
}

/** The format of the first row that fits one, or nothing. */
export function detectFormat(rows: readonly RawRow[]): Format | undefined {
  for (const row of rows) {
    const format = FORMATS.find((candidate) => candidate.fits(row));
    if (format !== undefined) return format;
  }
  return undefined;
}

function adviceFor(row: RawRow): string {
  if ('stated_prefs' in row || 'system_string' in row) {
    return ' This looks like the survey of PRISM: give it as the users file, and conversations.jsonl as the data.';
  }
  if ('utterance_id' in row || 'model_response' in row) {
    return ' This looks like the utterances of PRISM: give conversations.jsonl in its place.';
  }
  if ('stated_criteria' in row)
    return ' This looks like a users file: give it as such, with the pairs as the data.';
  return '';
}

/** The error for a file whose rows fit no format: what the first row has and what each format needs. */
export function unknownFormatError(path: string, first: RawRow | undefined, reason: string): PgenrmError {
  const has =
    first === undefined
      ? `No row could be read (${reason}).`
      : `The first row has the fields: ${Object.keys(first).join(', ') || 'none'}.`;
  const needs = FORMATS.map((format) => `  ${format.name}: ${format.needs}`).join('\n');
  const advice = first === undefined ? '' : adviceFor(first);
  return new PgenrmError(
    'INPUT_MALFORMED',
    `${path}: the rows fit no known shape. ${has}${advice} What each shape needs:\n${needs}`,
  );
}

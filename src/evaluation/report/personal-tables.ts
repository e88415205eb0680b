// The tables that say whether a judge is personal, as plain text cells.
// Knows a report; nothing of how a table is drawn.

import type { ReportTable } from '../../report/table.js';
import { type EvaluationReport, intervalText, percent, points, pText, TRAITS } from './report.js';

/** The differences from the controls. */
export function personalTable({ personal, settings }: EvaluationReport): ReportTable {
  return {
    title: 'Is it personal?',
    note: `In percent, differences in points, on rows that have both sides, with as many chains for the user on either. "swapped": history and criteria of another user of the same prompts, equally many events; "none": neither; "random users": of the bank, in place of the closest; "style": a regression without a model, with the user's own weights and with those of up to five others. p: sign-flip permutation test over users.${settings.ties === 'excluded' ? ' Ties count as half here.' : ''}`,
    head: ['comparison', 'level', 'difference', '95% users', 'p', 'first', 'second', 'rows', 'users'],
    rows: (personal?.controls ?? []).map(({ level, own, other, difference }) => [
      `${difference.first} - ${difference.second}`,
      level ?? 'no model',
      points(difference.difference),
      intervalText(difference.byUsers),
      pText(difference.pValue),
      percent(own.value),
      percent(other.value),
      `${difference.rows}`,
      `${difference.users}`,
    ]),
  };
}

/** The same by kind of row. */
export function personalKindTable({ personal }: EvaluationReport): ReportTable {
  return {
    title: 'For whom is it personal?',
    note: 'The same differences by kind of row, in points. History counts the events that are known of the user.',
    head: ['comparison', 'rows', 'difference', '95% users', 'rows', 'users'],
    rows: (personal?.controls ?? []).flatMap(({ difference: { first, second }, byKind }) =>
      byKind.map(({ trait, value, difference }) => [
        `${first} - ${second}`,
        `${TRAITS[trait]}: ${value}`,
        difference.value === null ? '-' : points(difference.value),
        intervalText(difference.byUsers),
        `${difference.rows}`,
        `${difference.users}`,
      ]),
    ),
  };
}

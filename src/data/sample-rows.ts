// A random part of opened preference data that stays the same from run to run.
// Knows rows and their ids; nothing of what is done with them.

import { createHash } from 'node:crypto';
import type { PreferenceData, PreferenceRow, RowProblem } from './preference-data.js';

/**
 * The `size` rows whose ids have the smallest SHA-256, in that order: a larger size adds rows at the end, and the first of
 * them are a random sample too. Histories and labels are as in `data`; rows that fit no shape are drawn by their number.
 *
 * Memory: those rows, twice while they are drawn. Errors: those of `data.rows()`.
 */
export async function sampleRows(data: PreferenceData, size: number): Promise<PreferenceData> {
  let drawn: { readonly at: string; readonly row: PreferenceRow | RowProblem }[] = [];
  const cut = (): void => {
    drawn = drawn.sort((a, b) => (a.at < b.at ? -1 : 1)).slice(0, size);
  };
  for await (const row of data.rows()) {
    drawn.push({ at: placeOf(row), row });
    if (drawn.length >= 2 * size) cut();
  }
  cut();
  const rows = drawn.map(({ row }) => row);
  return {
    ...data,
    count: rows.length,
    available: rows.length,
    problems: rows.filter(({ kind }) => kind === 'problem').length,
    async *rows() {
      yield* rows;
    },
  };
}

function placeOf(row: PreferenceRow | RowProblem): string {
  const name = row.kind === 'row' ? ['row', row.id] : ['problem', row.number];
  return createHash('sha256').update(JSON.stringify(name)).digest('hex');
}

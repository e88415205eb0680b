// Which rows of opened data a run judges, in which order, and what a model is told of one.
// Knows preference data; nothing of how rows are judged or where their lines go.

import type { PreferenceData, PreferenceRow, RowProblem } from '../data/preference-data.js';
import { checkRange, DATA_RANGES } from '../options/option-range.js';
import type { AnalysisCache, AnalysisRecord } from '../reward-model/analysis-cache.js';
import type { JudgeInput } from '../reward-model/judgment.js';

/** A row of the data, or what is there in place of one. */
export type DataRow = PreferenceRow | RowProblem;

/** How many rows a run of this limit judges. Errors: `INVALID_OPTION`. */
export function rowsAsked(data: PreferenceData, limit: number | undefined): number {
  if (limit !== undefined) checkRange('limit', limit, DATA_RANGES.rows);
  return Math.min(data.count, limit ?? data.count);
}

/** The first `count` rows without those that a run has already, in order. */
export async function* missingRows(
  data: PreferenceData,
  count: number,
  isDone: (row: DataRow, index: number) => boolean,
): AsyncGenerator<DataRow, void, undefined> {
  let index = 0;
  if (count === 0) return;
  for await (const row of data.rows()) {
    if (!isDone(row, index)) yield row;
    index += 1;
    if (index >= count) return;
  }
}

/**
 * Throws the damage of the data where a run asks for all rows: those before it are judged, and that there are no more is
 * not for the run to say.
 */
export function throwDamage(data: PreferenceData, count: number): void {
  if (count === data.available && data.damage !== undefined) throw data.damage;
}

/** What names a row's user; undefined where the row does not. */
export function userOfRow(row: DataRow): string | undefined {
  return row.kind === 'row' ? row.userId : undefined;
}

/** What the model is told of a row: the user, the context and the candidates, and nothing else of it. */
export function inputOf({ id, user, item }: PreferenceRow): JudgeInput & { readonly id: string } {
  return { id, user, context: item.context, candidates: item.candidates };
}

/** Puts the cache of analyses where it was after the rows that stand in a file. */
export async function replayAnalyses(
  analyses: AnalysisCache,
  stored: AsyncIterable<{ readonly id?: string | undefined; readonly analysis?: AnalysisRecord | undefined }>,
): Promise<void> {
  for await (const { id, analysis } of stored)
    if (analysis !== undefined) analyses.replay(analysis, id ?? '');
}

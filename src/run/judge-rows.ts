// The engine of every run over a data set: judges rows, several at once, and writes a line for each in the rows' order.
// Knows rows and the order in which they are judged; what a line says and where it goes is the run's.

import { mapTogether } from '../concurrency/bring-together.js';
import type { PreferenceRow, RowProblem } from '../data/preference-data.js';
import { isRowError, type PgenrmError } from '../errors.js';
import { type AnalysisCache, type AnalysisTurn, inTurn } from '../reward-model/analysis-cache.js';
import { type DataRow, userOfRow } from './rows.js';

/** Rows among which those of one user are judged together where nothing else is said. */
export const DEFAULT_REORDER = 64;

/** How a run makes the line of a row. */
export interface RowLines<L extends object> {
  /** Of a row that fits no shape. */
  invalid(problem: RowProblem): L;
  /** Of a row that met an error of its own; other errors end the run. */
  failed(row: PreferenceRow, error: PgenrmError): L;
  /** Judges a row; `turn` is the row's place among its user's analyses, null where none are kept. */
  judged(row: PreferenceRow, turn: AnalysisTurn | null, stop: AbortSignal): Promise<L>;
}

/** The line of one row. */
export async function lineOf<L extends object>(
  row: DataRow,
  lines: RowLines<L>,
  analyses: AnalysisCache | null,
  stop: AbortSignal,
): Promise<L> {
  if (row.kind === 'problem') return lines.invalid(row);
  const turn = analyses?.turn(row.user, row.id) ?? null;
  return inTurn(turn, async () => {
    try {
      return await lines.judged(row, turn, stop);
    } catch (error) {
      if (stop.aborted || !isRowError(error)) throw error;
      return lines.failed(row, error);
    }
  });
}

/** What {@link judgeRows} judges, and how. */
export interface RowsToJudge<R, L> {
  readonly rows: AsyncIterable<R>;
  /** The row behind a value of `rows`, by whose user it is judged beside others. */
  readonly rowOf: (value: R) => DataRow;
  readonly lineOf: (value: R, stop: AbortSignal) => Promise<L>;
  /** Takes the lines, in the order of the rows; calls do not overlap. */
  readonly write: (line: L, value: R) => Promise<void>;
  /** Rows in flight. */
  readonly concurrency: number;
  /** Rows among which those of one user are judged together; 1: as they stand. */
  readonly reorder: number;
  readonly signal: AbortSignal | undefined;
}

/**
 * Judges rows until all are done. Rows of one user begin in their own order, so the turns of analyses are those of the
 * data. Resolves with whether the signal stopped it. Errors: those of `lineOf`, `write` and the rows.
 */
export async function judgeRows<R, L>(run: RowsToJudge<R, L>): Promise<{ readonly stopped: boolean }> {
  const { rows, rowOf, concurrency, reorder, signal } = run;
  const work = async (value: R, _: number, stop: AbortSignal): Promise<{ value: R; line: L }> => ({
    value,
    line: await run.lineOf(value, stop),
  });
  const keyOf = (value: R): string | undefined => userOfRow(rowOf(value));
  try {
    for await (const { value, line } of mapTogether(rows, work, { concurrency, signal, reorder, keyOf }))
      await run.write(line, value);
    return { stopped: false };
  } catch (error) {
    if (signal?.aborted !== true || error !== signal.reason) throw error;
    return { stopped: true };
  }
}

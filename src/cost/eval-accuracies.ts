// Accuracies by level from a report of `pgenrm eval`, which has more rows than a bench has time for.
// Knows reports and which of them belongs to a bench; nothing of how they were made.

import { readFile } from 'node:fs/promises';
import { messageOf, PgenrmError } from '../errors.js';
import type { EvaluationReport } from '../evaluation/report.js';
import type { AccuracyFigure } from './result.js';

/**
 * Reads the accuracies of a report.json, ties as half. Errors: `INPUT_NOT_FOUND`, `INPUT_MALFORMED`; `RUN_MISMATCH`
 * where it is of another model or template than the bench's.
 */
export async function readAccuracies(
  path: string,
  belongsTo: { readonly modelSha256: string | null; readonly templateHash: string },
): Promise<Map<string, AccuracyFigure>> {
  let report: Partial<EvaluationReport> | null;
  try {
    report = JSON.parse(await readFile(path, 'utf8')) as Partial<EvaluationReport> | null;
  } catch (error) {
    const code = error instanceof SyntaxError ? 'INPUT_MALFORMED' : 'INPUT_NOT_FOUND';
    throw new PgenrmError(code, `cannot read the report ${path}: ${messageOf(error)}`, { cause: error });
  }
  const identity = report?.chains?.identity;
  if (identity === undefined || !Array.isArray(report?.levels)) {
    throw new PgenrmError('INPUT_MALFORMED', `${path} is not a report of pgenrm eval; give its report.json`);
  }
  const pairs = [
    ['model', identity.model.sha256, belongsTo.modelSha256],
    ['template', identity.template.hash, belongsTo.templateHash],
  ] as const;
  const differences = pairs
    .filter(([, its, ours]) => its !== ours)
    .map(([name, its, ours]) => `its ${name} is ${its ?? 'unknown'}, this one is ${ours ?? 'unknown'}`);
  if (differences.length > 0) {
    throw new PgenrmError(
      'RUN_MISMATCH',
      `the accuracies of ${path} are not this bench's: ${differences.join('; ')}; evaluate the same model with the same template`,
    );
  }
  return new Map(
    report.levels.map(({ name, accuracy: { half } }): [string, AccuracyFigure] => [
      name,
      { value: half.value, interval: half.byUsers, rows: half.rows, users: half.users, from: path },
    ]),
  );
}

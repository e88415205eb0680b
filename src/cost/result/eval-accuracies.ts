// Accuracies by level from a report of `pgenrm eval`, which has more rows than a bench has time for.
// Knows reports and which of them belongs to a bench; nothing of how they were made.

import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { messageOf, PgenrmError } from '../../errors.js';
import type { EvaluationReport } from '../../evaluation/report/report.js';
import { parseLevel } from '../../scaling/level.js';
import type { Figure } from '../../statistics/cluster-interval.js';
import { variantName } from '../measure/bench-plan.js';
import type { BenchIdentity } from '../measure/bench-record.js';
import type { AccuracyFigure } from './result.js';

/** What a bench and a report have to have in common, by the names that both give it. */
const SHARED = {
  model: ['sha256'],
  template: ['hash'],
  data: ['fingerprint', 'split', 'group', 'users'],
  bank: ['checksum', 'additions', 'overlap'],
} as const;
/** How a bench makes one score of chains: as judgments do where nothing is said. */
const AGGREGATE = { method: 'mean', individualShare: 0.5, neighbourWeights: 'equal' };
const SHARED_SAMPLING = ['temperature', 'topP', 'minP', 'maxTokens', 'historyEvents', 'grammar', 'prefer'];

/**
 * Reads the accuracies of a report.json by the names of variants, ties as half: of levels, and of adaptive stopping as
 * it was replayed over the same chains. Errors: `INPUT_NOT_FOUND`, `INPUT_MALFORMED`; `RUN_MISMATCH` where it is of
 * another model, template, data, bank, sampling or aggregation than the bench, or adaptive stopping counts ties otherwise.
 */
export async function readAccuracies(
  path: string,
  bench: BenchIdentity,
): Promise<Map<string, AccuracyFigure>> {
  let bytes: Buffer;
  let report: Partial<EvaluationReport> | null;
  try {
    bytes = await readFile(path);
    report = JSON.parse(bytes.toString('utf8')) as Partial<EvaluationReport> | null;
  } catch (error) {
    const code = error instanceof SyntaxError ? 'INPUT_MALFORMED' : 'INPUT_NOT_FOUND';
    throw new PgenrmError(code, `cannot read the report ${path}: ${messageOf(error)}`, { cause: error });
  }
  const identity = report?.chains?.identity;
  if (report?.pgenrmEvaluation !== 1 || identity === undefined || !Array.isArray(report.levels)) {
    throw new PgenrmError('INPUT_MALFORMED', `${path} is not a report of pgenrm eval; give its report.json`);
  }
  const differences = differencesOf(identity, bench, report.settings?.aggregate ?? {});
  if (differences.length > 0) {
    throw new PgenrmError(
      'RUN_MISMATCH',
      `the accuracies of ${path} are not this bench's: ${differences.join('; ')}; evaluate what is measured here`,
    );
  }
  const adaptive = report.adaptive ?? [];
  if (adaptive.length > 0 && report.settings?.ties !== 'half') {
    throw new PgenrmError(
      'RUN_MISMATCH',
      `${path} counts ties as ${report.settings?.ties} where it speaks of adaptive stopping, a bench as half; make it again by pgenrm eval --from CHAINS --ties half`,
    );
  }
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const figure = ({ value, byUsers, rows, users }: Figure): AccuracyFigure => ({
    value,
    interval: byUsers,
    rows,
    users,
    from: basename(path),
    sha256,
  });
  return new Map([
    ...report.levels.map(({ name, accuracy }): [string, AccuracyFigure] => [name, figure(accuracy.half)]),
    ...adaptive.map(({ level, risk, accuracy }): [string, AccuracyFigure] => [
      variantName({ level: parseLevel(level), adaptive: risk }),
      figure(accuracy),
    ]),
  ]);
}

/** Each difference in words. A bench without a bank has no level that another bank would bear on. */
function differencesOf(
  its: EvaluationReport['chains']['identity'],
  bench: BenchIdentity,
  aggregate: Readonly<Record<string, unknown>>,
): string[] {
  const pairs = (
    group: string,
    names: readonly string[],
    a: Readonly<Record<string, unknown>>,
    b: Readonly<Record<string, unknown>>,
  ): string[] =>
    names
      .filter((name) => (a[name] ?? null) !== (b[name] ?? null))
      .map((name) => `its ${group} ${name} is ${a[name] ?? 'none'}, this one is ${b[name] ?? 'none'}`);
  return [
    ...Object.entries(SHARED)
      .filter(([group]) => group !== 'bank' || bench.bank.checksum !== null)
      .flatMap(([group, names]) =>
        pairs(
          group,
          names,
          { ...its[group as keyof typeof SHARED] },
          { ...bench[group as keyof typeof SHARED] },
        ),
      ),
    ...pairs('sampling', SHARED_SAMPLING, { ...its.sampling }, bench.options),
    ...pairs('aggregation', Object.keys(AGGREGATE), { ...AGGREGATE, ...aggregate }, AGGREGATE),
  ];
}

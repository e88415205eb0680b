// A report as CSV: every figure on a line of its own, for tables and scripts of one's own.
// Knows the report's form; nothing of how figures are computed.

import { harmless } from '../../report/table.js';
import type { Figure } from '../../statistics/cluster-interval.js';
import type { ControlReport } from '../controls/personal.js';
import type { Calibration } from '../figures/calibration.js';
import type { Comparison } from '../figures/comparisons.js';
import type { EvaluationReport } from './report.js';

const COLUMNS = [
  'section',
  'name',
  'against',
  'trait',
  'value',
  'figure',
  'estimate',
  'low',
  'high',
  'rows_low',
  'rows_high',
  'rows',
  'users',
  'p',
  'p_holm',
  'untold',
] as const;

type Line = Partial<Record<(typeof COLUMNS)[number], string | number | null | undefined>>;

/** RFC 4180 with a header line; shares as numbers from 0 to 1, empty where there is none. */
export function csvText(report: EvaluationReport): string {
  const lines: Line[] = [
    ...(report.personal?.controls ?? []).flatMap(ofControl),
    ...[...report.levels, ...report.baselines].flatMap((one): Line[] => {
      const at = { section: report.levels.includes(one) ? 'level' : 'baseline', name: one.name };
      return [
        { ...at, figure: 'accuracy_half', ...ofFigure(one.accuracy.half) },
        { ...at, figure: 'accuracy_wrong', ...ofFigure(one.accuracy.wrong) },
        { ...at, figure: 'accuracy_excluded', ...ofFigure(one.accuracy.excluded) },
        { ...at, figure: 'accuracy_per_user', ...ofFigure(one.perUser) },
        ...Object.entries(one.counts).map(([figure, estimate]) => ({ ...at, figure, estimate })),
        ...(one.cost === null ? [] : [{ ...at, figure: 'tokens', estimate: one.cost.tokens }]),
        ...(one.calibration === null ? [] : ofCalibration(at, one.calibration)),
        ...(one.recalibration === null
          ? []
          : [
              { ...at, figure: 'recalibration_slope', estimate: one.recalibration.slope },
              ...ofCalibration(at, one.recalibration.calibration, 'recalibrated_'),
            ]),
      ];
    }),
    ...report.differences.map((one) => ({ section: 'difference', ...ofComparison(one) })),
    ...report.againstBaselines.map((one) => ({ section: 'against_baseline', ...ofComparison(one) })),
    ...report.adaptive.flatMap((one): Line[] => {
      const at = { section: 'adaptive', name: one.level, trait: 'risk', value: one.risk };
      return [
        { ...at, figure: `accuracy_${report.settings.ties}`, ...ofFigure(one.accuracy) },
        { ...ofComparison(one.difference), ...at, against: one.level },
        { ...at, figure: 'tokens_saved', ...ofFigure(one.tokensSaved) },
        { ...at, figure: 'chains_saved', ...ofFigure(one.chainsSaved) },
        { ...at, figure: 'winners_changed', ...ofFigure(one.changed) },
      ];
    }),
    ...report.breakdown.map(({ trait, value, name, accuracy }) => ({
      section: 'breakdown',
      name,
      trait,
      value,
      figure: `accuracy_${report.settings.ties}`,
      ...ofFigure(accuracy),
    })),
    ...report.alike.map(({ trait, value }) => ({ section: 'alike', trait, value })),
    ...Object.entries(report.singleChains).flatMap(([name, chains]): Line[] =>
      chains === null
        ? []
        : [
            { section: 'chains', name, figure: 'usable', ...ofFigure(chains.usable) },
            { section: 'chains', name, figure: 'prefers_first', ...ofFigure(chains.prefersFirst) },
            { section: 'chains', name, figure: 'tied', ...ofFigure(chains.tied) },
            {
              section: 'chains',
              name,
              figure: 'accuracy_shown_first',
              ...ofFigure(chains.accuracyShownFirst),
            },
            {
              section: 'chains',
              name,
              figure: 'accuracy_shown_later',
              ...ofFigure(chains.accuracyShownLater),
            },
          ],
    ),
  ];
  const text = (line: Line): string => COLUMNS.map((column) => field(line[column])).join(',');
  return `${[COLUMNS.join(','), ...lines.map(text)].join('\r\n')}\r\n`;
}

function ofControl({ own, other, difference, byKind }: ControlReport): Line[] {
  const at = { section: 'personal', name: difference.first, against: difference.second };
  return [
    { ...ofComparison(difference), ...at },
    { ...at, figure: 'accuracy_first', ...ofFigure(own) },
    { ...at, figure: 'accuracy_second', ...ofFigure(other) },
    ...byKind.map(({ trait, value, difference: figure }) => ({
      ...at,
      trait,
      value,
      figure: 'difference',
      ...ofFigure(figure),
    })),
  ];
}

function ofCalibration(at: Line, { brier, expectedError, bins }: Calibration, prefix = ''): Line[] {
  return [
    { ...at, figure: `${prefix}brier`, ...ofFigure(brier) },
    { ...at, figure: `${prefix}calibration_error`, estimate: expectedError },
    ...bins
      .filter(({ stated }) => stated !== null)
      .map((bin) => ({
        ...at,
        trait: `${prefix}stated`,
        value: bin.stated,
        figure: `${prefix}observed`,
        ...ofFigure(bin.observed),
      })),
  ];
}

function ofFigure({ value, rows, users, byUsers, byRows }: Figure): Line {
  return {
    estimate: value,
    low: byUsers.low,
    high: byUsers.high,
    rows_low: byRows.low,
    rows_high: byRows.high,
    rows,
    users,
    untold: byUsers.untold,
  };
}

function ofComparison(one: Comparison): Line {
  const { first, second, difference, pValue, adjusted } = one;
  return {
    ...ofFigure({ ...one, value: difference }),
    name: first,
    against: second,
    figure: 'difference',
    p: pValue,
    p_holm: adjusted,
  };
}

/** Quoted where it has to be; a cell that a table program would take as a formula gets an apostrophe before it. */
function field(value: string | number | null | undefined): string {
  if (value === null || value === undefined) return '';
  if (typeof value === 'number') return `${value}`;
  const text = harmless(value);
  const safe = /^[=+\-@\t\r]/.test(value) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

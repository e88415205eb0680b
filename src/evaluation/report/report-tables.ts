// The tables of a report as plain text cells, which the terminal, Markdown and HTML print alike.
// Knows a report; nothing of how a table is drawn.

import type { ReportTable } from '../../report/table.js';
import type { Calibration } from '../figures/calibration.js';
import type { ChainReport } from '../figures/position-tally.js';
import { personalKindTable, personalTable } from './personal-tables.js';
import {
  type ContenderReport,
  type EvaluationReport,
  headline,
  intervalText,
  percent,
  points,
  pText,
  TRAITS,
} from './report.js';

/** All tables that have rows, the most important one first. */
export function reportTables(report: EvaluationReport): ReportTable[] {
  return [
    ...terminalTables(report),
    ...withRows([chainTable(report), calibrationTable(report), reliabilityTable(report)]),
  ];
}

/** The tables that a terminal shows, the first of them all. */
export function terminalTables(report: EvaluationReport): ReportTable[] {
  return withRows([
    personalTable(report),
    personalKindTable(report),
    levelTable(report),
    adaptiveTable(report),
    differenceTable(report, 'differences'),
    differenceTable(report, 'againstBaselines'),
    tieTable(report),
    breakdownTable(report),
  ]);
}

function withRows(tables: readonly ReportTable[]): ReportTable[] {
  return tables.filter(({ rows }) => rows.length > 0);
}

function everyContender({ levels, baselines }: EvaluationReport): readonly ContenderReport[] {
  return [...levels, ...baselines];
}

function levelTable(report: EvaluationReport): ReportTable {
  return {
    title: 'Accuracy by level',
    note: 'In percent. "95% users" leaves whole users out in turn (jackknife), "95% rows" resamples single rows; "per user" is the mean of the users\' own accuracies; tokens are new tokens a judgment.',
    head: ['level', 'accuracy', '95% users', '95% rows', 'per user', '95% users', 'tokens'],
    rows: everyContender(report).map((one) => {
      const figure = headline(one, report);
      return [
        one.name,
        percent(figure.value),
        intervalText(figure.byUsers),
        intervalText(figure.byRows),
        percent(one.perUser.value),
        intervalText(one.perUser.byUsers),
        one.cost === null ? '-' : one.cost.tokens.toFixed(0),
      ];
    }),
  };
}

function differenceTable(report: EvaluationReport, which: 'differences' | 'againstBaselines'): ReportTable {
  const comparisons = report[which];
  const against = which === 'againstBaselines';
  return {
    title: against ? 'Levels against baselines' : 'Differences between levels',
    note: `In points, on the same rows. p: sign-flip permutation test over users; "Holm" is corrected for the ${comparisons.length} comparisons of this table.${report.settings.ties === 'excluded' ? ' Ties count as half here: a pair needs both rows.' : ''}`,
    head: ['comparison', 'difference', '95% users', '95% rows', 'p', 'Holm'],
    rows: comparisons.map((one) => [
      `${one.first} - ${one.second}`,
      points(one.difference),
      intervalText(one.byUsers),
      intervalText(one.byRows),
      pText(one.pValue),
      pText(one.adjusted),
    ]),
  };
}

function adaptiveTable({ adaptive }: EvaluationReport): ReportTable {
  return {
    title: 'Adaptive stopping',
    note: 'Replayed over the same chains at each risk: accuracy and what is saved in percent, the difference from all chains in points with its 95% interval over users, and the judgments whose winner is another one than that of all chains. Chains that a judgment would cancel within a wave count as used.',
    head: [
      'level and risk',
      'accuracy',
      'difference',
      '95% users',
      'p',
      'tokens saved',
      '95% users',
      'changed',
    ],
    rows: adaptive.map(({ level, risk, accuracy, difference, tokensSaved, changed }) => [
      `${level} at ${risk}`,
      percent(accuracy.value),
      points(difference.difference),
      intervalText(difference.byUsers),
      pText(difference.pValue),
      percent(tokensSaved.value),
      intervalText(tokensSaved.byUsers),
      percent(changed.value),
    ]),
  };
}

function tieTable(report: EvaluationReport): ReportTable {
  const count = (value: number): string => (Number.isInteger(value) ? `${value}` : value.toFixed(1));
  return {
    title: 'Ties and failures',
    note: 'Rows, and accuracy in percent with ties as half, as wrong, and left out (failed rows are not correct; "excluded" leaves them out). Fractions of rows where a row\'s chains hold several judgments of a level.',
    head: ['level', 'correct', 'tied', 'wrong', 'failed', 'half', 'wrong %', 'excluded'],
    rows: everyContender(report).map(({ name, counts, accuracy }) => [
      name,
      count(counts.correct),
      count(counts.tied),
      count(counts.wrong),
      count(counts.failed),
      percent(accuracy.half.value),
      percent(accuracy.wrong.value),
      percent(accuracy.excluded.value),
    ]),
  };
}

function breakdownTable(report: EvaluationReport): ReportTable {
  return {
    title: 'Accuracy by kind of row',
    note: 'In percent. History counts the events that are known of the user; criteria are those stated.',
    head: ['rows', 'level', 'accuracy', '95% users', 'rows', 'users'],
    rows: report.breakdown.map(({ trait, value, name, accuracy }) => [
      `${TRAITS[trait]}: ${value}`,
      name,
      percent(accuracy.value),
      intervalText(accuracy.byUsers),
      `${accuracy.rows}`,
      `${accuracy.users}`,
    ]),
  };
}

function chainTable({ singleChains }: EvaluationReport): ReportTable {
  const { individual, prototype, noHistory, swapped } = singleChains;
  const listed: [string, ChainReport | null][] = [
    ['individual', individual],
    ['prototype', prototype],
    ['no history', noHistory],
    ['swapped', swapped],
  ];
  return {
    title: 'Single chains: usable share and position bias',
    note: 'In percent. "prefers first": of usable chains without a tie, those that prefer the candidate shown first; without bias it would be the figure beside it. The last two: accuracy of single chains where the chosen candidate is shown first, and where it is not.',
    head: [
      'chains',
      'number',
      'usable',
      '95% users',
      'prefers first',
      '95% users',
      'unbiased',
      'tied',
      'chosen first',
      'chosen later',
    ],
    rows: listed.flatMap(([name, one]) =>
      one === null
        ? []
        : [
            [
              name,
              `${one.chains}`,
              percent(one.usable.value),
              intervalText(one.usable.byUsers),
              percent(one.prefersFirst.value),
              intervalText(one.prefersFirst.byUsers),
              percent(one.unbiased),
              percent(one.tied.value),
              percent(one.accuracyShownFirst.value),
              percent(one.accuracyShownLater.value),
            ],
          ],
    ),
  };
}

function calibrationTable(report: EvaluationReport): ReportTable {
  return {
    title: 'Calibration of the probability that the winner wins',
    note: 'Stated and observed in percent; Brier: 0 is perfect, 0.25 is a coin that knows it is one, "constant" is that of the share observed, stated of every judgment; "error" is the mean distance between stated and observed over ten bins. A single chain states no probability. The stated probability speaks of more chains of the model, not of the user; "recalibrated" multiplies its logit by one slope, learned on other users\' rows of this report (all together: the slope given).',
    head: ['level', 'judgments', 'stated', 'observed', 'Brier', '95% users', 'constant', 'error'],
    rows: everyCalibration(report).map(([name, { judgments, stated, observed, brier, expectedError }]) => [
      name,
      judgments.toFixed(0),
      percent(stated),
      percent(observed.value),
      brier.value?.toFixed(3) ?? '-',
      brierInterval(brier.byUsers),
      observed.value === null ? '-' : (observed.value * (1 - observed.value)).toFixed(3),
      percent(expectedError),
    ]),
  };
}

/** Calibrations by name: as stated, and behind it recalibrated. */
export function everyCalibration({ levels }: EvaluationReport): (readonly [string, Calibration])[] {
  return levels.flatMap(({ name, calibration, recalibration }) => [
    ...(calibration === null ? [] : [[name, calibration] as const]),
    ...(recalibration === null
      ? []
      : [
          [
            `${name} recalibrated (slope ${recalibration.slope.toFixed(2)})`,
            recalibration.calibration,
          ] as const,
        ]),
  ]);
}

function brierInterval(interval: { low?: number | undefined; high?: number | undefined }): string {
  return interval.low === undefined || interval.high === undefined
    ? 'cannot be told'
    : `${interval.low.toFixed(3)} to ${interval.high.toFixed(3)}`;
}

function reliabilityTable(report: EvaluationReport): ReportTable {
  return {
    title: 'Reliability',
    note: 'Judgments by the probability that they state; all in percent.',
    head: ['level and bin', 'judgments', 'stated', 'observed', '95% users'],
    rows: everyCalibration(report).flatMap(([name, { bins }]) =>
      bins
        .filter(({ stated }) => stated !== null)
        .map((bin) => [
          `${name}: ${percent(bin.from, 0)} to ${percent(bin.to, 0)}`,
          bin.judgments.toFixed(1),
          percent(bin.stated),
          percent(bin.observed.value),
          intervalText(bin.observed.byUsers),
        ]),
    ),
  };
}

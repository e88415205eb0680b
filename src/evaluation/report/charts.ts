// The pictures of a report as vega-lite specifications: accuracy, differences, calibration, kinds of rows.
// Knows the report; drawing is `report/draw.ts`.

import { CHART_CONFIG, CHART_WIDTH, type Chart } from '../../report/chart.js';
import type { Figure } from '../../statistics/cluster-interval.js';
import { type EvaluationReport, headline, TRAITS } from './report.js';

interface Point {
  readonly name: string;
  readonly estimate: number;
  readonly low: number;
  readonly high: number;
}

/** The pictures that there is something to draw for. */
export function charts(report: EvaluationReport): Chart[] {
  return [
    accuracyChart(report),
    differenceChart(report),
    ...calibrationChart(report),
    ...breakdownChart(report),
  ].filter((chart) => chart !== null);
}

/** A figure in percent; where its interval cannot be told, a point without one. */
function pointOf(name: string, { value, byUsers }: Pick<Figure, 'value' | 'byUsers'>): Point[] {
  if (value === null) return [];
  const { low = value, high = value } = byUsers;
  return [{ name, estimate: 100 * value, low: 100 * low, high: 100 * high }];
}

function accuracyChart(report: EvaluationReport): Chart | null {
  const values = [...report.levels, ...report.baselines].flatMap((one) => [
    ...pointOf(one.name, headline(one, report)).map((point) => ({
      ...point,
      kind: report.levels.includes(one) ? 'level' : 'baseline',
    })),
  ]);
  if (values.length === 0) return null;
  return {
    title: 'Accuracy by level',
    description: 'Accuracy of each level and baseline in percent with its 95% interval over users.',
    spec: intervals(values, 'accuracy, %', {
      field: 'kind',
      type: 'nominal',
      title: null,
      scale: { domain: ['level', 'baseline'] },
    }),
  };
}

function differenceChart({ differences }: EvaluationReport): Chart | null {
  const values = differences.flatMap((one) => [
    ...pointOf(`${one.first} - ${one.second}`, { value: one.difference, byUsers: one.byUsers }).map(
      (point) => ({
        ...point,
        kind: one.adjusted < 0.05 ? 'p < 0.05 (Holm)' : 'not told apart',
      }),
    ),
  ]);
  if (values.length === 0) return null;
  const picture = intervals(values, 'difference, points', {
    field: 'kind',
    type: 'nominal',
    title: null,
    scale: { domain: ['p < 0.05 (Holm)', 'not told apart'] },
  });
  const zero = {
    data: { values: [{ zero: 0 }] },
    mark: rule({ strokeDash: [4, 3] }),
    encoding: { x: { field: 'zero', type: 'quantitative' } },
  };
  return {
    title: 'Differences between levels',
    description:
      'Difference in accuracy between pairs of levels on the same rows, with its 95% interval over users.',
    spec: { ...picture, layer: [zero, ...picture.layer] },
  };
}

/** One line a value: a dot, and a rule from low to high. */
function intervals(values: readonly (Point & { readonly kind: string })[], title: string, color: object) {
  const y = { field: 'name', type: 'nominal', title: null, sort: null };
  return {
    width: CHART_WIDTH,
    height: { step: 24 },
    data: { values },
    config: CHART_CONFIG,
    layer: [
      {
        mark: { type: 'rule', strokeWidth: 2 },
        encoding: {
          y,
          x: { field: 'low', type: 'quantitative', title, scale: { zero: false } },
          x2: { field: 'high' },
          color,
        },
      },
      {
        mark: { type: 'point', filled: true, size: 70, opacity: 1 },
        encoding: { y, x: { field: 'estimate', type: 'quantitative' }, color },
      },
    ],
  };
}

function rule(more: object): object {
  return { type: 'rule', color: 'currentColor', opacity: 0.6, ...more };
}

function calibrationChart({ levels }: EvaluationReport): Chart[] {
  const values = levels.flatMap(({ name, calibration }) =>
    (calibration?.bins ?? []).flatMap(({ stated, observed, judgments }) =>
      stated === null
        ? []
        : pointOf(name, observed).map((point) => ({ ...point, stated: 100 * stated, judgments })),
    ),
  );
  if (values.length === 0) return [];
  const axis = (field: string, title: string) => ({
    field,
    type: 'quantitative',
    title,
    scale: { domain: [0, 100] },
  });
  const color = { field: 'name', type: 'nominal', title: null, sort: null };
  const diagonal = {
    data: { values: [0, 100].map((end) => ({ end })) },
    mark: { type: 'line', color: 'currentColor', opacity: 0.6, strokeDash: [4, 3] },
    encoding: { x: axis('end', 'stated, %'), y: axis('end', 'observed, %') },
  };
  const x = axis('stated', 'stated, %');
  return [
    {
      title: 'Calibration',
      description:
        'Share of winners that users chose against the probability stated, by level; the diagonal is perfect.',
      spec: {
        width: 360,
        height: 360,
        data: { values },
        config: CHART_CONFIG,
        layer: [
          diagonal,
          {
            mark: { type: 'rule', opacity: 0.5 },
            encoding: { x, y: axis('low', 'observed, %'), y2: { field: 'high' }, color },
          },
          {
            mark: { type: 'line', point: { filled: true, size: 60 } },
            encoding: { x, y: axis('estimate', 'observed, %'), color },
          },
        ],
      },
    },
  ];
}

function breakdownChart(report: EvaluationReport): Chart[] {
  // The smallest and the largest level tell what there is to see; all are in the table.
  const shown = [...new Set([report.levels[0]?.name, report.levels.at(-1)?.name])];
  const traits = [...new Set(report.breakdown.map(({ trait }) => trait))];
  return traits.map((trait) => {
    const entries = report.breakdown.filter((entry) => entry.trait === trait && shown.includes(entry.name));
    const values = entries.flatMap(({ value, name, accuracy }) =>
      pointOf(value, accuracy).map((point) => ({ ...point, kind: name })),
    );
    const color = { field: 'kind', type: 'nominal', title: null, sort: null };
    const picture = intervals(values, 'accuracy, %', color);
    return {
      title: `Accuracy by ${TRAITS[trait]}`,
      description: `Accuracy in percent with its 95% interval over users, by ${TRAITS[trait]}.`,
      spec: {
        ...picture,
        height: { step: 16 },
        layer: picture.layer.map((layer) => ({
          ...layer,
          encoding: { ...layer.encoding, yOffset: { field: 'kind', sort: null } },
        })),
      },
    };
  });
}

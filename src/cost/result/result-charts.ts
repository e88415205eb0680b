// The pictures of a bench's result: cost against accuracy, time by level.
// Knows the result; drawing is `report/draw.ts`.

import { CHART_CONFIG, CHART_WIDTH, type Chart } from '../../report/chart.js';
import { levelName } from '../../scaling/level.js';
import type { ScalingResult, VariantResult } from './result.js';

/** The pictures that there is something to draw for. */
export function resultCharts(result: ScalingResult): Chart[] {
  return [frontierChart(result), timeChart(result)].filter((chart) => chart !== null);
}

const costOf = ({ full, alone }: VariantResult) => (full ?? alone)!.msPerJudgment;

/** One variant as a point of cost against accuracy; `level` is its name without adaptive stopping. */
interface FrontierPoint {
  readonly level: string;
  readonly chains: 'all chains' | 'adaptive stopping';
  readonly kind: 'on the frontier' | 'beaten';
  readonly ms: number;
  readonly fastest: number;
  readonly slowest: number;
  readonly accuracy: number;
  readonly low: number;
  readonly high: number;
}

function frontierPoint(variant: VariantResult): FrontierPoint[] {
  const { accuracy, onFrontier, adaptive } = variant;
  if (accuracy === null || accuracy.value === null) return [];
  const { value: ms, low, high } = costOf(variant);
  const share = accuracy.value;
  return [
    {
      level: levelName(variant),
      chains: adaptive === null ? 'all chains' : 'adaptive stopping',
      kind: onFrontier === true ? 'on the frontier' : 'beaten',
      ms,
      // On a logarithmic axis an interval cannot reach 0.
      fastest: Math.max(low ?? ms, ms / 100),
      slowest: high ?? ms,
      accuracy: 100 * share,
      low: 100 * (accuracy.interval.low ?? share),
      high: 100 * (accuracy.interval.high ?? share),
    },
  ];
}

function frontierChart({ variants }: ScalingResult): Chart | null {
  const points = variants.flatMap(frontierPoint);
  if (points.length === 0) return null;
  const adaptive = points.some(({ chains }) => chains === 'adaptive stopping');
  const x = (field: string) => ({
    field,
    type: 'quantitative',
    title: 'ms a judgment, machine full',
    scale: { type: 'log', nice: false, padding: 60 },
    axis: { tickCount: 6, labelOverlap: true },
  });
  const y = (field: string) => ({
    field,
    type: 'quantitative',
    title: 'accuracy, %',
    scale: { zero: false },
  });
  const color = {
    field: 'kind',
    type: 'nominal',
    title: null,
    scale: { domain: ['on the frontier', 'beaten'] },
    legend: { symbolOpacity: 1 },
  };
  const shape = {
    field: 'chains',
    type: 'nominal',
    title: null,
    scale: { domain: ['all chains', 'adaptive stopping'], range: ['circle', 'triangle-left'] },
    ...(adaptive ? {} : { legend: null }),
  };
  const frontier = points.filter(({ kind }) => kind === 'on the frontier').sort((a, b) => a.ms - b.ms);
  return {
    title: 'Cost against accuracy',
    description: `Accuracy of each level against its cost, with 95% intervals of both; the line is the efficient frontier${adaptive ? '; a dotted line leads from a level to itself with adaptive stopping' : ''}.`,
    spec: {
      width: CHART_WIDTH,
      height: 340,
      data: { values: points },
      config: CHART_CONFIG,
      layer: [
        {
          data: { values: frontier },
          mark: { type: 'line', interpolate: 'step-after', opacity: 0.5 },
          encoding: { x: x('ms'), y: y('accuracy') },
        },
        {
          mark: { type: 'line', strokeDash: [2, 3], color: 'currentColor', opacity: 0.7 },
          encoding: { x: x('ms'), y: y('accuracy'), detail: { field: 'level' } },
        },
        {
          mark: { type: 'rule', opacity: 0.35 },
          encoding: { x: x('ms'), y: y('low'), y2: { field: 'high' }, color },
        },
        {
          mark: { type: 'rule', opacity: 0.35 },
          encoding: { x: x('fastest'), x2: { field: 'slowest' }, y: y('accuracy'), color },
        },
        {
          mark: { type: 'point', filled: true, size: 80, opacity: 1 },
          encoding: { x: x('ms'), y: y('accuracy'), color, shape },
        },
        {
          transform: [{ filter: "datum.chains === 'all chains'" }],
          mark: { type: 'text', align: 'left', dx: 6, dy: -8, color: 'currentColor', fontSize: 11 },
          encoding: { x: x('ms'), y: y('accuracy'), text: { field: 'level' } },
        },
      ],
    },
  };
}

function timeChart({ variants }: ScalingResult): Chart | null {
  const values = variants.flatMap((variant) =>
    (['alone', 'full'] as const).flatMap((mode) => {
      const estimate = variant[mode]?.msPerJudgment;
      if (estimate === undefined) return [];
      const { value, low, high } = estimate;
      return [
        { name: variant.name, mode, value, low: Math.max(low ?? value, value / 100), high: high ?? value },
      ];
    }),
  );
  if (values.length === 0) return null;
  const y = { field: 'name', type: 'nominal', title: null, sort: null };
  const shared = {
    y,
    yOffset: { field: 'mode', sort: null },
    color: { field: 'mode', type: 'nominal', title: null, sort: null },
  };
  const scale = { type: 'log', nice: true };
  return {
    title: 'What a level costs',
    description:
      'Milliseconds a judgment at each level, alone and with the generator full, with 95% intervals over rounds.',
    spec: {
      width: CHART_WIDTH,
      height: { step: 16 },
      data: { values },
      config: CHART_CONFIG,
      layer: [
        {
          mark: { type: 'rule', strokeWidth: 2 },
          encoding: {
            ...shared,
            x: { field: 'low', type: 'quantitative', title: 'ms a judgment', scale },
            x2: { field: 'high' },
          },
        },
        {
          mark: { type: 'point', filled: true, size: 60, opacity: 1 },
          encoding: { ...shared, x: { field: 'value', type: 'quantitative' } },
        },
      ],
    },
  };
}

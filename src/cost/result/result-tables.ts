// The tables of a bench's result as plain text cells.
// Knows a result; nothing of how a table is drawn.

import { percent } from '../../evaluation/report/report.js';
import type { ReportTable } from '../../report/table.js';
import { levelName } from '../../scaling/level.js';
import type { Estimate } from '../../statistics/estimate.js';
import { ratioText } from '../../statistics/ratio.js';
import type { Mode } from '../measure/bench-plan.js';
import { leftOutLevels, measuredLevels } from './level-times.js';
import type { AccuracyFigure, ModeFigures, ScalingResult, VariantRatio, VariantResult } from './result.js';

/** What a cell says where a machine does not tell. */
const NOT_MEASURED = 'not measured';

/** Text of an estimate: `12.3 [11.0, 13.6]`; the value alone where there is no interval, `-` where there is nothing. */
export function estimateText(estimate: Estimate | null, digits = 1, factor = 1): string {
  if (estimate === null || estimate.n === 0) return '-';
  const fixed = (value: number): string => (value * factor).toFixed(digits);
  const { value, low, high } = estimate;
  return low === null || high === null ? fixed(value) : `${fixed(value)} [${fixed(low)}, ${fixed(high)}]`;
}

/** All tables that have rows, the most important one first. */
export function resultTables(result: ScalingResult): ReportTable[] {
  return [
    levelTable(result),
    accuracyTable(result),
    latencyTable(result),
    tokenTable(result),
    machineTable(result),
    priceTable(result),
    ratioTable(result),
    leftOutTable(result),
    skippedTable(result),
  ].filter(({ rows }) => rows.length > 0);
}

function levelTable({ variants }: ScalingResult): ReportTable {
  return {
    title: 'What a level costs',
    note: 'A judgment at each level: wall time alone, time a judgment with the generator full, rates there, with 95% intervals over rounds (medians: over judgments; accuracy, ties as half: over users). Adaptive: it stops once more chains would change the winner with that probability at most.',
    head: [...SHORT_HEAD, 'judgments/s', 'new tokens/s'],
    rows: variants.map((variant) => [
      ...shortCells(variant),
      estimateText(variant.full?.judgmentsPerSecond ?? null, 3),
      estimateText(variant.full?.generatedTokensPerSecond ?? null, 0),
    ]),
  };
}

/** {@link levelTable} in the fewest columns, for a README. */
export function shortTable({ variants }: ScalingResult): ReportTable {
  return { title: '', note: '', head: SHORT_HEAD, rows: variants.map(shortCells) };
}

const SHORT_HEAD = ['level', 'alone, median ms', 'full, ms a judgment', 'chains used', 'accuracy, %'];

function shortCells({ name, alone, full, usedChains, accuracy }: VariantResult): string[] {
  return [
    name,
    estimateText(alone?.medianMs ?? null, 0),
    estimateText(full?.msPerJudgment ?? null, 0),
    usedChains.low === usedChains.high ? usedChains.value.toFixed(1) : estimateText(usedChains, 1),
    accuracyText(accuracy),
  ];
}

/** Such as `79.8 [74.4, 84.1]`. */
function accuracyText(accuracy: AccuracyFigure | null): string {
  if (accuracy === null || accuracy.value === null) return '-';
  const { value, interval } = accuracy;
  if (interval.untold !== undefined) return percent(value);
  return `${percent(value)} [${percent(interval.low)}, ${percent(interval.high)}]`;
}

function everyMode(
  { variants }: ScalingResult,
  cells: (figures: ModeFigures, variant: VariantResult) => string[],
): string[][] {
  return variants.flatMap((variant) =>
    (['alone', 'full'] as const).flatMap((mode) => {
      const figures = variant[mode];
      return figures === null ? [] : [[`${variant.name}, ${mode}`, ...cells(figures, variant)]];
    }),
  );
}

function latencyTable(result: ScalingResult): ReportTable {
  return {
    title: 'Wall time of a judgment',
    note: 'In milliseconds. Intervals of quantiles lie between order statistics; where there are too few judgments for one, the value stands alone.',
    head: ['level and mode', 'judgments', 'median', 'p95', 'p99', 'first chain'],
    rows: everyMode(result, ({ judgments, medianMs, p95Ms, p99Ms, firstChainMs }) => [
      `${judgments}`,
      estimateText(medianMs, 0),
      estimateText(p95Ms, 0),
      estimateText(p99Ms, 0),
      estimateText(firstChainMs, 0),
    ]),
  };
}

function tokenTable(result: ScalingResult): ReportTable {
  return {
    title: 'Tokens and chains of a judgment',
    note: 'Prompt tokens saved are those that sharing spares, against every chain decoding a prompt of its own. Saved chains are those that adaptive stopping did not write.',
    head: [
      'level and mode',
      'prompt decoded',
      'prompt saved',
      'generated',
      'chains used',
      'chains lost',
      'chains saved',
    ],
    rows: everyMode(result, (figures, variant) => [
      estimateText(figures.decodedPromptTokens, 0),
      estimateText(figures.savedPromptTokens, 0),
      estimateText(figures.generatedTokens, 0),
      estimateText(variant.usedChains, 1),
      estimateText(variant.lostChains, 2),
      estimateText(variant.savedChains, 1),
    ]),
  };
}

function machineTable(result: ScalingResult): ReportTable {
  const megabytes = (bytes: number | null): string =>
    bytes === null ? NOT_MEASURED : (bytes / 1e6).toFixed(0);
  return {
    title: 'Arithmetic, memory and energy',
    note: 'Model FLOPs are what the weights and attention ask for; the share is of the measured peak. KV is what one judgment needs. RSS is the peak of this process, the memory that is mapped from the model file with it. Energy is that of the whole machine as far as it tells.',
    head: ['level and mode', 'GFLOP', 'KV, MB', 'RSS, MB', 'GPU, MB', 'energy, J', 'CPU ms'],
    rows: everyMode(result, (figures, { kvBytes }) => [
      estimateText(figures.flops, 1, 1e-9),
      estimateText(kvBytes, 1, 1e-6),
      megabytes(figures.peakMemoryBytes),
      megabytes(figures.gpuMemoryBytes),
      figures.joules === null ? NOT_MEASURED : estimateText(figures.joules, 1),
      figures.processorMs === null ? NOT_MEASURED : estimateText(figures.processorMs, 0),
    ]),
  };
}

function accuracyTable({ variants }: ScalingResult): ReportTable {
  return {
    title: 'Cost against accuracy',
    note: 'Accuracy in percent, ties as half, intervals over users. On the frontier: no other level is both cheaper and at least as accurate, by the point estimates; levels whose intervals overlap are not told apart.',
    head: ['level', 'ms a judgment', 'chains used', 'accuracy', 'rows', 'users', 'from', 'frontier'],
    rows: variants.flatMap(({ name, alone, full, usedChains, accuracy, onFrontier }) =>
      accuracy === null
        ? []
        : [
            [
              name,
              estimateText((full ?? alone)?.msPerJudgment ?? null, 0),
              usedChains.value.toFixed(1),
              accuracyText(accuracy),
              `${accuracy.rows}`,
              `${accuracy.users}`,
              accuracy.from,
              onFrontier === true ? 'yes' : 'no',
            ],
          ],
    ),
  };
}

function priceTable({ variants, prices }: ScalingResult): ReportTable {
  const parts = [
    ...(prices.perHour === null ? [] : [`${prices.perHour} an hour, the machine full`]),
    ...(prices.input === null || prices.output === null
      ? []
      : [
          `at an API: ${prices.input} for a million prompt tokens${prices.cachedInput === null ? '' : ` (${prices.cachedInput} for repeated ones)`}, ${prices.output} for a million new ones, each chain a request`,
        ]),
  ];
  return {
    title: 'Price of 1,000 judgments',
    note: parts.join('; '),
    head: ['level', 'this machine', 'API'],
    rows: variants.flatMap(({ name, pricePer1000, apiPricePer1000 }) =>
      pricePer1000 === null && apiPricePer1000 === null
        ? []
        : [[name, estimateText(pricePer1000, 3), estimateText(apiPricePer1000, 3)]],
    ),
  };
}

function ratioTable({ ratios, variants }: ScalingResult): ReportTable {
  const named = new Map(variants.map((variant) => [variant.name, variant]));
  // Of adaptive stopping the ratio to its own level tells; all other pairs would bury it.
  const telling = ratios.filter(({ first, second }) => {
    const [a, b] = [named.get(first)!, named.get(second)!];
    return a.adaptive === b.adaptive || levelName(a) === levelName(b);
  });
  const pairs = new Map<string, Partial<Record<Mode, VariantRatio>>>();
  for (const one of telling) {
    const name = `${one.second} over ${one.first}`;
    pairs.set(name, { ...pairs.get(name), [one.mode]: one });
  }
  const cell = (one: VariantRatio | undefined): string => (one === undefined ? '-' : ratioText(one));
  return {
    title: 'Ratios of levels',
    note: `How many times as long a judgment takes, in the same rounds.${telling.length < ratios.length ? ' Levels with adaptive stopping are held against each other and each against itself without; all pairs are in result.json.' : ''}`,
    head: ['levels', 'full', 'alone', 'rounds'],
    rows: [...pairs].map(([name, { full, alone }]) => [
      name,
      cell(full),
      cell(alone),
      `${Math.max(full?.pairs ?? 0, alone?.pairs ?? 0)}`,
    ]),
  };
}

function leftOutTable(result: ScalingResult): ReportTable {
  return {
    title: 'Levels predicted without having seen them',
    note: 'What pgenrm bench predict would say of each level if it had not been measured: a regression over the other levels. Milliseconds a judgment.',
    head: ['level and mode', 'measured', 'predicted', 'error, %'],
    rows: (['alone', 'full'] as const).flatMap((mode) =>
      leftOutLevels(measuredLevels([result], mode)).map(({ name, measuredMs, predictedMs, error }) => [
        `${name}, ${mode}`,
        measuredMs.toFixed(0),
        predictedMs.toFixed(0),
        `${error < 0 ? '-' : '+'}${percent(Math.abs(error))}`,
      ]),
    ),
  };
}

function skippedTable({ header, failedBlocks }: ScalingResult): ReportTable {
  return {
    title: 'Not measured',
    note: 'Levels that were left out, with the reason.',
    head: ['level', 'reason'],
    rows: [...header.skipped, ...failedBlocks].map(({ name, reason }) => [name, reason]),
  };
}

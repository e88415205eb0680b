// The tables of a bench's result as plain text cells, and what has to be known before they are read.
// Knows a result; nothing of how a table is drawn.

import { intervalText, percent } from '../evaluation/report.js';
import type { ReportTable } from '../report/table.js';
import { peakText } from './peak.js';
import type { ModeFigures, ScalingResult, VariantResult } from './result.js';
import { type Estimate, ratioText } from './statistics.js';

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
    latencyTable(result),
    tokenTable(result),
    machineTable(result),
    accuracyTable(result),
    priceTable(result),
    ratioTable(result),
    modelTable(result),
    leftOutTable(result),
    skippedTable(result),
  ].filter(({ rows }) => rows.length > 0);
}

function levelTable({ variants }: ScalingResult): ReportTable {
  return {
    title: 'What a level costs',
    note: 'A judgment at each level: wall time alone, time a judgment with the generator full, rates there, with 95% intervals over rounds (medians: over judgments).',
    head: ['level', 'alone, median ms', 'full, ms a judgment', 'judgments/s', 'new tokens/s', 'accuracy, %'],
    rows: variants.map(({ name, alone, full, accuracy }) => [
      name,
      estimateText(alone?.medianMs ?? null, 0),
      estimateText(full?.msPerJudgment ?? null, 0),
      estimateText(full?.judgmentsPerSecond ?? null, 3),
      estimateText(full?.generatedTokensPerSecond ?? null, 0),
      accuracy === null ? '-' : percent(accuracy.value),
    ]),
  };
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
    head: ['level and mode', 'GFLOP', 'of peak, %', 'KV, MB', 'RSS, MB', 'GPU, MB', 'energy, J', 'CPU ms'],
    rows: everyMode(result, (figures, { kvBytes }) => [
      estimateText(figures.flops, 1, 1e-9),
      figures.shareOfPeak === null ? NOT_MEASURED : estimateText(figures.shareOfPeak, 1, 100),
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
    head: ['level', 'ms a judgment', 'accuracy', '95% users', 'rows', 'users', 'from', 'frontier'],
    rows: variants.flatMap(({ name, alone, full, accuracy, onFrontier }) =>
      accuracy === null
        ? []
        : [
            [
              name,
              estimateText((full ?? alone)?.msPerJudgment ?? null, 0),
              percent(accuracy.value),
              intervalText(accuracy.interval),
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

function ratioTable({ ratios }: ScalingResult): ReportTable {
  return {
    title: 'Ratios of levels',
    note: 'How many times a judgment of the second level takes as long as one of the first, in the same rounds.',
    head: ['first', 'second', 'mode', 'ratio', 'rounds'],
    rows: ratios.map((one) => [one.first, one.second, one.mode, ratioText(one), `${one.pairs}`]),
  };
}

function modelTable({ costModel }: ScalingResult): ReportTable {
  const rows: [string, string][] = [];
  if (!('untold' in costModel)) {
    const { step, overhead } = costModel;
    const micro = (ms: number): string => (1000 * ms).toFixed(2);
    rows.push(
      ['a decode call', micro(step.call)],
      ['a prompt row', micro(step.promptRow)],
      ['a row of a chain', micro(step.sampleRow)],
      ['a prompt row for a thousand tokens that it attends to', micro(1000 * step.promptAttended)],
      ['a row of a chain for a thousand tokens that it attends to', micro(1000 * step.sampleAttended)],
      ['a row for a thousand KV cells in use', micro(1000 * step.rowCell)],
      ['drawing a token', micro(step.draw)],
      ['overhead of a judgment alone', micro(overhead.alone.judgment)],
      ['overhead of a chain, alone', micro(overhead.alone.chain)],
      ['overhead of a search, alone', micro(overhead.alone.search)],
      ['overhead of a judgment, full', micro(overhead.full.judgment)],
      ['overhead of a chain, full', micro(overhead.full.chain)],
      ['overhead of a search, full', micro(overhead.full.search)],
    );
  }
  return {
    title: 'Cost model',
    note:
      'untold' in costModel
        ? costModel.untold
        : `In microseconds, fitted to ${costModel.blocks} blocks with a mean error of ${percent(costModel.fitError)}%; prompts of ${costModel.prompts.own.least} to ${costModel.prompts.own.most} tokens.`,
    head: ['part', 'microseconds'],
    rows,
  };
}

function leftOutTable({ costModel }: ScalingResult): ReportTable {
  return {
    title: 'Levels predicted without having seen them',
    note: "Costs are fitted without the level, then asked for it with its own judgments' lengths and shared prefixes, for each level sees rows of its own. Milliseconds a judgment.",
    head: ['level and mode', 'measured', 'predicted', 'error, %'],
    rows:
      'untold' in costModel
        ? []
        : costModel.leftOut.map(({ name, mode, measuredMs, predictedMs, error }) => [
            `${name}, ${mode}`,
            measuredMs.toFixed(0),
            predictedMs.toFixed(0),
            `${error < 0 ? '-' : '+'}${percent(Math.abs(error))}`,
          ]),
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

/** The share of the machine's time from which on what others did is worth a warning. */
const NOISY = { drift: 0.05, steal: 0.01, other: 0.05, load: 0.5 };

/** What has to be known before the figures are read. */
export function resultRemarks(result: ScalingResult): string[] {
  const { header, noise, rounds, measuring, costModel } = result;
  const { identity, machine, model } = header;
  const lines = [
    `${machine.cpu}, ${machine.cores} cores, ${(machine.memoryBytes / 2 ** 30).toFixed(0)} GiB, ${machine.platform}, Node ${machine.node}; GPU: ${identity.machine.gpus}${header.driver === null ? '' : `, driver ${header.driver}`}`,
    `model ${model.description}, SHA-256 ${identity.model.sha256 ?? 'unknown'}; template ${identity.template.name} (${identity.template.hash.slice(0, 16)})`,
    `llama.cpp ${identity.generator.llamaRelease}${header.libraryHash === null ? '' : ` (libllama ${header.libraryHash})`}, ${identity.generator.kind} generator on ${identity.generator.backend}, ${identity.generator.maxSequences} rows at once, ${identity.generator.threads} threads, context ${identity.generator.contextTokens}`,
    `data SHA-256 ${identity.data.fingerprint}, ${identity.data.rows} rows; bank ${identity.bank.checksum ?? 'none'}`,
    `${rounds.whole} of ${rounds.asked} rounds in random order, each with the model loaded anew, ${result.seconds.toFixed(0)} s measured in ${result.sessions} sessions, warm-up left out`,
    peakText(header.peak),
    `keeping accounts took ${percent(measuring.share, 3)}% of what was measured${measuring.meteredOverBare === null ? '' : `; with accounts over without: ${ratioText(measuring.meteredOverBare, 3)}`}`,
  ];
  if (model.note !== null) lines.unshift(`! ${model.note}`);
  if (result.status !== 'finished')
    lines.push(`the bench ended early (${result.status}); --resume goes on with it`);
  if (noise.drift !== null)
    lines.push(
      `${warn(Math.abs(noise.drift - 1) > NOISY.drift)}drift: the later rounds took ${noise.drift.toFixed(3)} times the earlier ones`,
    );
  else lines.push('drift cannot be told from fewer than four rounds');
  if (noise.stealShare !== null)
    lines.push(
      `${warn((noise.mostStealShare ?? 0) > NOISY.steal)}steal time: ${percent(noise.stealShare)}% of the processor time, at most ${percent(noise.mostStealShare)}% in a block`,
    );
  if (noise.otherWorkShare !== null)
    lines.push(
      `${warn(noise.otherWorkShare > NOISY.other || noise.load > NOISY.load)}other work on this machine: ${percent(noise.otherWorkShare)}% of its processor time, load ${noise.load.toFixed(2)} at the start`,
    );
  if ('untold' in costModel) lines.push(`no cost model: ${costModel.untold}`);
  const failed = result.variants.reduce((total, variant) => total + variant.failed, 0);
  if (failed > 0) lines.push(`${failed} judgments met an error of their row and are in no figure`);
  return lines;
}

const warn = (noisy: boolean): string => (noisy ? '! ' : '');

// From the blocks of a bench to its figures, each with its interval.
// Knows blocks; nothing of how they were run or how figures are shown.

import type { Kernels } from '../../kernels/kernels.js';
import { figureOf } from '../../statistics/cluster-interval.js';
import { amountEstimate, type Estimate, quantileEstimate } from '../../statistics/estimate.js';
import { pairedRatio } from '../../statistics/ratio.js';
import { mean, sum } from '../../statistics/summary.js';
import { bytesOfCell, flopsOf } from '../machine/model-cost.js';
import { withoutFolders } from '../machine/without-folders.js';
import { chainsOf, type Mode, type Variant, variantName } from '../measure/bench-plan.js';
import type { BenchHeader, BlockRecord, JudgmentRecord } from '../measure/bench-record.js';
import type { StoredBench } from '../measure/bench-store.js';
import { measuringOf, noiseOf } from './noise.js';
import type {
  AccuracyFigure,
  ModeFigures,
  Prices,
  ScalingResult,
  VariantRatio,
  VariantResult,
} from './result.js';

/** What figures are made with. */
export interface FigureOptions {
  readonly kernels: Kernels;
  readonly status: ScalingResult['status'];
  readonly rounds: number;
  readonly load: number;
  readonly prices: Prices;
  /** Accuracies from an evaluation, by variant. The bench's own, of fewer rows, then stand nowhere: they would not compare. */
  readonly accuracies?: ReadonlyMap<string, AccuracyFigure>;
  readonly failedBlocks?: ScalingResult['failedBlocks'];
}

/** The result of a bench as far as it has come. */
export async function resultOf(stored: StoredBench, options: FigureOptions): Promise<ScalingResult> {
  const { header, blocks } = stored;
  const variants = header.variants.map(
    ({ individual, prototype, adaptive }): Variant => ({ level: { individual, prototype }, adaptive }),
  );
  const each: VariantResult[] = [];
  for (const variant of variants) each.push(await variantResult(variant, header, blocks, options));
  const measured = each.filter(({ alone, full }) => alone !== null || full !== null);
  return {
    pgenrmScaling: 1,
    created: new Date().toISOString(),
    header,
    status: options.status,
    rounds: { asked: options.rounds, whole: wholeRounds(blocks) },
    sessions: new Set(blocks.map(({ session }) => session)).size,
    seconds: sum(blocks.map(({ ms }) => ms)) / 1000,
    variants: withFrontier(measured),
    ratios: ratiosOf(variants, blocks),
    noise: noiseOf(blocks, options.load, header.machine.usableCores),
    measuring: measuringOf(blocks),
    prices: options.prices,
    failedBlocks: (options.failedBlocks ?? []).map(({ name, reason }) => ({
      name,
      reason: withoutFolders(reason),
    })),
  };
}

function wholeRounds(blocks: readonly BlockRecord[]): number {
  const counts = new Map<number, number>();
  for (const { round } of blocks) counts.set(round, (counts.get(round) ?? 0) + 1);
  const most = Math.max(0, ...counts.values());
  return [...counts.values()].filter((count) => count === most).length;
}

function blocksOf(
  blocks: readonly BlockRecord[],
  variant: Variant,
  kind: BlockRecord['kind'],
): BlockRecord[] {
  const name = variantName(variant);
  return blocks.filter((block) => block.kind === kind && block.variant === name && block.judged > 0);
}

const judgedOf = ({ judgments }: BlockRecord): JudgmentRecord[] =>
  judgments.filter(({ error }) => error === null);

async function variantResult(
  variant: Variant,
  header: BenchHeader,
  blocks: readonly BlockRecord[],
  options: FigureOptions,
): Promise<VariantResult> {
  const [alone, full] = [blocksOf(blocks, variant, 'alone'), blocksOf(blocks, variant, 'full')];
  const both = [...alone, ...full].filter((block) => judgedOf(block).length > 0);
  const judged = both.flatMap(judgedOf);
  const { cost } = header.model;
  const perRound = (value: (judgment: JudgmentRecord) => number): Estimate => roundMeans(both, value);
  const empty = judged.length === 0;
  const none: Estimate = { value: 0, low: null, high: null, n: 0 };
  const fullFigures = modeFigures(full, header);
  return {
    name: variantName(variant),
    ...variant.level,
    adaptive: variant.adaptive,
    alone: modeFigures(alone, header),
    full: fullFigures,
    usedChains: empty ? none : perRound(({ used }) => used),
    lostChains: empty ? none : perRound(({ lost }) => lost),
    savedChains: empty ? none : perRound(({ saved }) => saved),
    kvBytes:
      cost === null || empty
        ? null
        : perRound(
            ({ distinct, generated }) =>
              (distinct + generated) * bytesOfCell(cost, header.kvCache ?? undefined),
          ),
    accuracy:
      options.accuracies === undefined
        ? await accuracyOf(both, options.kernels)
        : (options.accuracies.get(variantName(variant)) ?? null),
    onFrontier: null,
    pricePer1000: rented(fullFigures, options.prices),
    apiPricePer1000: empty ? null : atAnApi(both, options.prices),
    failed: [...alone, ...full].flatMap(({ judgments }) => judgments).length - judged.length,
  };
}

/** One value a round, the mean of its judgments; then the mean of the rounds. */
function roundMeans(blocks: readonly BlockRecord[], value: (judgment: JudgmentRecord) => number): Estimate {
  const rounds = new Map<number, number[]>();
  for (const block of blocks) {
    const values = rounds.get(block.round) ?? [];
    rounds.set(block.round, [...values, ...judgedOf(block).map(value)]);
  }
  return amountEstimate([...rounds.values()].filter(({ length }) => length > 0).map(mean));
}

function modeFigures(blocks: readonly BlockRecord[], header: BenchHeader): ModeFigures | null {
  const judged = blocks.filter((block) => judgedOf(block).length > 0);
  if (judged.length === 0) return null;
  const all = judged.flatMap(judgedOf);
  const times = all.map(({ ms }) => ms);
  const firsts = all.flatMap(({ firstChainMs }) => firstChainMs ?? []);
  const { cost } = header.model;
  const blockFlops = (block: BlockRecord): number =>
    mean(judgedOf(block).map((one) => flopsOf(cost!, { requests: one.each, generated: one.generated })));
  const perBlock = (value: (block: BlockRecord) => number): Estimate => amountEstimate(judged.map(value));
  const told = (value: (block: BlockRecord) => number | null): Estimate | null => {
    const values = judged.map(value);
    return values.some((one) => one === null) ? null : amountEstimate(values as number[]);
  };
  const joules = ({ cpuJoules, gpuJoules, judged: n }: BlockRecord): number | null =>
    cpuJoules === null && gpuJoules === null ? null : ((cpuJoules ?? 0) + (gpuJoules ?? 0)) / n;
  return {
    rounds: judged.length,
    judgments: all.length,
    medianMs: quantileEstimate(times, 0.5),
    p95Ms: quantileEstimate(times, 0.95),
    p99Ms: quantileEstimate(times, 0.99),
    msPerJudgment: perBlock(({ ms, judged: n }) => ms / n),
    firstChainMs: firsts.length === 0 ? null : quantileEstimate(firsts, 0.5),
    judgmentsPerSecond: perBlock(({ ms, judged: n }) => (1000 * n) / ms),
    generatedTokensPerSecond: perBlock(
      (block) => (1000 * sum(judgedOf(block).map(({ generated }) => generated))) / block.ms,
    ),
    unsharedPromptTokens: roundMeans(judged, ({ unshared }) => unshared),
    decodedPromptTokens: roundMeans(judged, ({ decoded }) => decoded),
    savedPromptTokens: roundMeans(judged, ({ unshared, decoded }) => unshared - decoded),
    generatedTokens: roundMeans(judged, ({ generated }) => generated),
    processorMs: told(({ processorSeconds, judged: n }) =>
      processorSeconds === null ? null : (1000 * processorSeconds) / n,
    ),
    joules: told(joules),
    flops: cost === null ? null : perBlock(blockFlops),
    peakMemoryBytes: greatest(judged.map(({ peakMemoryBytes }) => peakMemoryBytes)),
    gpuMemoryBytes: greatest(judged.map(({ gpuMemoryBytes }) => gpuMemoryBytes)),
  };
}

function greatest(values: readonly (number | null)[]): number | null {
  const told = values.filter((value) => value !== null);
  return told.length === 0 ? null : Math.max(...told);
}

async function accuracyOf(blocks: readonly BlockRecord[], kernels: Kernels): Promise<AccuracyFigure | null> {
  const labelled = blocks.flatMap(judgedOf).filter(({ correct }) => correct !== null);
  // Random weights write no chain that can be read: that none is right says nothing of the level.
  if (labelled.every(({ used }) => used === 0)) return null;
  // A row without a user is a user of its own.
  const users = new Map<string, number>();
  const numberOf = ({ user, row }: JudgmentRecord): number => {
    const key = user ?? `row ${row}`;
    users.set(key, users.get(key) ?? users.size);
    return users.get(key)!;
  };
  const { value, byUsers } = await figureOf(
    { kernels, resamples: 2000, seed: 0 },
    {
      numerators: Float64Array.from(labelled, ({ correct }) => correct!),
      users: Uint32Array.from(labelled, numberOf),
    },
  );
  return { value, interval: byUsers, rows: labelled.length, users: users.size, from: 'bench', sha256: null };
}

/** Marks the variants that no other one beats in both cost and accuracy. */
function withFrontier(variants: readonly VariantResult[]): VariantResult[] {
  const cost = ({ full, alone }: VariantResult): number => (full ?? alone)!.msPerJudgment.value;
  return variants.map((one) => {
    const own = one.accuracy?.value ?? null;
    if (own === null) return one;
    const beaten = variants.some((other) => {
      const its = other.accuracy?.value ?? null;
      if (other === one || its === null) return false;
      const better = its > own || cost(other) < cost(one);
      return its >= own && cost(other) <= cost(one) && better;
    });
    return { ...one, onFrontier: !beaten };
  });
}

/** All pairs of variants, the one of fewer chains first. */
function ratiosOf(variants: readonly Variant[], blocks: readonly BlockRecord[]): VariantRatio[] {
  const sorted = [...variants].sort((a, b) => chainsOf(a) - chainsOf(b));
  return (['full', 'alone'] as const).flatMap((mode) =>
    sorted.flatMap((first, index) =>
      sorted.slice(index + 1).flatMap((second): VariantRatio[] => {
        const pairs = pairsOf(blocks, first, second, mode);
        if (pairs.length === 0) return [];
        return [
          {
            first: variantName(first),
            second: variantName(second),
            mode,
            ...pairedRatio(
              pairs.map(([, b]) => b),
              pairs.map(([a]) => a),
            ),
          },
        ];
      }),
    ),
  );
}

function pairsOf(
  blocks: readonly BlockRecord[],
  first: Variant,
  second: Variant,
  mode: Mode,
): [number, number][] {
  const others = new Map(blocksOf(blocks, second, mode).map((block) => [block.round, block]));
  return blocksOf(blocks, first, mode).flatMap((block): [number, number][] => {
    const other = others.get(block.round);
    return other === undefined ? [] : [[block.ms / block.judged, other.ms / other.judged]];
  });
}

function rented(full: ModeFigures | null, { perHour }: Prices): Estimate | null {
  if (full === null || perHour === null) return null;
  return scaled(full.msPerJudgment, perHour / 3600);
}

/** Every chain is a request of its own; where cached input has a price, a prompt is paid in full only once. */
function atAnApi(blocks: readonly BlockRecord[], { input, output, cachedInput }: Prices): Estimate | null {
  if (input === null || output === null) return null;
  return roundMeans(blocks, ({ prompt, unshared, generated }) => {
    const first = cachedInput === null ? unshared : prompt;
    return (1000 * (first * input + (unshared - first) * (cachedInput ?? 0) + generated * output)) / 1e6;
  });
}

function scaled({ value, low, high, n }: Estimate, factor: number): Estimate {
  return {
    value: value * factor,
    low: low === null ? null : low * factor,
    high: high === null ? null : high * factor,
    n,
  };
}

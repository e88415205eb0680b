// What a judgment costs as a function of prompt length, chains and rows in flight: fitted to a bench's blocks.
// Prefill, decode and sampling come from the engine's own counters, overhead from what is left; the engine's rules from `simulate.ts`.

import { chainsOf, inFlight, type Variant, variantName } from './bench-plan.js';
import type { BlockRecord } from './bench-record.js';
import { nonNegativeFit } from './least-squares.js';
import { type EngineSizes, type Simulated, type StepCost, simulate } from './simulate.js';
import { mean, quantile, sum } from './statistics.js';

/** Time beside the engine's, in milliseconds: prompts written, chains read, similar users found. */
export interface Overhead {
  readonly judgment: number;
  readonly chain: number;
  /** Of a judgment with similar users. */
  readonly search: number;
}

/** How much of a prompt is decoded, over its length. */
export interface DecodedShares {
  /** All own prompts together, of judgments with one of them and with one an order. */
  readonly one: number;
  readonly all: number;
  /** Each neighbour's. */
  readonly neighbour: number;
}

/** Conditions that judgments are made under: one after another, or as many at once as fill the generator. */
export type Mode = 'alone' | 'full';

/** A fitted cost model. It holds for the machine, model and data of its bench. */
export interface CostModel {
  readonly step: StepCost;
  readonly sizes: EngineSizes;
  readonly overhead: Readonly<Record<Mode, Overhead>>;
  readonly shares: Readonly<Record<Mode, DecodedShares>>;
  /** Lengths of a hundred chains, from the shortest to the longest. */
  readonly chainTokens: readonly number[];
  readonly promptTokens: { readonly mean: number; readonly least: number; readonly most: number };
  /** Orders that candidates are shown in. */
  readonly orders: number;
  /** Blocks that it was fitted to, and the mean distance from them, as a share of the engine's time. */
  readonly blocks: number;
  readonly fitError: number;
  /** Each level predicted by a model that was fitted without it; empty where there are too few levels. */
  readonly leftOut: readonly LeftOut[];
}

/** A level as a model predicts it that has not seen it. */
export interface LeftOut {
  readonly name: string;
  readonly mode: Mode;
  readonly measuredMs: number;
  readonly predictedMs: number;
  /** predicted/measured - 1. */
  readonly error: number;
}

/** Why no model was fitted. */
export interface NoCostModel {
  readonly untold: string;
}

/** Levels whose judgments are not what the level alone says: adaptive stopping depends on what chains say. */
const isPlain = ({ adaptive }: Variant): boolean => adaptive === null;

/** Fits a model to blocks, and again without each level to tell its error. */
export function fitCostModel(
  blocks: readonly BlockRecord[],
  variants: readonly Variant[],
  sizes: EngineSizes,
): CostModel | NoCostModel {
  const plain = variants.filter(isPlain);
  const whole = fitOnce(blocks, plain, sizes);
  if ('untold' in whole) return whole;
  const leftOut =
    plain.length < 3 ? [] : plain.flatMap((variant) => tryWithout(blocks, plain, variant, sizes));
  return { ...whole, leftOut };
}

function tryWithout(
  blocks: readonly BlockRecord[],
  plain: readonly Variant[],
  variant: Variant,
  sizes: EngineSizes,
): LeftOut[] {
  const name = variantName(variant);
  const others = plain.filter((other) => other !== variant);
  // Where it is the only one with similar users, nothing is left to learn from what these cost.
  if (variant.level.prototype > 0 && others.every(({ level }) => level.prototype === 0)) return [];
  const model = fitOnce(
    blocks.filter((block) => block.variant !== name),
    others,
    sizes,
  );
  if ('untold' in model) return [];
  return (['alone', 'full'] as const).flatMap((mode): LeftOut[] => {
    const measuredMs = meanMs(blocksOf(blocks, name, mode));
    if (measuredMs === null) return [];
    const predictedMs = predictMs(model, variant.level, mode).totalMs;
    return [{ name, mode, measuredMs, predictedMs, error: predictedMs / measuredMs - 1 }];
  });
}

/** What a prediction consists of, in milliseconds a judgment. */
export interface Predicted {
  readonly totalMs: number;
  readonly prefillMs: number;
  readonly decodeMs: number;
  readonly samplingMs: number;
  readonly overheadMs: number;
  readonly work: Simulated;
}

/** What may be asked of a prediction; the bench's own where it is left out. */
export interface PredictOptions {
  readonly promptTokens?: number;
  /** Judgments at once in mode `full`. */
  readonly atOnce?: number;
  /** Mean length of a chain. */
  readonly chainTokens?: number;
}

/** Judgments that a prediction is the mean of. */
const SIMULATED = { alone: 6, full: 12 };

/** The cost of a judgment at a level. */
export function predictMs(
  model: Omit<CostModel, 'leftOut'>,
  level: Variant['level'],
  mode: Mode,
  options: PredictOptions = {},
): Predicted {
  const { step, sizes, overhead, shares, orders } = model;
  const { individual, prototype } = level;
  const stretch = (options.chainTokens ?? mean(model.chainTokens)) / mean(model.chainTokens);
  const atOnce = mode === 'alone' ? 1 : (options.atOnce ?? inFlight({ level, adaptive: null }, sizes));
  const work = simulate(
    step,
    sizes,
    {
      individual,
      prototype,
      orders,
      promptTokens: options.promptTokens ?? model.promptTokens.mean,
      ownShare: individual === 1 ? shares[mode].one : shares[mode].all,
      neighbourShare: shares[mode].neighbour,
      chainTokens: model.chainTokens.map((tokens) => Math.max(1, Math.round(tokens * stretch))),
    },
    { judgments: Math.max(SIMULATED[mode], 2 * atOnce), atOnce, seed: 1 },
  );
  const rows = work.promptRows + work.sampleRows;
  const share = rows === 0 ? 0 : work.promptRows / rows;
  const shared = step.step * work.steps + step.rowCell * work.rowCells;
  const { judgment, chain, search } = overhead[mode];
  const overheadMs = judgment + chain * (individual + prototype) + (prototype > 0 ? search : 0);
  const samplingMs = step.draw * work.generatedTokens;
  const prefillMs = step.promptRow * work.promptRows + shared * share;
  return {
    totalMs: work.ms + overheadMs,
    prefillMs,
    decodeMs: Math.max(0, work.ms - prefillMs - samplingMs),
    samplingMs,
    overheadMs,
    work,
  };
}

function fitOnce(
  blocks: readonly BlockRecord[],
  plain: readonly Variant[],
  sizes: EngineSizes,
): Omit<CostModel, 'leftOut'> | NoCostModel {
  const counted = blocks.filter(({ counters, kind }) => counters !== null && kind !== 'bare');
  if (counted.length === 0)
    return { untold: 'this generator does not count its steps; only the native one does' };
  const judged = counted.filter(({ judgments }) => judgments.some(({ error }) => error === null));
  if (judged.length === 0 || plain.length === 0) return { untold: 'no level was measured' };
  const { step, fitError } = fitSteps(counted);
  const judgments = judged.flatMap((block) => block.judgments.filter(({ error }) => error === null));
  const lengths = judgments.flatMap(({ chainTokens }) => chainTokens);
  const prompts = judgments
    .filter(({ requests }) => requests > 0)
    .map(({ prompt, requests }) => prompt / requests);
  if (lengths.length === 0 || prompts.length === 0) return { untold: 'no chain was written' };
  const orders = Math.max(
    1,
    ...judged.flatMap((block) =>
      plain.some((one) => one.level.prototype === 0 && variantName(one) === block.variant)
        ? block.judgments.map(({ requests }) => requests)
        : [],
    ),
  );
  const partly = {
    step,
    sizes,
    orders: orders === 1 && plain.some(({ level }) => level.individual > 1) ? 2 : orders,
    shares: { alone: sharesOf(judged, plain, 'alone'), full: sharesOf(judged, plain, 'full') },
    chainTokens: Array.from({ length: 100 }, (_, index) =>
      Math.round(quantile(lengths, (index + 0.5) / 100)),
    ),
    promptTokens: { mean: mean(prompts), least: Math.min(...prompts), most: Math.max(...prompts) },
    blocks: counted.length,
    fitError,
  };
  const none = { judgment: 0, chain: 0, search: 0 };
  const bare = { ...partly, overhead: { alone: none, full: none } };
  const overhead = {
    alone: overheadOf(bare, judged, plain, 'alone'),
    full: overheadOf(bare, judged, plain, 'full'),
  };
  return { ...partly, overhead };
}

/** Coefficients of a step from all blocks, each block weighing as much as any other. */
function fitSteps(counted: readonly BlockRecord[]): { readonly step: StepCost; readonly fitError: number } {
  const used = counted.filter(({ counters }) => counters!.decodeMs > 0);
  const rows = used.map(({ counters }) => {
    const { steps, promptRows, sampleRows, rowCells, decodeMs } = counters!;
    return [steps, promptRows, sampleRows, rowCells].map((value) => value / decodeMs);
  });
  const [stepMs = 0, promptRow = 0, sampleRow = 0, rowCell = 0] = nonNegativeFit(
    rows,
    used.map(() => 1),
  );
  const fitted = rows.map(
    ([s = 0, p = 0, d = 0, c = 0]) => s * stepMs + p * promptRow + d * sampleRow + c * rowCell,
  );
  const tokens = sum(used.map(({ counters }) => counters!.generatedTokens));
  return {
    step: {
      step: stepMs,
      promptRow,
      sampleRow,
      rowCell,
      draw: tokens === 0 ? 0 : sum(used.map(({ counters }) => counters!.drawMs)) / tokens,
    },
    fitError: used.length === 0 ? 0 : mean(fitted.map((value) => Math.abs(value - 1))),
  };
}

function sharesOf(judged: readonly BlockRecord[], plain: readonly Variant[], mode: Mode): DecodedShares {
  const share = (pick: (variant: Variant) => boolean): number | null => {
    const names = plain.filter(pick).map(variantName);
    const all = judged
      .filter(({ kind, variant }) => kind === mode && names.includes(variant ?? ''))
      .flatMap(({ judgments }) => judgments.filter(({ requests }) => requests > 0));
    return all.length === 0
      ? null
      : mean(all.map(({ decoded, prompt, requests }) => decoded / (prompt / requests)));
  };
  const own = (level: Variant['level']): boolean => level.prototype === 0;
  const one = share(({ level }) => own(level) && level.individual === 1);
  const all = share(({ level }) => own(level) && level.individual > 1);
  const usual = all ?? one ?? 1;
  const neighbours = plain.flatMap((variant): number[] => {
    const { individual, prototype } = variant.level;
    const both = prototype === 0 ? null : share((other) => other === variant);
    return both === null ? [] : [(both - (individual === 1 ? (one ?? usual) : usual)) / prototype];
  });
  return {
    one: one ?? Math.min(1, usual),
    all: usual,
    neighbour: neighbours.length === 0 ? 1 : Math.min(1, Math.max(0, mean(neighbours))),
  };
}

function overheadOf(
  bare: Omit<CostModel, 'leftOut'>,
  judged: readonly BlockRecord[],
  plain: readonly Variant[],
  mode: Mode,
): Overhead {
  const rows: number[][] = [];
  const left: number[] = [];
  for (const variant of plain) {
    const measured = meanMs(blocksOf(judged, variantName(variant), mode));
    if (measured === null) continue;
    const engine = predictMs(bare, variant.level, mode).totalMs;
    // Weighed by the whole: a level counts by the share of its time that is not explained.
    rows.push([1, chainsOf(variant), variant.level.prototype > 0 ? 1 : 0].map((value) => value / measured));
    left.push(Math.max(0, measured - engine) / measured);
  }
  const [judgment = 0, chain = 0, search = 0] = rows.length === 0 ? [] : nonNegativeFit(rows, left);
  return { judgment, chain, search };
}

function blocksOf(blocks: readonly BlockRecord[], name: string, mode: Mode): BlockRecord[] {
  return blocks.filter(({ kind, variant }) => kind === mode && variant === name);
}

/** Milliseconds a judgment, over all blocks; null where there is none. */
export function meanMs(blocks: readonly BlockRecord[]): number | null {
  const judged = sum(blocks.map((block) => block.judged));
  return judged === 0 ? null : sum(blocks.map(({ ms }) => ms)) / judged;
}

// What a judgment costs as a function of prompt length, chains and rows in flight: fitted to a bench's blocks.
// Prefill, decode and sampling come from the engine's own counters, overhead from what is left; the engine's rules from `simulate.ts`.

import { levelName } from '../scaling/level.js';
import { chainsOf, inFlight, type Variant, variantName } from './bench-plan.js';
import type { BlockRecord } from './bench-record.js';
import { meanLength, stretched } from './chain-lengths.js';
import type { StepCost } from './engine-work.js';
import { fitOverhead, fitSteps, type Overhead } from './fit-costs.js';
import { type JudgedWork, judgedWork } from './judged-work.js';
import { type EngineSizes, type Simulated, simulate, type Workload } from './simulate.js';
import { mean, sum } from './statistics.js';

/** Conditions that judgments are made under: one after another, or as many at once as fill the generator. */
export type Mode = 'alone' | 'full';

/** A fitted cost model. It holds for the machine, model and data of its bench. */
export interface CostModel extends JudgedWork {
  readonly step: StepCost;
  readonly sizes: EngineSizes;
  readonly overhead: Readonly<Record<Mode, Overhead>>;
  /** Judgments of a block one after another: between blocks prompts are forgotten. */
  readonly forgetsAfter: number;
  /** Blocks that it was fitted to, and the mean distance from them, as a share of the engine's time. */
  readonly blocks: number;
  readonly fitError: number;
  /** Each level predicted by a model that was fitted without it; empty where there are too few levels. */
  readonly leftOut: readonly LeftOut[];
}

/**
 * A level as a model predicts it whose costs were fitted without it. Lengths of prompts and chains and what rows shared are
 * those of the level's own judgments: levels are measured on rows of other users, and these are what a model is asked with.
 */
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

/** Fits a model to blocks, and again without each level to tell its error. `sizes` is null where the generator does not tell. */
export function fitCostModel(
  blocks: readonly BlockRecord[],
  variants: readonly Variant[],
  sizes: EngineSizes | null,
): CostModel | NoCostModel {
  const plain = variants.filter(isPlain);
  if (sizes === null || blocks.every(({ counters }) => counters === null))
    return { untold: 'this generator does not count its steps; only the native one does' };
  if ((sizes.workers ?? 1) > 1)
    return { untold: `${sizes.workers} workers decoded at once; it adds up the steps of one (--workers 1)` };
  const whole = fitOnce(blocks, plain, sizes);
  if ('untold' in whole) return whole;
  const leftOut =
    plain.length < 3 ? [] : plain.flatMap((variant) => tryWithout(blocks, variants, plain, variant, sizes));
  return { ...whole, leftOut };
}

function tryWithout(
  blocks: readonly BlockRecord[],
  variants: readonly Variant[],
  plain: readonly Variant[],
  variant: Variant,
  sizes: EngineSizes,
): LeftOut[] {
  const name = variantName(variant);
  const others = plain.filter((other) => other !== variant);
  // Where it is the only one with similar users, nothing is left to learn from what these cost.
  if (variant.level.prototype > 0 && others.every(({ level }) => level.prototype === 0)) return [];
  // With adaptive stopping it is the same level, too.
  const same = variants.filter(({ level }) => levelName(level) === levelName(variant.level)).map(variantName);
  const model = fitOnce(
    blocks.filter((block) => block.variant === null || !same.includes(block.variant)),
    others,
    sizes,
  );
  if ('untold' in model) return [];
  return (['alone', 'full'] as const).flatMap((mode): LeftOut[] => {
    const its = blocks.filter((block) => block.kind === mode && block.variant === name);
    const measuredMs = meanMs(its);
    const asked = judgedWork(its, [variant]);
    if (measuredMs === null || asked === null) return [];
    const predictedMs = predictMs({ ...model, ...asked }, variant.level, mode).totalMs;
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
  /** Tokens of the user's own prompt; those of similar users change in proportion. */
  readonly promptTokens?: number;
  /** Judgments at once in mode `full`. */
  readonly atOnce?: number;
  /** Mean length of a chain. */
  readonly chainTokens?: number;
}

/** Judgments that a prediction is the mean of, at least: one of each length that is kept. */
const SIMULATED = 40;

/** The cost of a judgment at a level. */
export function predictMs(
  model: Omit<CostModel, 'leftOut'>,
  level: Variant['level'],
  mode: Mode,
  options: PredictOptions = {},
): Predicted {
  const { step, sizes, overhead, forgetsAfter } = model;
  const atOnce = mode === 'alone' ? 1 : (options.atOnce ?? inFlight({ level, adaptive: null }, sizes));
  const work = simulate(step, sizes, workloadOf(model, level, mode, options), {
    judgments: Math.max(SIMULATED, 2 * atOnce),
    atOnce,
    seed: 1,
    ...(mode === 'alone' ? { forgetsAfter } : {}),
  });
  // Of a call with both, either kind has its share by rows.
  const rows = Math.max(1, work.promptRows + work.sampleRows);
  const shared = step.call * work.calls + step.rowCell * work.rowCells + step.cellRead * work.cellsRead;
  const prefillMs =
    step.promptRow * work.promptRows +
    step.promptAttended * work.promptAttended +
    (shared * work.promptRows) / rows;
  const { judgment, chain, search } = overhead[mode];
  const overheadMs = judgment + chain * chainsOf({ level }) + (level.prototype > 0 ? search : 0);
  const samplingMs = step.draw * work.generatedTokens;
  return {
    // Drawing and calls take turns; where the engine waits for JavaScript is overhead.
    totalMs: work.ms + overheadMs,
    prefillMs,
    decodeMs: Math.max(0, work.ms - prefillMs - samplingMs),
    samplingMs,
    overheadMs,
    work,
  };
}

function workloadOf(
  { prompts, shares, chains, orders }: JudgedWork,
  { individual, prototype }: Variant['level'],
  mode: Mode,
  options: PredictOptions,
): Workload {
  const longer = options.promptTokens === undefined ? 1 : options.promptTokens / prompts.own.mean;
  const stretch = options.chainTokens === undefined ? 1 : options.chainTokens / meanLength(chains.own);
  const own = prompts.own.mean * longer;
  const neighbour = prompts.neighbour.mean * longer;
  return {
    individual,
    prototype,
    orders,
    first: { tokens: own, decoded: own * shares[mode].first },
    other: { tokens: own, decoded: own * shares[mode].other },
    neighbour: { tokens: neighbour, decoded: neighbour * shares[mode].neighbour },
    ownChains: stretched(chains.own, stretch),
    neighbourChains: stretched(chains.neighbour, stretch),
  };
}

/** As many as the engine's work has parts. */
const LEAST_BLOCKS = 6;

function fitOnce(
  blocks: readonly BlockRecord[],
  plain: readonly Variant[],
  sizes: EngineSizes,
): Omit<CostModel, 'leftOut'> | NoCostModel {
  const counted = blocks.filter(({ counters, kind }) => counters !== null && kind !== 'bare');
  const names = plain.map(variantName);
  const judged = counted.filter(
    ({ judgments, variant }) =>
      names.includes(variant ?? '') && judgments.some(({ error }) => error === null),
  );
  if (judged.length === 0) return { untold: 'no level was measured' };
  const asked = judgedWork(judged, plain);
  if (asked === null) return { untold: 'no chain was written' };
  if (counted.length < LEAST_BLOCKS)
    return { untold: `${counted.length} blocks are too few to tell ${LEAST_BLOCKS} parts apart` };
  const { step, fitError } = fitSteps(counted);
  const alone = judged.filter(({ kind }) => kind === 'alone');
  return {
    ...asked,
    step,
    sizes,
    overhead: { alone: fitOverhead(alone, plain), full: fitOverhead(fullOf(judged), plain) },
    forgetsAfter: Math.max(1, Math.round(alone.length === 0 ? 1 : mean(alone.map((one) => one.judged)))),
    blocks: counted.length,
    fitError,
  };
}

const fullOf = (blocks: readonly BlockRecord[]): BlockRecord[] =>
  blocks.filter(({ kind }) => kind === 'full');

/** Milliseconds a judgment, over all blocks; null where there is none. */
export function meanMs(blocks: readonly BlockRecord[]): number | null {
  const judged = sum(blocks.map((block) => block.judged));
  return judged === 0 ? null : sum(blocks.map(({ ms }) => ms)) / judged;
}

// What a level costs by a bench's cost model: time, rate, tokens, arithmetic, memory, price; and how far to trust it.
// Knows a result; fitting and simulating are the cost model's.

import { PgenrmError } from '../errors.js';
import { levelName, type ScalingLevel } from '../scaling/level.js';
import { inFlight } from './bench-plan.js';
import { meanLength } from './chain-lengths.js';
import { type Predicted, type PredictOptions, predictMs } from './cost-model.js';
import { bytesOfCell, flopsOf } from './model-cost.js';
import type { ScalingResult } from './result.js';
import { mean } from './statistics.js';

/** What is asked. */
export interface PredictionWish extends PredictOptions {
  readonly level: ScalingLevel;
}

/** What a judgment costs by the model. */
export interface Prediction {
  readonly level: string;
  readonly promptTokens: number;
  readonly chainTokens: number;
  readonly atOnce: number;
  readonly alone: Predicted;
  readonly full: Predicted;
  readonly judgmentsPerSecond: number;
  readonly flops: number | null;
  readonly kvBytes: number | null;
  /** Mean distance of left-out levels from their prediction; null where none was left out. */
  readonly leftOutError: number | null;
  /** Why it may be further off than that. */
  readonly cautions: readonly string[];
}

/** Predicts a level. Errors: `INVALID_OPTION` where the result has no cost model or the prompt does not fit the context. */
export function predictLevel(result: ScalingResult, wish: PredictionWish): Prediction {
  const { costModel, header } = result;
  if ('untold' in costModel)
    throw new PgenrmError('INVALID_OPTION', `this result has no cost model: ${costModel.untold}`);
  const { level } = wish;
  const { prompts, shares, chains, orders } = costModel;
  const promptTokens = wish.promptTokens ?? prompts.own.mean;
  const chainTokens = wish.chainTokens ?? meanLength(chains.own);
  const { contextTokens } = header.identity.generator;
  if (promptTokens + chainTokens > contextTokens) {
    throw new PgenrmError(
      'INVALID_OPTION',
      `a prompt of ${promptTokens.toFixed(0)} tokens and a chain of ${chainTokens.toFixed(0)} do not fit the context of ${contextTokens} tokens that this bench had`,
    );
  }
  const options: PredictOptions = { ...wish, promptTokens, chainTokens };
  const [alone, full] = [
    predictMs(costModel, level, 'alone', options),
    predictMs(costModel, level, 'full', options),
  ];
  const { cost } = header.model;
  const others = Math.min(level.individual, orders) - 1;
  const neighbourTokens = (promptTokens / prompts.own.mean) * prompts.neighbour.mean;
  // What a judgment alone needs: what it shares with other ones occupies its cells as well.
  const distinct = promptTokens * (1 + others * shares.alone.other) + neighbourTokens * level.prototype;
  const each = (count: number, length: number, share: number, itsChains: number) =>
    Array.from({ length: count }, () => ({ length, decoded: length * share, chains: itsChains / count }));
  const errors = costModel.leftOut.map(({ error }) => Math.abs(error));
  return {
    level: levelName(level),
    promptTokens,
    chainTokens,
    atOnce: wish.atOnce ?? inFlight({ level, adaptive: null }, costModel.sizes),
    alone,
    full,
    judgmentsPerSecond: 1000 / full.totalMs,
    flops:
      cost === null
        ? null
        : flopsOf(cost, {
            requests: [
              ...each(1, promptTokens, shares.alone.first, level.individual / (others + 1)),
              ...each(others, promptTokens, shares.alone.other, (level.individual * others) / (others + 1)),
              ...each(level.prototype, neighbourTokens, shares.alone.neighbour, level.prototype),
            ],
            generated: alone.work.generatedTokens,
          }),
    kvBytes:
      cost === null
        ? null
        : (distinct + alone.work.generatedTokens) * bytesOfCell(cost, header.kvCache ?? undefined),
    leftOutError: errors.length === 0 ? null : mean(errors),
    cautions: cautionsOf(result, level, promptTokens),
  };
}

function cautionsOf(
  { costModel, header }: ScalingResult,
  level: ScalingLevel,
  promptTokens: number,
): string[] {
  if ('untold' in costModel) return [];
  const { least, most } = costModel.prompts.own;
  const measured = header.variants.filter(({ adaptive }) => adaptive === null);
  const chains = level.individual + level.prototype;
  const largest = Math.max(...measured.map(({ individual, prototype }) => individual + prototype));
  return [
    ...(promptTokens < least || promptTokens > most
      ? [`prompts of the bench had ${least.toFixed(0)} to ${most.toFixed(0)} tokens: this one lies outside`]
      : []),
    ...(chains > largest
      ? [`the largest level of the bench had ${largest} chains, this one has ${chains}`]
      : []),
    ...(level.prototype > 0 && measured.every(({ prototype }) => prototype === 0)
      ? ['no level of the bench had similar users: finding them is taken as free']
      : []),
  ];
}

/** The prediction for people. */
export function predictionText(prediction: Prediction): string {
  const { alone, full, level, promptTokens, chainTokens, atOnce, cautions, leftOutError } = prediction;
  const parts = ({ prefillMs, decodeMs, samplingMs, overheadMs }: Predicted): string =>
    `prefill ${prefillMs.toFixed(0)}, decode ${decodeMs.toFixed(0)}, sampling ${samplingMs.toFixed(0)}, overhead ${overheadMs.toFixed(0)}`;
  return [
    `${level}, prompts of ${promptTokens.toFixed(0)} tokens, chains of ${chainTokens.toFixed(0)}`,
    `alone: ${alone.totalMs.toFixed(0)} ms a judgment (${parts(alone)})`,
    ...(alone.work.firstChainMs === null
      ? []
      : [`first chain after ${alone.work.firstChainMs.toFixed(0)} ms`]),
    `${atOnce} at once: ${full.totalMs.toFixed(0)} ms a judgment (${parts(full)}), ${prediction.judgmentsPerSecond.toFixed(3)} judgments/s`,
    `${alone.work.promptRows.toFixed(0)} prompt tokens decoded, ${alone.work.generatedTokens.toFixed(0)} generated`,
    ...(prediction.flops === null ? [] : [`${(prediction.flops / 1e9).toFixed(1)} GFLOP`]),
    ...(prediction.kvBytes === null ? [] : [`${(prediction.kvBytes / 1e6).toFixed(1)} MB of KV`]),
    leftOutError === null
      ? 'how far it may be off is not known: the bench had too few levels to leave one out'
      : `levels that were left out were predicted with a mean error of ${(100 * leftOutError).toFixed(1)}%`,
    ...cautions.map((caution) => `! ${caution}`),
  ].join('\n');
}

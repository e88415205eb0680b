// How a row ends at a level: correct, tied, wrong or failed, averaged over the judgments that its chains hold.
// Knows stored rows and the aggregation of scores; nothing of intervals.

import { chainVariances } from '../../guided/read-scores.js';
import type { Kernels } from '../../kernels/kernels.js';
import {
  type AggregateOptions,
  aggregateLevels,
  type ChainScores,
  type LevelOutcome,
  TIE_TOLERANCE,
} from '../../scaling/aggregate-levels.js';
import type { ScalingLevel } from '../../scaling/level.js';
import { type NeighbourWeights, weighNeighbours } from '../../scaling/neighbour-weights.js';
import type { ChainsRow, StoredChain } from '../chains/chains-record.js';
import { levelChains } from './subsets.js';

/** How chains become judgments. */
export interface AggregateSettings {
  readonly kernels: Kernels;
  readonly aggregate: AggregateOptions;
  /** How much the chain of each similar user counts; default `equal`. */
  readonly neighbourWeights?: NeighbourWeights;
}

/** How one row ends for one way to judge: shares of its judgments, which add up to 1 with the wrong ones. */
export interface RowOutcome {
  /** The chosen candidate has the highest score, alone. */
  readonly correct: number;
  /** Several candidates share the highest score. */
  readonly tied: number;
  /** There is no score. */
  readonly failed: number;
  /** `correct`, and for each tie that the chosen candidate is in, one over the number of those tied. */
  readonly half: number;
}

/** One judgment at a level, made of some of a row's chains. */
export interface LevelJudgment {
  readonly outcome: LevelOutcome;
  readonly individual: readonly ChainScores[];
  readonly prototype: readonly ChainScores[];
  /** Weight of the individual level in it. */
  readonly individualShare: number;
}

/** The judgments at a level that a row's chains hold; see {@link levelChains}. */
export function judgmentsAt(
  { kernels, aggregate, neighbourWeights = 'equal' }: AggregateSettings,
  row: ChainsRow,
  level: ScalingLevel,
): LevelJudgment[] {
  return levelChains(row.chains, level).map((chains) => {
    const individual = chains.individual.map(scoresOf);
    const { prototype, individualShare } = weighedChains(chains.prototype, neighbourWeights, aggregate);
    const options = { ...aggregate, individualShare };
    const outcome = aggregateLevels(kernels, row.lengths.length, individual, prototype, options);
    return { outcome, individual, prototype, individualShare };
  });
}

/** What a stored chain says, and how sure it is where its scores were read. */
export function scoresOf({ scores, criteria }: StoredChain): ChainScores {
  return criteria === undefined ? { scores } : { scores, variances: chainVariances(criteria) };
}

/** Chains of similar users with their weights, and the weight of the own ones beside them. */
export function weighedChains(
  chains: readonly StoredChain[],
  kind: NeighbourWeights,
  { individualShare = 0.5 }: AggregateOptions,
): Pick<LevelJudgment, 'prototype' | 'individualShare'> {
  const similarities = chains.map(({ neighbour }) => neighbour?.similarity ?? 0);
  const weighing = weighNeighbours(similarities, kind, individualShare);
  return {
    prototype: chains.map((chain, index) => ({ ...scoresOf(chain), weight: weighing.weights[index]! })),
    individualShare: weighing.individualShare,
  };
}

/** A row that no judgment could be made of. */
export const FAILED: RowOutcome = { correct: 0, tied: 0, failed: 1, half: 0 };

/** Mean over judgments; a row without any has failed. */
export function rowOutcome(judgments: readonly LevelJudgment[], label: number): RowOutcome {
  if (judgments.length === 0) return FAILED;
  const all = judgments.map(({ outcome }) => outcomeOf(outcome.scores, label));
  const mean = (pick: (one: RowOutcome) => number): number =>
    all.reduce((total, one) => total + pick(one), 0) / all.length;
  return {
    correct: mean(({ correct }) => correct),
    tied: mean(({ tied }) => tied),
    failed: mean(({ failed }) => failed),
    half: mean(({ half }) => half),
  };
}

/** How scores compare with the label; null are no scores. */
export function outcomeOf(scores: readonly number[] | null, label: number): RowOutcome {
  if (scores === null) return FAILED;
  const best = Math.max(...scores);
  const leaders = scores.flatMap((score, index) => (best - score <= TIE_TOLERANCE ? [index] : []));
  if (leaders.length === 1) {
    const correct = leaders[0] === label ? 1 : 0;
    return { correct, tied: 0, failed: 0, half: correct };
  }
  return { correct: 0, tied: 1, failed: 0, half: leaders.includes(label) ? 1 / leaders.length : 0 };
}

/** The same model without history: a judgment for each chain, so that every order counts alike. */
export function noHistoryOutcome(settings: AggregateSettings, row: ChainsRow, label: number): RowOutcome {
  const chains = row.noHistory ?? [];
  const single = { ...row, chains: chains.map((chain) => ({ ...chain, level: 'individual' as const })) };
  return rowOutcome(judgmentsAt(settings, single, { individual: 1, prototype: 0 }), label);
}

/** The longest candidate, in characters, wins. */
export function longestOutcome({ lengths }: ChainsRow, label: number): RowOutcome {
  return outcomeOf(lengths, label);
}

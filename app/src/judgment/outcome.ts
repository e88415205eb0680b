// What some of a judgment's chains say together: the same method as in the package, over the chains that a level counts.
// Knows chains; nothing of how they were written or are shown.
import {
  aggregateLevels,
  type ChainScores,
  referenceKernels,
  type Uncertainty,
  winnerUncertainty,
} from 'pgenrm';
import type { ShownChain } from '../engines/engine.js';

/** The verdict at a level of m chains. */
export interface Outcome {
  /** One score a response, from 1 to 10; null without a usable chain. */
  readonly scores: readonly number[] | null;
  readonly winner: number | null;
  readonly tie: boolean;
  readonly uncertainty: Uncertainty | null;
  readonly usable: number;
  readonly lost: number;
  /** New tokens of the chains. */
  readonly tokens: number;
  /** Milliseconds until the last of them was there. */
  readonly ms: number;
}

const kernels = referenceKernels();

/** Chains in the order in which they came: a level of m counts the first m. */
export function byArrival(chains: readonly ShownChain[]): ShownChain[] {
  return [...chains].sort((a, b) => a.atMs - b.atMs || a.index - b.index);
}

/** The outcome of chains for so many responses. */
export function outcomeOf(chains: readonly ShownChain[], responses: number): Outcome {
  const level = (name: ShownChain['level']): ChainScores[] =>
    chains.filter((chain) => chain.level === name).map(({ scores }) => ({ scores }));
  const individual = level('individual');
  const prototype = level('prototype');
  const outcome = aggregateLevels(kernels, responses, individual, prototype, {});
  const usable = outcome.individual.usable + outcome.prototype.usable;
  return {
    scores: outcome.scores,
    winner: outcome.winner,
    tie: outcome.tie,
    uncertainty: winnerUncertainty(outcome, individual, prototype),
    usable,
    lost: chains.length - usable,
    tokens: chains.reduce((sum, { tokens }) => sum + tokens, 0),
    ms: chains.reduce((most, { atMs }) => Math.max(most, atMs), 0),
  };
}

/** The two responses that are compared: the best and the second, or the first two where nothing is known. */
export function comparedPair(
  { scores }: Pick<Outcome, 'scores'>,
  responses: number,
): readonly [number, number] {
  if (scores === null || responses < 2) return [0, 1];
  const order = scores.map((_, index) => index).sort((a, b) => scores[b]! - scores[a]! || a - b);
  return [order[0]!, order[1]!];
}

// In which portions the chains of a judgment are admitted, so that it can stop between them.
// Knows numbers only.

import type { ScalingLevel } from './level.js';

/** Chains of a wave for each presentation order, and the size of a level up to which a wave has one. */
const ROUNDS_A_WAVE = 2;
const MOST_ROUNDS_OF_SMALL_LEVELS = 4;

/**
 * The waves of a level: how many chains of each kind have been admitted once each wave is in. The last entry is
 * the level itself.
 *
 * Every wave but the last leaves each presentation order with as many chains as the others (whole multiples of
 * `candidates`), so that no look is biased by position, and both kinds of chains in the proportion of the whole, as
 * far as that allows. Of the larger kind a wave has 2 chains an order; where there are at most 4 an order in all, it
 * has 1, so that Ind-8 can stop early too.
 */
export function planWaves(level: ScalingLevel, candidates: number): ScalingLevel[] {
  const { individual, prototype } = level;
  const larger = Math.max(individual, prototype);
  const rounds = isSmall(level, candidates) ? 1 : ROUNDS_A_WAVE;
  const count = Math.ceil(larger / (rounds * candidates));
  const upTo = (chains: number, wave: number): number =>
    Math.min(chains, Math.ceil((chains * wave) / (count * candidates)) * candidates);
  return Array.from({ length: count }, (_, index) => ({
    individual: upTo(individual, index + 1),
    prototype: upTo(prototype, index + 1),
  }));
}

/** Whether a level is so small that its waves have one chain an order. */
export function isSmall({ individual, prototype }: ScalingLevel, candidates: number): boolean {
  return Math.max(individual, prototype) <= MOST_ROUNDS_OF_SMALL_LEVELS * candidates;
}

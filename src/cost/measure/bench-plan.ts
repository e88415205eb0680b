// What a bench of scaling levels runs, and in which order: every round all blocks once, each round in a random order.
// Pure; knows names and numbers of blocks, not how one is run.

import { levelName, type ScalingLevel } from '../../scaling/level.js';
import { seededRandom, shuffled } from '../../statistics/random-order.js';

/** A level, with adaptive stopping or without. */
export interface Variant {
  readonly level: ScalingLevel;
  /** Risk of adaptive stopping; null: all chains are written. */
  readonly adaptive: number | null;
}

/** The variant's name, such as `ind-8+pro-4` or `ind-8+pro-4, adaptive 0.05`. */
export function variantName({ level, adaptive }: Variant): string {
  return adaptive === null ? levelName(level) : `${levelName(level)}, adaptive ${adaptive}`;
}

/** Chains of a judgment at most. */
export const chainsOf = ({ level }: Pick<Variant, 'level'>): number => level.individual + level.prototype;

/** How judgments follow each other: one after another, or as many at once as fill the generator. */
export type Mode = 'alone' | 'full';

/** What runs at a time: judgments in one of the modes, or with the generator full without keeping accounts (`bare`). */
export interface BlockTask {
  readonly kind: Mode | 'bare';
  readonly variant: Variant;
}

/** A task in a round. */
export interface Block extends BlockTask {
  readonly round: number;
}

/** Names a block within a run: `2 full ind-8`. */
export function blockName(block: Block): string {
  return `${block.round} ${taskName(block)}`;
}

/** Names a task: `full ind-8`. */
export const taskName = ({ kind, variant }: BlockTask): string => `${kind} ${variantName(variant)}`;

/** How large the blocks are. */
export interface PlanSizes {
  /** Judgments of an `alone` block. */
  readonly aloneRows: number;
  /** Chains that end while a `full` block is timed, at least. */
  readonly fullChains: number;
  /** Samples that the generator decodes at once. */
  readonly samplesAtOnce: number;
}

/** All tasks of a round, in the order of the variants. */
export function roundTasks(variants: readonly Variant[], checksMeasuring: boolean): BlockTask[] {
  // The variant of fewest chains has the most judgments a second, and so the most accounts.
  const smallest = [...variants].sort((a, b) => chainsOf(a) - chainsOf(b))[0];
  return [
    ...variants.flatMap((variant): BlockTask[] => [
      { kind: 'alone', variant },
      { kind: 'full', variant },
    ]),
    ...(checksMeasuring && smallest !== undefined ? [{ kind: 'bare' as const, variant: smallest }] : []),
  ];
}

/** The blocks of a round in its random order, which the seed and the round fix. */
export function roundBlocks(tasks: readonly BlockTask[], round: number, seed: number): Block[] {
  const random = seededRandom(Math.imul(seed + 1, 0x9e3779b1) ^ Math.imul(round + 1, 0x85ebca6b));
  return shuffled(tasks, random).map((task) => ({ ...task, round }));
}

/**
 * Judgments in flight in a `full` block: one more than fills the generator's sequences, at least two.
 */
export function inFlight(variant: Variant, { samplesAtOnce }: Pick<PlanSizes, 'samplesAtOnce'>): number {
  return Math.max(2, Math.ceil(samplesAtOnce / chainsOf(variant)) + 1);
}

/** Judgments end in bursts: what is half done at the ends of a span of fewer would weigh too much. */
const LEAST_TIMED = 4;

/**
 * Judgments of a `full` block that end before the clock starts, and while it runs. Those that began together end first:
 * their prompts were decoded one after another with nothing to write beside them, which never comes again.
 */
export function fullCounts(
  variant: Variant,
  sizes: Pick<PlanSizes, 'samplesAtOnce' | 'fullChains'>,
): { readonly before: number; readonly timed: number } {
  return {
    before: inFlight(variant, sizes),
    timed: Math.max(LEAST_TIMED, inFlight(variant, sizes), Math.ceil(sizes.fullChains / chainsOf(variant))),
  };
}

/** First row of a block's judgments: every round begins elsewhere, so that the rounds see all rows. */
export function firstRow(round: number, rows: number, rounds: number): number {
  return (round * Math.max(1, Math.floor(rows / Math.max(1, rounds)))) % rows;
}

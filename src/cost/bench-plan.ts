// What a bench of scaling levels runs, and in which order: every round all blocks once, each round in a random order.
// Pure; knows names and numbers of blocks, not how one is run.

import { levelName, type ScalingLevel } from '../scaling/level.js';
import { seededRandom, shuffled } from './statistics.js';

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

/** A request of known size: what the cost model's parts are told apart by. */
export interface Probe {
  readonly promptTokens: number;
  readonly samples: number;
  /** New tokens of each sample, no more and no fewer. */
  readonly newTokens: number;
}

/**
 * What runs at a time: judgments one after another (`alone`), as many at once as fill the generator (`full`), the same
 * without keeping accounts (`bare`), or one request of known size (`probe`).
 */
export type BlockTask =
  | { readonly kind: 'alone' | 'full' | 'bare'; readonly variant: Variant }
  | { readonly kind: 'probe'; readonly probe: Probe };

/** A task in a round. */
export type Block = BlockTask & { readonly round: number };

/** Names a block within a run: `2 full ind-8`. */
export function blockName(block: Block): string {
  return `${block.round} ${taskName(block)}`;
}

/** Names a task: `full ind-8`, `probe 256x8x24`. */
export function taskName(task: BlockTask): string {
  if (task.kind !== 'probe') return `${task.kind} ${variantName(task.variant)}`;
  const { promptTokens, samples, newTokens } = task.probe;
  return `probe ${promptTokens}x${samples}x${newTokens}`;
}

/** How large the blocks are. */
export interface PlanSizes {
  /** Judgments of an `alone` block. */
  readonly aloneRows: number;
  /** Chains that end while a `full` block is timed, at least. */
  readonly fullChains: number;
  /** Samples that the generator decodes at once. */
  readonly maxSequences: number;
  /** Unrelated prompts that the generator has at work at once; null: as many as fill its sequences. */
  readonly promptsAtOnce: number | null;
  readonly contextTokens: number;
}

/** All tasks of a round, in the order of the variants. */
export function roundTasks(
  variants: readonly Variant[],
  probes: readonly Probe[],
  checksMeasuring: boolean,
): BlockTask[] {
  // The variant of fewest chains has the most judgments a second, and so the most accounts.
  const smallest = [...variants].sort((a, b) => chainsOf(a) - chainsOf(b))[0];
  return [
    ...variants.flatMap((variant): BlockTask[] => [
      { kind: 'alone', variant },
      { kind: 'full', variant },
    ]),
    ...probes.map((probe): BlockTask => ({ kind: 'probe', probe })),
    ...(checksMeasuring && smallest !== undefined ? [{ kind: 'bare' as const, variant: smallest }] : []),
  ];
}

/** The blocks of a round in its random order, which the seed and the round fix. */
export function roundBlocks(tasks: readonly BlockTask[], round: number, seed: number): Block[] {
  const random = seededRandom(Math.imul(seed + 1, 0x9e3779b1) ^ Math.imul(round + 1, 0x85ebca6b));
  return shuffled(tasks, random).map((task) => ({ ...task, round }));
}

/**
 * Judgments in flight in a `full` block: one more than fills the generator's sequences, at least two, and no more than
 * it says that it pays to have.
 */
export function inFlight(
  variant: Variant,
  { maxSequences, promptsAtOnce }: Pick<PlanSizes, 'maxSequences' | 'promptsAtOnce'>,
): number {
  const filling = Math.max(2, Math.ceil(maxSequences / chainsOf(variant)) + 1);
  return Math.min(filling, promptsAtOnce ?? filling);
}

/** Judgments end in bursts: what is half done at the ends of a span of fewer would weigh too much. */
const LEAST_TIMED = 4;

/**
 * Judgments of a `full` block that end before the clock starts, and while it runs. Those that began together end first:
 * their prompts were decoded one after another with nothing to write beside them, which never comes again.
 */
export function fullCounts(
  variant: Variant,
  sizes: Pick<PlanSizes, 'maxSequences' | 'promptsAtOnce' | 'fullChains'>,
): { readonly before: number; readonly timed: number } {
  return {
    before: inFlight(variant, sizes),
    timed: Math.max(LEAST_TIMED, inFlight(variant, sizes), Math.ceil(sizes.fullChains / chainsOf(variant))),
  };
}

/** Requests that tell prompt, rows and context apart, none larger than the context. */
export function usualProbes({
  maxSequences,
  contextTokens,
}: Pick<PlanSizes, 'maxSequences' | 'contextTokens'>): Probe[] {
  const newTokens = Math.min(24, Math.floor(contextTokens / 8));
  const short = Math.min(256, Math.floor(contextTokens / 4));
  const long = Math.max(short + 1, Math.min(2048, Math.floor(contextTokens / 2)));
  const few = Math.max(1, Math.round(maxSequences / 4));
  const sizes: [promptTokens: number, samples: number][] = [
    [short, 1],
    [short, maxSequences],
    [long, 1],
    [long, few],
    [long, maxSequences],
  ];
  const probes = sizes.map(([promptTokens, samples]) => ({ promptTokens, samples, newTokens }));
  // With one sequence some of them are the same.
  return probes.filter((probe, index) => {
    const name = taskName({ kind: 'probe', probe });
    return probes.findIndex((other) => taskName({ kind: 'probe', probe: other }) === name) === index;
  });
}

/** First row of a block's judgments: every round begins elsewhere, so that the rounds see all rows. */
export function firstRow(round: number, rows: number, rounds: number): number {
  return (round * Math.max(1, Math.floor(rows / Math.max(1, rounds)))) % rows;
}

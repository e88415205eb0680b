// What judgments asked of the engine, from the records of a bench: lengths of prompts and chains, how much was shared.
// Own prompts apart from those of similar users, whose histories are others; knows nothing of what it costs.

import type { Variant } from './bench-plan.js';
import type { BlockRecord, JudgmentRecord } from './bench-record.js';
import { type ChainLengths, chainLengthsOf } from './chain-lengths.js';
import type { Mode } from './cost-model.js';
import { mean } from './statistics.js';

/** Tokens of prompts. */
export interface PromptLengths {
  readonly mean: number;
  readonly least: number;
  readonly most: number;
}

/** How much of a prompt is decoded, over the mean length of its kind. */
export interface DecodedShares {
  /** Of a judgment's first prompt, of that of every other order, of each similar user's. */
  readonly first: number;
  readonly other: number;
  readonly neighbour: number;
}

/** What judgments ask. */
export interface JudgedWork {
  readonly prompts: { readonly own: PromptLengths; readonly neighbour: PromptLengths };
  readonly shares: Readonly<Record<Mode, DecodedShares>>;
  readonly chains: { readonly own: ChainLengths; readonly neighbour: ChainLengths };
  /** Orders that candidates are shown in. */
  readonly orders: number;
}

/** A judgment's requests and chains, the user's own and those as similar users. */
interface Parts {
  readonly mode: Mode;
  readonly own: JudgmentRecord['each'];
  readonly neighbours: JudgmentRecord['each'];
  readonly ownChains: readonly number[];
  readonly neighbourChains: readonly number[];
}

/** What the judgments of levels without adaptive stopping asked; null where none wrote a chain. */
export function judgedWork(blocks: readonly BlockRecord[], levels: readonly Variant[]): JudgedWork | null {
  const parts = blocks.flatMap(partsOf);
  const own = parts.flatMap((one) => one.own);
  const ownChains = chainLengthsOf(parts.map((one) => one.ownChains));
  if (own.length === 0 || ownChains === null) return null;
  const neighbours = parts.flatMap((one) => one.neighbours);
  const orders = Math.max(1, ...parts.map((one) => one.own.length));
  const several = levels.some(({ level }) => level.individual > 1);
  const neighbourChains = chainLengthsOf(parts.map((one) => one.neighbourChains));
  const ownLengths = lengthsOf(own);
  const neighbourLengths = neighbours.length === 0 ? ownLengths : lengthsOf(neighbours);
  const shares = (mode: Mode): DecodedShares =>
    sharesOf(
      parts.filter((one) => one.mode === mode),
      ownLengths,
      neighbourLengths,
    );
  return {
    prompts: { own: ownLengths, neighbour: neighbourLengths },
    shares: { alone: shares('alone'), full: shares('full') },
    chains: { own: ownChains, neighbour: neighbourChains ?? ownChains },
    orders: orders === 1 && !several ? 2 : orders,
  };
}

function partsOf({ kind, judgments }: BlockRecord): Parts[] {
  if (kind !== 'alone' && kind !== 'full') return [];
  return judgments.flatMap(({ error, each, neighbours, chainTokens }): Parts[] => {
    if (error !== null || each.length === 0) return [];
    // Each similar user's chain is a request of its own, and comes after the user's own ones.
    const [requests, chains] = [each.length - neighbours, chainTokens.length - neighbours];
    return [
      {
        mode: kind,
        own: each.slice(0, requests),
        neighbours: each.slice(requests),
        ownChains: chainTokens.slice(0, chains),
        neighbourChains: chainTokens.slice(chains),
      },
    ];
  });
}

function lengthsOf(requests: JudgmentRecord['each']): PromptLengths {
  const lengths = requests.map(({ length }) => length);
  return { mean: mean(lengths), least: Math.min(...lengths), most: Math.max(...lengths) };
}

function sharesOf(parts: readonly Parts[], own: PromptLengths, neighbour: PromptLengths): DecodedShares {
  const share = (requests: JudgmentRecord['each'], length: PromptLengths, otherwise: number): number =>
    requests.length === 0 ? otherwise : mean(requests.map(({ decoded }) => decoded)) / length.mean;
  return {
    first: share(
      parts.flatMap((one) => one.own.slice(0, 1)),
      own,
      1,
    ),
    other: share(
      parts.flatMap((one) => one.own.slice(1)),
      own,
      1,
    ),
    neighbour: share(
      parts.flatMap((one) => one.neighbours),
      neighbour,
      1,
    ),
  };
}

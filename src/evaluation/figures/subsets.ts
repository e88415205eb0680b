// Smaller levels from the chains of the largest one: which chains stand for a level, balanced over orders.
// Knows stored chains and levels; nothing of scores.

import type { ScalingLevel } from '../../scaling/level.js';
import type { StoredChain } from '../chains/chains-record.js';

/** Chains of one row that stand for one judgment at a level. */
export interface LevelChains {
  readonly individual: readonly StoredChain[];
  readonly prototype: readonly StoredChain[];
}

/**
 * The judgments at a level that one row's chains hold.
 *
 * Individual chains are independent draws, so the row's chains fall into disjoint groups of `level.individual`, each as good as
 * a judgment of its own; what is averaged over them has the same mean as a single judgment and less chance in
 * it. Chains are dealt out by presentation order in turn, so that a group shows each candidate first as often as
 * any other (but for the rest of a division), and groups are used in such a number that this holds for all of them together,
 * where there are enough. Prototype chains are not exchangeable: Pro-n means the n nearest users, so every group
 * has the n first ones. Lost chains count as chains: a level of 8 with one lost has 7, as when it is run by itself.
 *
 * A row that has fewer prototype chains than asked for (a small bank) gives those it has. Empty where it has too
 * few individual ones.
 */
export function levelChains(chains: readonly StoredChain[], level: ScalingLevel): LevelChains[] {
  const own = chains.filter((chain) => chain.level === 'individual').sort((a, b) => a.index - b.index);
  const prototype = chains
    .filter((chain) => chain.level === 'prototype' && chain.index < level.prototype)
    .sort((a, b) => a.index - b.index);
  const dealt = dealtByOrder(own);
  const groups = groupCount(dealt.length, level.individual, chains[0]?.order.length ?? 2);
  return Array.from({ length: groups }, (_, group) => ({
    individual: dealt.slice(group * level.individual, (group + 1) * level.individual),
    prototype,
  }));
}

/** Groups of `size` from `chains` chains: the most whose union shows each of `orders` orders as often. */
function groupCount(chains: number, size: number, orders: number): number {
  const most = Math.floor(chains / size);
  for (let groups = most; groups > 0; groups -= 1) if ((groups * size) % orders === 0) return groups;
  return Math.min(most, 1);
}

/** Chains with their orders in turn: first one of each order, then the second of each, and so on. */
function dealtByOrder(chains: readonly StoredChain[]): StoredChain[] {
  const byOrder = new Map<string, StoredChain[]>();
  for (const chain of chains) {
    const key = chain.order.join();
    const list = byOrder.get(key);
    if (list === undefined) byOrder.set(key, [chain]);
    else list.push(chain);
  }
  const lists = [...byOrder.values()];
  const longest = Math.max(0, ...lists.map((list) => list.length));
  return Array.from({ length: longest }, (_, turn) => lists.flatMap((list) => list[turn] ?? [])).flat();
}

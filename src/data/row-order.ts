// How rows and candidates are named and ordered: ids unique in a file, an order that hides the label.
// Knows only ids and positions; both depend on nothing else.

import { sha256Hex } from '../hashing/sha256.js';

/** Gives ids that are unique in the order of the file. */
export function uniqueIds(): (id: string) => string {
  const taken = new Set<string>();
  const counts = new Map<string, number>();
  return (id) => {
    let unique = id;
    let count = counts.get(id) ?? 0;
    do {
      count += 1;
      unique = count === 1 ? id : `${id}#${count}`;
    } while (taken.has(unique));
    if (count > 1) counts.set(id, count);
    taken.add(unique);
    return unique;
  };
}

/** Positions of n candidates in the order in which they are shown. */
export function shownOrder(id: string, n: number): readonly number[] {
  return Array.from({ length: n }, (_, index) => ({
    index,
    key: sha256Hex(`${id}\n${index}`),
  }))
    .sort((a, b) => (a.key < b.key ? -1 : 1))
    .map(({ index }) => index);
}

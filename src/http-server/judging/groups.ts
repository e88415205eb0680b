// Candidates that do not fit one prompt: seeded overlapping groups with shared anchors, and one scale over the groups.
// Knows numbers only.

import { sha256 } from '../../hashing/sha256.js';

/** Which candidates are compared with which. */
export interface GroupPlan {
  readonly seed: number;
  /** Candidates that every group holds. */
  readonly anchors: readonly number[];
  /** Indices of candidates, anchors first. */
  readonly groups: readonly (readonly number[])[];
}

/** One scale over groups. */
export interface GroupScores {
  /** One score a candidate, 1 to 10. */
  readonly scores: readonly number[];
  /** Added to each group's scores. */
  readonly shifts: readonly number[];
}

/**
 * Plans groups of at most `size` of `count` candidates, 3 or more of `size`. All hold the same anchors, a quarter of the size
 * and at least one; the others are dealt out evenly in an order that the seed draws.
 */
export function planGroups(count: number, size: number, seed: number): GroupPlan {
  const order = shuffled(count, seed);
  const anchorCount = Math.max(1, Math.min(Math.floor(size / 4), size - 2));
  const anchors = order.slice(0, anchorCount);
  const others = order.slice(anchorCount);
  const groupCount = Math.ceil(others.length / (size - anchorCount));
  const groups = Array.from({ length: groupCount }, (_, group) => [
    ...anchors,
    ...others.filter((_, at) => at % groupCount === group),
  ]);
  return { seed, anchors, groups };
}

/**
 * Brings the scores of groups onto one scale: each group is shifted so that its anchors have on average what they have over all
 * groups; an anchor's score is the mean of its shifted scores. Shape of `stated`: [groups x candidates of the group].
 */
export function joinGroups(
  plan: GroupPlan,
  stated: readonly (readonly number[])[],
  count: number,
): GroupScores {
  const { anchors, groups } = plan;
  const anchorMeans = stated.map((scores) => mean(scores.slice(0, anchors.length)));
  const overall = mean(anchorMeans);
  const shifts = anchorMeans.map((one) => overall - one);
  const found: number[][] = Array.from({ length: count }, () => []);
  for (const [group, candidates] of groups.entries()) {
    for (const [at, candidate] of candidates.entries()) {
      found[candidate]!.push(stated[group]![at]! + shifts[group]!);
    }
  }
  return { scores: found.map((scores) => Math.min(10, Math.max(1, mean(scores)))), shifts };
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** 0 to `count` - 1 in an order that a seed fixes: by the digest of seed and number. */
function shuffled(count: number, seed: number): number[] {
  const key = (index: number): number => {
    const [a, b, c, d, e, f] = sha256(JSON.stringify(['pgenrm-groups', seed, index]));
    return a! + b! * 2 ** 8 + c! * 2 ** 16 + d! * 2 ** 24 + e! * 2 ** 32 + f! * 2 ** 40;
  };
  return Array.from({ length: count }, (_, index) => ({ index, key: key(index) }))
    .sort((x, y) => x.key - y.key || x.index - y.index)
    .map(({ index }) => index);
}

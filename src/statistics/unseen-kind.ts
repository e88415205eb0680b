// How likely chains of a kind that none so far was of would turn a judgment over.
// Knows counts only; a spread that few like chains show says nothing of it.

/** How many times as far the unseen kind lies on the other side of zero as the seen chains lie on theirs. */
const TIMES_AS_FAR = 2;
/** Jeffreys' prior: half a chain of each kind. */
const PRIOR = 0.5;

/** A look at a judgment in which no chain has favoured the other candidate. */
export interface UnanimousLook {
  /** Usable chains so far, at least 1. */
  readonly seen: number;
  /** Chains to come, at least 1. */
  readonly toCome: number;
  /** Share of the final difference that the chains to come make up; above 0, at most 1. */
  readonly shareToCome: number;
}

/**
 * Probability that enough of the chains to come are of an unseen kind to turn the difference over.
 *
 * A model may have two readings of an item and give now one, now the other. Where the first few chains are all of one
 * reading their spread is small and hides the other. With a share q of the unseen kind, none of n chains seen, and
 * Jeffreys' prior, q is Beta(1/2, n + 1/2); the number among r to come is beta-binomial. Where the unseen kind lies twice
 * as far on the other side as what was seen, a third of the final weight turns the difference over.
 */
export function unseenKindTurns({ seen, toCome, shareToCome }: UnanimousLook): number {
  const needed = toCome / ((1 + TIMES_AS_FAR) * shareToCome);
  return betaBinomialTail(toCome, Math.max(1, Math.ceil(needed - 1e-9)), PRIOR, seen + PRIOR);
}

/** P(X >= least) of a beta-binomial X out of `count`, its share Beta(a, b); a and b above 0. */
export function betaBinomialTail(count: number, least: number, a: number, b: number): number {
  if (least > count) return 0;
  let term = 1;
  for (let trial = 0; trial < count; trial += 1) term *= (b + trial) / (a + b + trial);
  let below = 0;
  for (let x = 0; x < least; x += 1) {
    below += term;
    term *= ((count - x) * (a + x)) / ((x + 1) * (b + count - x - 1));
  }
  return Math.max(0, 1 - below);
}

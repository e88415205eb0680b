// How long chains are: apart by judgment and within one, since chains of one judgment are about as long as each other.
// Knows numbers of tokens; nothing of what costs them.

import { mean, quantile, shuffled } from './statistics.js';

/** Lengths of chains as quantiles from the lowest to the highest; neither list is empty. */
export interface ChainLengths {
  /** Mean tokens of a judgment's chains. */
  readonly judgments: readonly number[];
  /** A chain's tokens over the mean of its judgment. */
  readonly within: readonly number[];
}

/** Quantiles that a distribution is kept as. */
const KEPT = 40;

const kept = (values: readonly number[]): number[] =>
  Array.from({ length: KEPT }, (_, index) => quantile(values, (index + 0.5) / KEPT));

/** Lengths of the chains of judgments, a list of tokens each; null where there is no chain. */
export function chainLengthsOf(judgments: readonly (readonly number[])[]): ChainLengths | null {
  const written = judgments.filter((chains) => chains.length > 0 && mean(chains) > 0);
  if (written.length === 0) return null;
  const several = written.filter((chains) => chains.length > 1);
  // The mean of n chains lies nearer to each of them than the judgment's own does: by sqrt(1 - 1/n).
  const within = several.flatMap((chains) =>
    chains.map((tokens) => 1 + (tokens / mean(chains) - 1) / Math.sqrt(1 - 1 / chains.length)),
  );
  const means = (several.length === 0 ? written : several).map(mean);
  return { judgments: kept(means), within: within.length === 0 ? [1] : kept(within) };
}

/** Mean tokens of a chain. */
export const meanLength = ({ judgments, within }: ChainLengths): number => mean(judgments) * mean(within);

/** The same shape with every length times `factor`. */
export const stretched = ({ judgments, within }: ChainLengths, factor: number): ChainLengths => ({
  judgments: judgments.map((tokens) => tokens * factor),
  within,
});

/** Deals lengths as from shuffled cards: every quantile comes once before any comes again, so that few draws suffice. */
export class LengthDeck {
  readonly #lengths: ChainLengths;
  readonly #random: () => number;
  #judgments: number[] = [];
  #within: number[] = [];

  constructor(lengths: ChainLengths, random: () => number) {
    this.#lengths = lengths;
    this.#random = random;
  }

  /** Tokens of each chain of the next judgment, at least 2. */
  judgment(chains: number): number[] {
    if (this.#judgments.length === 0) this.#judgments = shuffled(this.#lengths.judgments, this.#random);
    const middle = this.#judgments.pop()!;
    return Array.from({ length: chains }, () => {
      if (this.#within.length === 0) this.#within = shuffled(this.#lengths.within, this.#random);
      return Math.max(2, Math.round(middle * this.#within.pop()!));
    });
  }
}

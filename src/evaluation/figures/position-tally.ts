// What the place at which a candidate is shown does to single chains, and how many chains are usable.
// Knows stored chains; nothing of levels.

import { type Figure, figureOf, type IntervalSettings } from '../../statistics/cluster-interval.js';
import type { ChainsRow, StoredChain } from '../chains/chains-record.js';
import { outcomeOf } from './level-outcome.js';

/** Chains of one kind. */
export interface ChainReport {
  readonly chains: number;
  /** Share of chains that give a score. */
  readonly usable: Figure;
  /** Lost chains by reason. */
  readonly lost: Readonly<Record<string, number>>;
  /**
   * Of the usable chains without a tie, the share that prefers the candidate shown first. Without position bias
   * it is one over the number of candidates, since orders are balanced.
   */
  readonly prefersFirst: Figure;
  /** What {@link prefersFirst} is without position bias. */
  readonly unbiased: number | null;
  /** Share of usable chains that put several candidates first. */
  readonly tied: Figure;
  /** Accuracy of single usable chains, ties shared, where the chosen candidate is shown first, and where it is not. */
  readonly accuracyShownFirst: Figure;
  readonly accuracyShownLater: Figure;
}

const SUMS = [
  'chains',
  'usable',
  'decided',
  'first',
  'tied',
  'shownFirst',
  'creditFirst',
  'shownLater',
  'creditLater',
] as const;

type Sums = Record<(typeof SUMS)[number], number>;

/** Adds up chains row by row. */
export class PositionTally {
  readonly #rows: Record<(typeof SUMS)[number], number[]> = {
    chains: [],
    usable: [],
    decided: [],
    first: [],
    tied: [],
    shownFirst: [],
    creditFirst: [],
    shownLater: [],
    creditLater: [],
  };
  readonly #users: number[] = [];
  readonly #lost: Record<string, number> = {};
  #expectedFirst = 0;

  /** Adds the chains of a row; `user` is its user's number. */
  add(chains: readonly StoredChain[], { label, lengths }: ChainsRow, user: number): void {
    if (chains.length === 0) return;
    const sums: Sums = { ...NOTHING };
    for (const { scores, order, lost } of chains) {
      sums.chains += 1;
      if (scores === null) {
        const reason = lost ?? 'unknown';
        this.#lost[reason] = (this.#lost[reason] ?? 0) + 1;
        continue;
      }
      sums.usable += 1;
      const shown = outcomeOf(scores, order[0]!);
      if (shown.tied === 1) sums.tied += 1;
      else {
        sums.decided += 1;
        sums.first += shown.correct;
        this.#expectedFirst += 1 / lengths.length;
      }
      if (label === undefined) continue;
      const place = order[0] === label ? 'First' : 'Later';
      sums[`shown${place}`] += 1;
      sums[`credit${place}`] += outcomeOf(scores, label).half;
    }
    for (const name of SUMS) this.#rows[name].push(sums[name]);
    this.#users.push(user);
  }

  get chains(): number {
    return this.#total('chains');
  }

  /** Lost chains are counted where they occur; shares have intervals over users and over rows. */
  async report(settings: IntervalSettings): Promise<ChainReport> {
    const share = (of: keyof Sums, among: keyof Sums): Promise<Figure> => {
      const kept = this.#users.flatMap((_, row) => (this.#rows[among][row]! > 0 ? [row] : []));
      return figureOf(settings, {
        numerators: Float64Array.from(kept, (row) => this.#rows[of][row]!),
        denominators: Float64Array.from(kept, (row) => this.#rows[among][row]!),
        users: Uint32Array.from(kept, (row) => this.#users[row]!),
      });
    };
    const decided = this.#total('decided');
    return {
      chains: this.chains,
      usable: await share('usable', 'chains'),
      lost: { ...this.#lost },
      prefersFirst: await share('first', 'decided'),
      unbiased: decided === 0 ? null : this.#expectedFirst / decided,
      tied: await share('tied', 'usable'),
      accuracyShownFirst: await share('creditFirst', 'shownFirst'),
      accuracyShownLater: await share('creditLater', 'shownLater'),
    };
  }

  #total(name: keyof Sums): number {
    return this.#rows[name].reduce((sum, value) => sum + value, 0);
  }
}

const NOTHING: Sums = {
  chains: 0,
  usable: 0,
  decided: 0,
  first: 0,
  tied: 0,
  shownFirst: 0,
  creditFirst: 0,
  shownLater: 0,
  creditLater: 0,
};

// Whether a judgment's own probability that its winner wins is true: reliability table, Brier score.
// Knows probabilities and outcomes; not where the probabilities come from.

import { type Figure, figureOf, type IntervalSettings } from '../../statistics/cluster-interval.js';

/** Judgments of like probability, and how many of their winners were chosen. */
export interface ReliabilityBin {
  /** Probabilities from `from` to below `to`; the last bin holds its end too. */
  readonly from: number;
  readonly to: number;
  /** Judgments; fractions, as a row that stands for several judgments weighs 1 in all. */
  readonly judgments: number;
  /** Mean probability stated; null in an empty bin. */
  readonly stated: number | null;
  /** Share of winners that the user chose. */
  readonly observed: Figure;
}

/** The calibration of one level. */
export interface Calibration {
  /** Judgments with a winner and a probability. */
  readonly judgments: number;
  /** Mean probability stated, and share of winners that the user chose. */
  readonly stated: number | null;
  readonly observed: Figure;
  /** Mean of (probability - outcome)^2: 0 is perfect, 0.25 is a coin that knows it is one. */
  readonly brier: Figure;
  /** Mean distance between stated and observed over the bins, each by its judgments. */
  readonly expectedError: number | null;
  readonly bins: readonly ReliabilityBin[];
}

/** Bins of equal width. */
export const RELIABILITY_BINS = 10;

/** A judgment with a winner. */
export interface StatedJudgment {
  /** Of the winner, from 0 to 1. */
  readonly probability: number;
  /** Whether the user chose the winner. */
  readonly correct: boolean;
  /** A row's judgments weigh at most 1 together. */
  readonly weight: number;
}

/** The judgments of one row in one bin, added up by their weights. */
interface Entry {
  readonly user: number;
  readonly row: number;
  readonly bin: number;
  weight: number;
  stated: number;
  chosen: number;
  squared: number;
}

/** Collects stated probabilities and outcomes, row by row; memory: some numbers for each bin that a row is in. */
export class CalibrationTally {
  readonly #entries: Entry[] = [];
  #rows = 0;

  /** Adds the judgments of one row; `user` is its user's number. */
  add(judgments: readonly StatedJudgment[], user: number): void {
    const bins = new Map<number, Entry>();
    for (const { probability, correct, weight } of judgments) {
      const bin = binOf(probability);
      const entry = bins.get(bin) ?? {
        user,
        row: this.#rows,
        bin,
        weight: 0,
        stated: 0,
        chosen: 0,
        squared: 0,
      };
      bins.set(bin, entry);
      entry.weight += weight;
      entry.stated += weight * probability;
      entry.chosen += correct ? weight : 0;
      entry.squared += weight * (probability - (correct ? 1 : 0)) ** 2;
    }
    this.#entries.push(...bins.values());
    this.#rows += 1;
  }

  async report(settings: IntervalSettings): Promise<Calibration> {
    const bins: ReliabilityBin[] = [];
    let apart = 0;
    for (let bin = 0; bin < RELIABILITY_BINS; bin += 1) {
      const inside = this.#entries.filter((entry) => entry.bin === bin);
      const judgments = total(inside, 'weight');
      const stated = meanStated(inside);
      const observed = await figureOfEntries(settings, inside, 'chosen');
      if (stated !== null && observed.value !== null) apart += judgments * Math.abs(stated - observed.value);
      const [from, to] = [bin / RELIABILITY_BINS, (bin + 1) / RELIABILITY_BINS];
      bins.push({ from, to, judgments, stated, observed });
    }
    const judgments = total(this.#entries, 'weight');
    return {
      judgments,
      stated: meanStated(this.#entries),
      observed: await figureOfEntries(settings, this.#entries, 'chosen'),
      brier: await figureOfEntries(settings, this.#entries, 'squared'),
      expectedError: judgments === 0 ? null : apart / judgments,
      bins,
    };
  }
}

type Sum = 'weight' | 'stated' | 'chosen' | 'squared';

function total(entries: readonly Entry[], sum: Sum): number {
  return entries.reduce((all, entry) => all + entry[sum], 0);
}

function meanStated(entries: readonly Entry[]): number | null {
  return entries.length === 0 ? null : total(entries, 'stated') / total(entries, 'weight');
}

/** The weighted mean of a value, the bins of a row taken together. Entries stand in the order of rows. */
function figureOfEntries(settings: IntervalSettings, entries: readonly Entry[], sum: Sum): Promise<Figure> {
  const rows: { row: number; user: number; numerator: number; denominator: number }[] = [];
  for (const entry of entries) {
    let last = rows.at(-1);
    if (last?.row !== entry.row) {
      last = { row: entry.row, user: entry.user, numerator: 0, denominator: 0 };
      rows.push(last);
    }
    last.numerator += entry[sum];
    last.denominator += entry.weight;
  }
  return figureOf(settings, {
    numerators: Float64Array.from(rows, ({ numerator }) => numerator),
    denominators: Float64Array.from(rows, ({ denominator }) => denominator),
    users: Uint32Array.from(rows, ({ user }) => user),
  });
}

function binOf(probability: number): number {
  // 0.7 * 10 is a little less than 7 in floating point.
  return Math.min(RELIABILITY_BINS - 1, Math.floor(probability * RELIABILITY_BINS + 1e-9));
}

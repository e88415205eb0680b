// What an evaluation says: every figure with its intervals, and what it rests on. This is the form of report.json.
// Types, and how figures are written in words; computing is `evaluate.ts`.

import type { ScalingLevel } from '../../scaling/level.js';
import type { Figure, Interval } from '../../statistics/cluster-interval.js';
import type { ChainsIdentity } from '../chains/chains-record.js';
import type { PersonalReport } from '../controls/personal.js';
import type { AlikeTrait, BreakdownEntry } from '../figures/breakdown.js';
import type { Calibration } from '../figures/calibration.js';
import type { Comparison } from '../figures/comparisons.js';
import type { LearnedShare } from '../figures/learn-share.js';
import type { TieChoice } from '../figures/outcome-table.js';
import type { ChainReport } from '../figures/position-tally.js';
import type { Recalibration } from '../figures/recalibration.js';

/** Rows by what became of them. */
export interface RowCounts {
  /** Rows that the evaluation was asked for, and rows that the chains file holds. */
  readonly asked: number;
  readonly read: number;
  /** Rows with an error of their own; they stay in every denominator as failed. */
  readonly failed: number;
  /** Rows that fit no shape, and rows without a label; neither can be evaluated. */
  readonly invalid: number;
  readonly unlabelled: number;
  /** Rows read of whose users a history is known, and those of whom criteria are. */
  readonly withHistory: number;
  readonly withCriteria: number;
  /** Labelled rows: what accuracy is over. */
  readonly evaluated: number;
  readonly users: number;
  /** Judged rows that have fewer similar users than the largest level asks for. */
  readonly fewerNeighbours: number;
  /** Rows whose oldest history events did not fit the context. */
  readonly droppedEvents: number;
  /** Labelled rows of which nothing is told without a model, though it is of others; the baselines are left out then. */
  readonly withoutBaselines: number;
}

/** One level or baseline. */
export interface ContenderReport {
  readonly name: string;
  readonly meaning: string;
  /** Null for a baseline that is no level. */
  readonly level: ScalingLevel | null;
  /** Rows by outcome; fractions where a row's chains hold several judgments of this level. */
  readonly counts: {
    readonly correct: number;
    readonly tied: number;
    readonly wrong: number;
    readonly failed: number;
  };
  /** Accuracy with ties as half, as wrong, and left out. Failed rows are not correct; `excluded` leaves them out. */
  readonly accuracy: { readonly half: Figure; readonly wrong: Figure; readonly excluded: Figure };
  /** Mean of the users' own accuracies, ties as the report's settings say. */
  readonly perUser: Figure;
  /** Judgments that a row's chains hold, new tokens that one judgment costs; null for a baseline that is no level. */
  readonly cost: { readonly judgmentsPerRow: number; readonly tokens: number } | null;
  /** Of the judgments' own probability that the winner wins; null where none can be stated. */
  readonly calibration: Calibration | null;
  /** The same after one slope, learned on other users' rows of this report; null where it cannot be told. */
  readonly recalibration: Recalibration | null;
  /** Judgments with a winner and no probability. */
  readonly withoutProbability: number;
}

/** A level that stops as soon as more chains would change the winner with a given probability at most. */
export interface AdaptiveReport {
  readonly level: string;
  readonly risk: number;
  /** Ties as the report's settings say. */
  readonly accuracy: Figure;
  /** Accuracy less that of all chains, on the same judgments. */
  readonly difference: Comparison;
  /** Shares of new tokens and of chains that it saves. */
  readonly tokensSaved: Figure;
  readonly chainsSaved: Figure;
  /** Share of judgments whose winner is another one than that of all chains. */
  readonly changed: Figure;
}

/** The report of an evaluation. */
export interface EvaluationReport {
  readonly pgenrmEvaluation: 1;
  readonly pgenrm: string;
  readonly created: string;
  readonly chains: {
    /** Name of the file, without its folder; `run` says which it was. */
    readonly path: string;
    readonly run: string;
    readonly created: string;
    readonly model: string;
    readonly identity: ChainsIdentity;
  };
  readonly protocol: { readonly name: string; readonly rules: string };
  readonly settings: {
    /** How ties count where a figure stands once: the table, differences, breakdowns. */
    readonly ties: TieChoice;
    readonly resamples: number;
    readonly seed: number;
    readonly kernels: string;
    readonly aggregate: Readonly<Record<string, unknown>>;
    /** How scores were taken anew from stored distributions; absent where they are as they were stored. */
    readonly readout?: string;
    /** Where the individual share was learned on validation rows. */
    readonly learnedShare?: LearnedShare;
  };
  readonly rows: RowCounts;
  /** Bank users who are evaluated too; null without a bank. */
  readonly overlap: { readonly users: number; readonly examples: readonly string[] } | null;
  /** Own history against that of another user, and against none; null where no control was sampled. */
  readonly personal: PersonalReport | null;
  readonly levels: readonly ContenderReport[];
  readonly baselines: readonly ContenderReport[];
  /** Every pair of levels, the one listed later first. */
  readonly differences: readonly Comparison[];
  /** Every level against every baseline. */
  readonly againstBaselines: readonly Comparison[];
  /** Adaptive stopping replayed over the same chains; empty where it was not asked for. */
  readonly adaptive: readonly AdaptiveReport[];
  readonly breakdown: readonly BreakdownEntry[];
  /** What all rows have in common, and the breakdown therefore leaves out. */
  readonly alike: readonly AlikeTrait[];
  readonly singleChains: {
    readonly individual: ChainReport | null;
    readonly prototype: ChainReport | null;
    readonly noHistory: ChainReport | null;
    readonly swapped: ChainReport | null;
  };
}

/** Names of traits in words. */
export const TRAITS = {
  history: 'history events',
  group: 'user',
  criteria: 'criteria',
  subset: 'subset',
} as const;

/** The accuracy that stands first. */
export function headline(contender: ContenderReport, { settings }: EvaluationReport): Figure {
  return contender.accuracy[settings.ties];
}

/** A share as a percentage, such as `61.3`; `-` where there is none. */
export function percent(value: number | null | undefined, digits = 1): string {
  return value === null || value === undefined ? '-' : (100 * value).toFixed(digits);
}

/** An interval of shares in percent, such as `57.0 to 65.2`, or `cannot be told`. */
export function intervalText(interval: Interval, digits = 1): string {
  if (interval.untold !== undefined) return 'cannot be told';
  return `${percent(interval.low, digits)} to ${percent(interval.high, digits)}`;
}

/** A p-value, such as `0.012` or `< 0.001`. */
export function pText(pValue: number): string {
  return pValue < 0.001 ? '< 0.001' : pValue.toFixed(3);
}

/** A difference in points with its sign, such as `+1.4`. */
export function points(value: number): string {
  return `${value < 0 ? '-' : '+'}${(100 * Math.abs(value)).toFixed(1)}`;
}

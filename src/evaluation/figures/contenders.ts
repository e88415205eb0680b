// The ways to judge that an evaluation compares: levels and baselines, each with its outcome on a row.
// Knows stored rows; adds up what concerns one level alone (tokens, calibration).

import type { AggregateOptions } from '../../scaling/aggregate-levels.js';
import { levelName, type ScalingLevel } from '../../scaling/level.js';
import { winnerUncertainty } from '../../scaling/uncertainty.js';
import type { IntervalSettings } from '../../statistics/cluster-interval.js';
import type { BaselinesByRow } from '../baselines/row-baselines.js';
import { rowKey } from '../chains/chains-file.js';
import type { ChainsRow } from '../chains/chains-record.js';
import { type Calibration, CalibrationTally } from './calibration.js';
import {
  type AggregateSettings,
  FAILED,
  judgmentsAt,
  type LevelJudgment,
  longestOutcome,
  noHistoryOutcome,
  type RowOutcome,
  rowOutcome,
} from './level-outcome.js';
import { type Recalibration, type RowJudgments, recalibrate } from './recalibration.js';
import { levelChains } from './subsets.js';

/** One way to judge. */
export interface Contender {
  readonly name: string;
  /** Null for baselines that are no level. */
  readonly level: ScalingLevel | null;
  /** In words, for reports. */
  readonly meaning: string;
  outcome(settings: AggregateSettings, row: ChainsRow, label: number): RowOutcome;
}

/** Names of the baselines that are no level. */
export const BASELINES = {
  noHistory: 'no history',
  longest: 'longest response',
  others: "others' choices",
  ownStyle: 'style, own choices',
  allStyle: "style, everybody's choices",
  bothStyles: 'style, both',
} as const;

/** The same model without history and criteria, one chain. */
export const NO_HISTORY: Contender = {
  name: BASELINES.noHistory,
  level: null,
  meaning: 'the same model, one chain, neither history nor stated criteria',
  outcome: noHistoryOutcome,
};

/** No model at all. */
export const LONGEST: Contender = {
  name: BASELINES.longest,
  level: null,
  meaning: 'the response of most characters',
  outcome: (_, row, label) => longestOutcome(row, label),
};

const MEANINGS = {
  others: 'how often other users chose a response; no model',
  ownStyle: "regression on the style of the user's known choices; no model",
  allStyle: "regression on the style of all users' known choices; no model",
  bothStyles: "all users' style weights with the user's own above them; no model",
} as const;

/** What is told of users' choices without a model. A row that `rows` does not have counts as failed. */
export function rowContenders(rows: BaselinesByRow): Contender[] {
  const kinds = ['others', 'ownStyle', 'allStyle', 'bothStyles'] as const;
  return kinds.map((kind) => ({
    name: BASELINES[kind],
    level: null,
    meaning: MEANINGS[kind],
    outcome: (_, { row, id }) => {
      const known = rows.get(rowKey(row, id));
      return known === undefined ? FAILED : valueOutcome(known.values[kind]);
    },
  }));
}

/** The outcome of 1 (right), 0.5 (undecided) or 0 (wrong); of means with the share that is undecided. */
export function valueOutcome(half: number, tied = half === 0.5 ? 1 : 0): RowOutcome {
  return { correct: half - tied / 2, tied, failed: 0, half };
}

/** A level as a contender that adds up its own tokens and probabilities as it judges. */
export class LevelContender implements Contender {
  readonly name: string;
  readonly level: ScalingLevel;
  readonly meaning: string;
  readonly #calibration = new CalibrationTally();
  readonly #stated: RowJudgments[] = [];
  #judgments: readonly LevelJudgment[] = [];
  #rows = 0;
  #perRow = 0;
  #tokens = 0;
  #withoutProbability = 0;

  constructor(level: ScalingLevel) {
    this.level = level;
    this.name = levelName(level);
    const { individual, prototype } = level;
    const similar = prototype === 0 ? '' : `, ${prototype} as similar users`;
    this.meaning = `${individual} ${individual === 1 ? 'chain' : 'chains'} for the user${similar}`;
  }

  outcome(settings: AggregateSettings, row: ChainsRow, label: number): RowOutcome {
    this.#judgments = row.status === 'judged' ? judgmentsAt(settings, row, this.level) : [];
    if (this.#judgments.length > 0) {
      this.#rows += 1;
      this.#perRow += this.#judgments.length;
      this.#tokens += tokensAt(row, this.level);
    }
    return rowOutcome(this.#judgments, label);
  }

  /** Takes the stated probabilities of the row that {@link outcome} saw last; `user` is its user's number. */
  calibrate(options: AggregateOptions, label: number, user: number): void {
    const weight = 1 / Math.max(1, this.#judgments.length);
    const stated = this.#judgments.flatMap(({ outcome, individual, prototype, individualShare }) => {
      if (outcome.winner === null) return [];
      const weighed = { ...options, individualShare };
      const probability = winnerUncertainty(outcome, individual, prototype, weighed)?.probability;
      if (probability === undefined) {
        this.#withoutProbability += weight;
        return [];
      }
      return [{ probability, correct: outcome.winner === label, weight }];
    });
    this.#calibration.add(stated, user);
    if (stated.length > 0) this.#stated.push({ user, judgments: stated });
  }

  /** Judgments that a row holds, and new tokens that one of them costs, both on average; null without rows. */
  get cost(): { readonly judgmentsPerRow: number; readonly tokens: number } | null {
    if (this.#rows === 0) return null;
    return { judgmentsPerRow: this.#perRow / this.#rows, tokens: this.#tokens / this.#rows };
  }

  /** Judgments with a winner and no probability, such as those of a single chain. */
  get withoutProbability(): number {
    return this.#withoutProbability;
  }

  calibration(settings: IntervalSettings): Promise<Calibration> {
    return this.#calibration.report(settings);
  }

  /** The calibration of probabilities mapped by what other users' rows tell; null where it cannot be told. */
  recalibration(settings: IntervalSettings): Promise<Recalibration | null> {
    return recalibrate(settings, this.#stated);
  }
}

/** New tokens of one judgment, averaged over those that the row holds. */
function tokensAt(row: ChainsRow, level: ScalingLevel): number {
  const groups = levelChains(row.chains, level);
  const all = groups.flatMap(({ individual, prototype }) => [...individual, ...prototype]);
  return all.reduce((sum, { tokens }) => sum + tokens, 0) / groups.length;
}

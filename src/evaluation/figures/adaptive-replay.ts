// Adaptive stopping replayed over stored chains: what it would have answered, what it would have saved.
// Knows stored chains and the stopping rule; samples nothing.

import { aggregateLevels, type LevelOutcome } from '../../scaling/aggregate-levels.js';
import { levelName, type ScalingLevel } from '../../scaling/level.js';
import { type LevelProgress, mayStop } from '../../scaling/stopping.js';
import { planWaves } from '../../scaling/waves.js';
import type { ChainsRow, StoredChain } from '../chains/chains-record.js';
import {
  type AggregateSettings,
  FAILED,
  outcomeOf,
  type RowOutcome,
  scoresOf,
  weighedChains,
} from './level-outcome.js';
import { levelChains } from './subsets.js';

/** One judgment as it would have stopped, beside the whole one. */
interface Replay {
  readonly early: LevelOutcome;
  readonly whole: LevelOutcome;
  readonly used: readonly StoredChain[];
  readonly all: readonly StoredChain[];
}

/** Sums over the judgments that a row holds, each judgment an equal part of the row. */
export interface ReplayedRow {
  readonly chains: number;
  readonly usedChains: number;
  /** New tokens. */
  readonly tokens: number;
  readonly usedTokens: number;
  /** Share of judgments whose winner is another one than that of all chains. */
  readonly changed: number;
}

/** A level that stops at a risk, as a way to judge. */
export class AdaptiveContender {
  readonly level: ScalingLevel;
  readonly risk: number;
  /** Such as `ind-16+pro-8 at 0.05`. */
  readonly name: string;
  /** By row, in the order in which they were judged. */
  readonly rows: ReplayedRow[] = [];

  constructor(level: ScalingLevel, risk: number) {
    this.level = level;
    this.risk = risk;
    this.name = `${levelName(level)} at ${risk}`;
  }

  /**
   * The outcome of a row, noted with what was used. Chains are admitted wave by wave as a judgment does; those that a judgment
   * would cancel within a wave count as used, so that the savings are the least there are.
   */
  outcome(settings: AggregateSettings, row: ChainsRow, label: number, byChain: boolean): RowOutcome {
    const replays = row.status === 'judged' ? replay(settings, row, this, byChain) : [];
    if (replays.length === 0) {
      this.rows.push({ chains: 0, usedChains: 0, tokens: 0, usedTokens: 0, changed: 0 });
      return FAILED;
    }
    const mean = (of: (one: Replay) => number): number =>
      replays.reduce((sum, one) => sum + of(one), 0) / replays.length;
    this.rows.push({
      chains: mean(({ all }) => all.length),
      usedChains: mean(({ used }) => used.length),
      tokens: mean(({ all }) => tokensOf(all)),
      usedTokens: mean(({ used }) => tokensOf(used)),
      changed: mean(({ early, whole }) => (early.winner === whole.winner ? 0 : 1)),
    });
    const outcomes = replays.map(({ early }) => outcomeOf(early.scores, label));
    const share = (of: keyof RowOutcome): number =>
      outcomes.reduce((sum, one) => sum + one[of], 0) / outcomes.length;
    return { correct: share('correct'), tied: share('tied'), failed: share('failed'), half: share('half') };
  }
}

/** Levels of which a judgment could stop before its end. */
export function stoppingLevels(levels: readonly ScalingLevel[], candidates = 2): ScalingLevel[] {
  return levels.filter((level) => planWaves(level, candidates).length > 1);
}

function replay(
  settings: AggregateSettings,
  row: ChainsRow,
  { level, risk }: Pick<AdaptiveContender, 'level' | 'risk'>,
  byChain: boolean,
): Replay[] {
  const candidates = row.lengths.length;
  const waves = planWaves(level, candidates);
  const { kernels, aggregate, neighbourWeights = 'equal' } = settings;
  const rule = {
    candidates,
    risk,
    looks: Math.max(1, waves.length - 1),
    method: aggregate.method === 'wins' ? ('wins' as const) : ('mean' as const),
  };
  return levelChains(row.chains, level).map(({ individual, prototype }) => {
    const own = individual.map(scoresOf);
    const { prototype: similar, individualShare } = weighedChains(prototype, neighbourWeights, aggregate);
    const weighed = { ...aggregate, individualShare };
    const at = (count: ScalingLevel): { own: LevelProgress; similar: LevelProgress; ended: number } => {
      const seen = own.slice(0, count.individual);
      // Neighbours are sought by an own chain that can be read; until there is one, none of theirs is written.
      const waits = byChain && !seen.some(({ scores }) => scores !== null);
      const ended = waits ? 0 : Math.min(similar.length, count.prototype);
      return {
        own: { ended: seen, toCome: own.slice(count.individual).map(() => 1) },
        similar: {
          ended: similar.slice(0, ended),
          toCome: similar.slice(ended).map(({ weight = 1 }) => weight),
        },
        ended,
      };
    };
    const stop = waves.slice(0, -1).find((wave) => {
      const { own: ownNow, similar: similarNow } = at(wave);
      return mayStop(ownNow, similarNow, { ...rule, individualShare }) !== null;
    });
    const whole = aggregateLevels(kernels, candidates, own, similar, weighed);
    const all = [...individual, ...prototype];
    if (stop === undefined) return { early: whole, whole, used: all, all };
    const now = at(stop);
    return {
      early: aggregateLevels(kernels, candidates, now.own.ended, now.similar.ended, weighed),
      whole,
      used: [...individual.slice(0, stop.individual), ...prototype.slice(0, now.ended)],
      all,
    };
  });
}

function tokensOf(chains: readonly StoredChain[]): number {
  return chains.reduce((sum, { tokens }) => sum + tokens, 0);
}

// Whether more chains could still change the winner: the stopping rule of adaptive scaling.
// Knows scores seen and chains to come; nothing of generators.

import { upperTail } from '../statistics/student-t.js';
import { summedVariance } from '../statistics/summed-variance.js';
import { unseenKindTurns } from '../statistics/unseen-kind.js';
import type { ChainScores } from './aggregate-levels.js';
import { TIE_TOLERANCE } from './aggregate-levels.js';
import { bothSpreads, type LevelSpread, largestDifference } from './spread.js';

/** A level in the middle of a judgment. */
export interface LevelProgress {
  /** Chains that have ended, the lost ones too. */
  readonly ended: readonly ChainScores[];
  /** Weights of the chains still to come. */
  readonly toCome: readonly number[];
}

/** What the rule is held to. */
export interface StoppingOptions {
  readonly candidates: number;
  /** Probability with which the winner may differ from that of all planned chains; range [0, 0.5]. */
  readonly risk: number;
  /** How often the rule looks before all chains have ended, at least 1: the more often, the less risk a look. */
  readonly looks: number;
  readonly method: 'mean' | 'wins';
  /** Weight of the individual level where both have usable chains. */
  readonly individualShare: number;
}

/**
 * Fewest usable chains, of both levels together, whose spread is taken as telling; and how many a chain counts as whose
 * scores were read from distributions, which show the scores that it did not draw.
 */
const FEWEST_CHAINS = 4;
const READ_CHAIN_COUNTS = 4;

/** How the risk is divided among looks: 1 would take them as unlike each other, 0 as one and the same. */
const LOOKS_POWER = 0.75;

/** `certain`: whatever the other chains say, the winner stays; `likely`: it does except with the risk. */
export type StopReason = 'certain' | 'likely';

/**
 * Whether a judgment may stop, and why; null where it has to go on.
 *
 * The target is the winner with all planned chains, so what counts is the final difference D between the leader and
 * each other candidate: the share-weighted mean of both levels, of which a part is seen and the rest is to come.
 *
 * `certain` assumes nothing but the range of scores: D stays above 0 even where each chain to come favours the other
 * candidate by the whole scale, and even where a level that has no usable chain yet never gets one. It spends no
 * risk, so it may be asked after every chain.
 *
 * `likely` is a finite-horizon test. Given k chains seen of a level with mean d and variance s^2, and r to come, the
 * level's final mean lies around d with variance s^2 r / (k (k + r)), Student-distributed with the degrees of freedom
 * of s^2 (the predictive distribution of a normal sample; with chain weights the corresponding sums). The levels add up
 * with the squares of their shares, degrees of freedom after Welch and Satterthwaite. It stops where the sum, over the
 * other candidates, of P(D <= 0) is at most risk / looks^0.75, and never before 4 usable chains, or one whose
 * scores were read. Dividing by the number of
 * looks would be the union bound; but looks at one and the same row of chains overlap, and it keeps the error at half of the
 * risk and below. Where no chain so far favours the other candidate, P(D <= 0) is at least the probability that chains of a kind not
 * yet seen turn the winner over (`unseen-kind.ts`): a small spread of a few like chains must not hide another reading.
 * Assumptions: chains of a level are exchangeable; their differences are near enough to normal, or their mean is, or they fall
 * into two kinds of which the one not seen lies at most twice as far from zero. The variance is shrunk (`spread.ts`),
 * since few chains on a coarse scale often agree by chance. Waves hold each presentation order equally often, so a
 * position bias only widens s. `bench/stopping` measures the error in worlds with and without these assumptions.
 * Distribution-free bounds for bounded scores (empirical Bernstein, Hoeffding) need hundreds of chains on a scale of 9
 * points to stop at all, and neither uses that the horizon is finite.
 */
export function mayStop(
  individual: LevelProgress,
  prototype: LevelProgress,
  options: StoppingOptions,
): StopReason | null {
  const leader = leaderOf(individual, prototype, options);
  if (leader === null) return null;
  const others = Array.from({ length: options.candidates }, (_, index) => index).filter((c) => c !== leader);
  const finals = others.map((other) => finalDifference(individual, prototype, [leader, other], options));
  if (finals.every((final) => final.least > TIE_TOLERANCE)) return 'certain';
  const usable = [...individual.ended, ...prototype.ended].filter(({ scores }) => scores !== null);
  const counted = usable.reduce((sum, chain) => sum + countOf(chain, options.method), 0);
  if (options.risk === 0 || counted < FEWEST_CHAINS) return null;
  const changed = finals.reduce((sum, final) => sum + final.notAbove, 0);
  return changed <= options.risk / options.looks ** LOOKS_POWER ? 'likely' : null;
}

function countOf({ variances }: ChainScores, method: StoppingOptions['method']): number {
  return variances === undefined || method === 'wins' ? 1 : READ_CHAIN_COUNTS;
}

/** As {@link mayStop}, asked between the looks: it spends no risk. */
export function isCertain(
  individual: LevelProgress,
  prototype: LevelProgress,
  options: Omit<StoppingOptions, 'risk' | 'looks'>,
): boolean {
  return mayStop(individual, prototype, { ...options, risk: 0, looks: 1 }) !== null;
}

/** The candidate with no other above it so far; null without usable chains. */
function leaderOf(
  individual: LevelProgress,
  prototype: LevelProgress,
  { candidates, method, individualShare }: StoppingOptions,
): number | null {
  let leader = 0;
  for (let other = 1; other < candidates; other += 1) {
    const { individual: own, prototype: similar } = bothSpreads(
      individual.ended,
      prototype.ended,
      [leader, other],
      method,
    );
    if (own === null && similar === null) return null;
    if (mixed(own?.mean ?? null, similar?.mean ?? null, individualShare) < 0) leader = other;
  }
  return leader;
}

interface FinalDifference {
  /** The least that the final difference can be. */
  readonly least: number;
  /** Probability that the final difference is not above 0; 1 where it cannot be told. */
  readonly notAbove: number;
}

function finalDifference(
  individual: LevelProgress,
  prototype: LevelProgress,
  pair: readonly [number, number],
  { method, individualShare }: StoppingOptions,
): FinalDifference {
  const range = largestDifference(method);
  const spreads = bothSpreads(individual.ended, prototype.ended, pair, method);
  const own = levelFinal(spreads.individual, individual.toCome, range);
  const similar = levelFinal(spreads.prototype, prototype.toCome, range);
  // A level that has no usable chain yet counts with the least of the scale: to have none in the end is never worse.
  const least = mixed(own.least, similar.least, individualShare);
  return {
    least,
    notAbove: Math.max(
      notAbove(own, similar, individualShare),
      turnedOver(spreads, own, similar, individualShare),
    ),
  };
}

/** Probability that a kind of chains not yet seen turns the difference over; 0 where both kinds were seen. */
function turnedOver(
  spreads: ReturnType<typeof bothSpreads>,
  own: LevelFinal,
  similar: LevelFinal,
  individualShare: number,
): number {
  const [a, b] = [spreads.individual, spreads.prototype];
  const toCome = own.toCome + similar.toCome;
  if ((a?.against ?? 0) + (b?.against ?? 0) > 0 || toCome === 0) return 0;
  const share = own.expected === null ? 0 : similar.expected === null ? 1 : individualShare;
  const shareToCome = share * own.shareToCome + (1 - share) * similar.shareToCome;
  if (shareToCome === 0) return 0;
  const seen = [a, b].reduce(
    (sum, spread) => sum + (spread?.usable ?? 0) * (spread?.read === true ? READ_CHAIN_COUNTS : 1),
    0,
  );
  return unseenKindTurns({ seen, toCome, shareToCome });
}

/** A level at its end, as far as it can be foreseen. */
interface LevelFinal {
  /** The least that its mean can be; null where the level has no chains at all. */
  readonly least: number | null;
  /** Its expected mean, and the variance around it; null where no chain is usable yet. */
  readonly expected: { readonly mean: number; readonly variance: number; readonly degrees: number } | null;
  /** Chains to come that have a weight, and the share of the level's weight that they make up. */
  readonly toCome: number;
  readonly shareToCome: number;
}

function levelFinal(spread: LevelSpread | null, toCome: readonly number[], range: number): LevelFinal {
  const rest = toCome.reduce((sum, weight) => sum + weight, 0);
  const weight = spread?.weight ?? 0;
  const coming = {
    toCome: toCome.filter((one) => one > 0).length,
    shareToCome: rest === 0 ? 0 : rest / (weight + rest),
  };
  if (spread === null) return { least: rest > 0 ? -range : null, expected: null, ...coming };
  const { mean, squaredWeight, variance, degrees } = spread;
  const restSquared = toCome.reduce((sum, one) => sum + one ** 2, 0);
  const total = weight + rest;
  return {
    least: (mean * weight - range * rest) / total,
    expected: {
      mean,
      variance: (variance * ((rest ** 2 * squaredWeight) / weight ** 2 + restSquared)) / total ** 2,
      degrees,
    },
    ...coming,
  };
}

function notAbove(own: LevelFinal, similar: LevelFinal, individualShare: number): number {
  const open = (level: LevelFinal): boolean => level.least !== null && level.expected === null;
  if (open(own) || open(similar)) return 1;
  const [a, b] = [own.expected, similar.expected];
  const share = a === null ? 0 : b === null ? 1 : individualShare;
  const part = (level: typeof a, weight: number) =>
    level === null ? [] : [{ variance: weight ** 2 * level.variance, degrees: level.degrees }];
  const { variance, degrees } = summedVariance([...part(a, share), ...part(b, 1 - share)]);
  const difference = mixed(a?.mean ?? null, b?.mean ?? null, individualShare);
  if (variance === 0) return difference > TIE_TOLERANCE ? 0 : 1;
  return upperTail(difference / Math.sqrt(variance), degrees);
}

/** The paper's combination: a missing level passes its weight on. At least one level is there. */
function mixed(own: number | null, similar: number | null, individualShare: number): number {
  if (own === null) return similar ?? 0;
  if (similar === null) return own;
  return individualShare * own + (1 - individualShare) * similar;
}

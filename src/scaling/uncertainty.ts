// How sure a judgment is: the probability that its winner wins, and an interval on the difference of scores.
// Knows the chains' scores only; whether the user agrees is for an evaluation to say.

import { tQuantile, upperTail } from '../statistics/student-t.js';
import { summedVariance } from '../statistics/summed-variance.js';
import type { AggregateOptions, ChainScores, LevelOutcome } from './aggregate-levels.js';
import { bothSpreads, ranking } from './spread.js';

/** How sure a judgment is, as far as the spread of its chains tells. */
export interface Uncertainty {
  /** The best candidate and the second best, as indices; on a tie the first two of the leaders. */
  readonly pair: readonly [number, number];
  /** Score of the first minus score of the second, at least 0. */
  readonly difference: number;
  /** 95% interval of the difference that ever more chains would tend to. */
  readonly interval: readonly [number, number];
  /**
   * Probability that ever more chains would put the first of the pair above all others: at least 0, near 0.5 for
   * two equal candidates.
   */
  readonly probability: number;
}

/** Variance of a method's mean over that of the plain mean, for normal differences. */
const WIDENING = {
  mean: 1,
  wins: 1,
  /** Of many chains; of few it is less. */
  median: Math.PI / 2,
} as const;

/**
 * The uncertainty of an outcome; null where it cannot be told: fewer than two usable chains at each level, unless their
 * scores were read from distributions.
 *
 * Model: at each level the chains' differences between two candidates are independent draws of one distribution; the
 * mean of them is compared with its standard error by Student's t. The variance of a level is shrunk: one more chain of
 * variance 0.25 (half a point of the scale; 1 for votes) is added to its own, so that two chains that happen to agree are not taken as
 * certain. Chains whose scores were read state a variance of their own: its mean takes the place of that one chain's, with the
 * worth of 4, so that one chain alone tells how sure it is. Any other level with one chain takes the other level's variance. The levels' variances add up with the squares of
 * their shares, degrees of freedom after Welch and Satterthwaite. With more than two candidates the probability is 1
 * less the sum of the probabilities with which each other one is better (a bound, never too high). Presentation orders
 * alternate, so a position bias adds to the spread, and the interval is wide rather than narrow. A median's variance
 * is taken as pi / 2 of the mean's, a trimmed mean's as 1 / (1 - 2 trim) of it.
 */
export function winnerUncertainty(
  outcome: Pick<LevelOutcome, 'scores'>,
  individual: readonly ChainScores[],
  prototype: readonly ChainScores[],
  options: AggregateOptions = {},
): Uncertainty | null {
  const order = ranking(outcome);
  const { scores } = outcome;
  const [best, second] = order;
  if (scores === null || best === undefined || second === undefined) return null;
  const compare = (other: number): { difference: number; error: number; degrees: number } | null => {
    const parts = errorOf(individual, prototype, [best, other], options);
    return parts === null
      ? null
      : {
          difference: scores[best]! - scores[other]!,
          error: Math.sqrt(parts.variance),
          degrees: parts.degrees,
        };
  };
  let beaten = 0;
  for (const other of order.slice(1)) {
    const one = compare(other);
    if (one === null) return null;
    beaten += upperTail(one.difference / one.error, one.degrees);
  }
  const { difference, error, degrees } = compare(second)!;
  const reach = tQuantile(0.95, degrees) * error;
  return {
    pair: [best, second],
    difference,
    interval: [difference - reach, difference + reach],
    probability: Math.max(0, 1 - beaten),
  };
}

function errorOf(
  individual: readonly ChainScores[],
  prototype: readonly ChainScores[],
  pair: readonly [number, number],
  { method = 'mean', trim = 0.1, individualShare = 0.5 }: AggregateOptions,
): { variance: number; degrees: number } | null {
  const spreads = bothSpreads(individual, prototype, pair, method);
  const { individual: own, prototype: similar } = spreads;
  const tells = (spread: typeof own): boolean => spread !== null && (spread.read || spread.usable > 1);
  if (!tells(own) && !tells(similar)) return null;
  const share = own === null ? 0 : similar === null ? 1 : individualShare;
  const widening = method === 'trimmed' ? 1 / (1 - 2 * trim) : WIDENING[method];
  const part = (spread: typeof own, weight: number) =>
    spread === null || weight === 0
      ? []
      : [
          {
            variance: (weight ** 2 * widening * spread.variance * spread.squaredWeight) / spread.weight ** 2,
            degrees: spread.degrees,
          },
        ];
  return summedVariance([...part(own, share), ...part(similar, 1 - share)]);
}

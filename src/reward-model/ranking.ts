// Candidates in the order of their scores, and the best of them.
// Knows judgments; nothing of how they come about.

import type { Judgment } from './judgment.js';

/** A candidate with its place. */
export interface RankedCandidate {
  /** Index into `candidates` as given. */
  readonly index: number;
  readonly candidate: string;
  readonly score: number;
  /** From 1; candidates with equal scores share a rank, and the next rank is left out. */
  readonly rank: number;
}

/** The candidates of one judgment, ordered. */
export interface Ranking {
  /** Best first; empty where no chain is usable, as `judgment.status` says. */
  readonly ranked: readonly RankedCandidate[];
  /** Scores in the order of `candidates`; null where no chain is usable. */
  readonly scores: readonly number[] | null;
  readonly judgment: Judgment;
}

/** The best of n candidates. */
export interface BestOfN {
  /** Null where no chain is usable. */
  readonly best: RankedCandidate | null;
  /** Whether another candidate has the same score. */
  readonly tie: boolean;
  readonly ranking: Ranking;
}

/** Orders candidates by the scores of their judgment; equal scores keep the order given. */
export function rankingOf(candidates: readonly string[], judgment: Judgment): Ranking {
  const { scores } = judgment;
  if (scores === null) return { ranked: [], scores, judgment };
  const ranked = candidates
    .map((candidate, index) => ({ index, candidate, score: scores[index]! }))
    .sort((a, b) => b.score - a.score)
    .map((one) => ({ ...one, rank: 1 + scores.filter((score) => score > one.score).length }));
  return { ranked, scores, judgment };
}

/** The first of a ranking. */
export function bestOf(ranking: Ranking): BestOfN {
  const [best = null, second] = ranking.ranked;
  return { best, tie: second !== undefined && second.rank === best?.rank, ranking };
}

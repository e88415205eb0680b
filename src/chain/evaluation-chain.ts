// What an evaluation chain is once it is read, and what its reader is told.
// Types and names alone.

import type { JsonRepair } from './object/json-part.js';
import type { Criterion } from './rubric.js';

/** Why a chain gives no scores. */
export const LOST_REASONS = [
  'empty', // no text
  'noJson', // no part 2 that could hold scores
  'cutOff', // the text ends in thoughts, or before every response has a score
  'missingScore', // part 2 is whole, and a response has no score in it
  'outOfRange', // a stated score is not on the scale of 1 to 10
  'tooLong', // more characters than any judgment has
] as const;

/** One of {@link LOST_REASONS}. */
export type LostReason = (typeof LOST_REASONS)[number];

/** What had to be mended to read a chain. */
export type ChainRepair =
  | JsonRepair
  | 'noStartMarker' // no `<JSON_START>`
  | 'noEndMarker' // no `<JSON_END>`
  | 'unclosedJson' // the object ends before its closing brace
  | 'doubleEscaped' // line breaks of the rationale were escaped twice
  | 'stringScores' // scores as strings
  | 'fraction' // scores as `8/10` or `8 out of 10`
  | 'oddKeys' // response keys in another spelling
  | 'swappedKeys' // response keys in another order
  | 'conflictingScores' // one response with two scores
  | 'scoreFromBreakdown'; // a score that only the breakdown has

/** What a chain says of one response, in the order in which the responses were presented. */
export interface ResponseScore {
  /** One score per criterion of the rubric, 1 to 10; null unless all of them are there. */
  readonly criterionScores: readonly number[] | null;
  /** The final score as stated in the JSON, else in the breakdown, 1 to 10. */
  readonly stated: number | null;
  /** The weighted mean of the criterion scores; null unless the weights sum to 100 (within 0.5). */
  readonly recomputed: number | null;
  /** The one that counts, of the same kind for all responses; null where the chain is not usable. */
  readonly score: number | null;
  /** Stated and recomputed score, or the two places that state one, differ by more than rounding. */
  readonly inconsistent: boolean;
}

/** An evaluation chain, read. */
export interface EvaluationChain {
  /** Every response has a score. */
  readonly usable: boolean;
  /** Why not, where it is not usable. */
  readonly lost?: LostReason;
  /** Part 1, section 1: who this user is. */
  readonly personaText: string;
  /** All of part 1: what gets embedded. */
  readonly analysisText: string;
  /** From the rationale, else from part 1. */
  readonly rubric: readonly Criterion[];
  /** Percent; null where a weight is unknown or there is no rubric. */
  readonly weightSum: number | null;
  readonly responses: readonly ResponseScore[];
  readonly recovered: readonly ChainRepair[];
  /**
   * Of a chain whose scores were chosen and not written out: the probabilities of the scores from 1 to 10. Shape
   * [responses][criteria][10].
   */
  readonly distributions?: readonly (readonly (readonly number[])[])[];
}

/** How to read a chain. */
export interface ReadChainOptions {
  /** Number of responses that were presented, at least 1. */
  readonly responses: number;
  /**
   * Which kind of score counts where a chain has both for every response; default `recomputed`. Where one response lacks
   * it, the other kind counts for all of them.
   */
  readonly prefer?: 'recomputed' | 'stated';
  /** The prompt ended inside thoughts, so that the text begins in them; default false. Text alone cannot tell. */
  readonly thoughtsOpened?: boolean;
  /** The text of the prompt: an object that stands in it is a quotation and gives no scores. Default: none is known. */
  readonly prompt?: string;
}

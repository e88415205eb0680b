// Reads an evaluation chain as a model wrote it: persona, rubric, scores per criterion and per response.
// Never invents a score: what the text does not say or contradicts is missing, and the chain is lost.

import { findJsonParts, type JsonRepair } from './object/json-part.js';
import { isExampleRubric, OwnObjects } from './object/own-object.js';
import { type PartReading, readJsonPart } from './part-scores.js';
import { type Part1, part1Reader } from './persona.js';
import { type Criterion, readRubric, sumWeights } from './rubric.js';
import { withoutUnseen } from './text/plain-text.js';
import { withoutThoughts } from './text/thoughts.js';

/** Why a chain gives no scores. */
export const LOST_REASONS = [
  'empty', // no text
  'noJson', // no part 2 that could hold scores
  'cutOff', // the text ends in thoughts, or before every response has a score
  'missingScore', // part 2 is whole, and a response has no score in it
  'outOfRange', // a stated score is not on the scale of 1 to 10
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

/**
 * Reads a chain. Takes any text, never throws, in time linear in the text's length.
 *
 * Thoughts are set apart first, whatever marks they stand in; a text that ends in them is `cutOff`. Where several JSON
 * objects stand in the rest, the last whole one counts that stands where a judgment stands and not in the prompt. A
 * score comes from `better_response`, from the response's Final Score line or from its complete breakdown; a response
 * without any of them makes the chain lost, and so does a stated score outside 1 to 10. A recomputed score that
 * disagrees with the stated one counts only where the Final Score line's own arithmetic bears it out, or where that
 * line has none and every criterion's score is out of 10. A number at the very end of a text that was cut off is not
 * taken. Source: the form of chains in P-GenRM (arXiv 2602.12116).
 */
export function readChain(text: string, options: ReadChainOptions): EvaluationChain {
  const written = withoutUnseen(text).replace(/\r\n?/g, '\n');
  const { text: source, unfinished } = withoutThoughts(written, options.thoughtsOpened);
  const readPart1 = part1Reader(source);
  const own = new OwnObjects(source, options.prompt ?? '');
  const parts = unfinished ? [] : findJsonParts(source, options.responses).filter((part) => own.isOwn(part));
  const readings = parts
    .map((part) => {
      const part1 = readPart1(part.start);
      return { part1, ...readJsonPart(part, readRubric(part1.rubricLines), options) };
    })
    .filter(({ rubric }) => !isExampleRubric(rubric));
  const reading =
    readings.findLast((candidate) => candidate.complete) ??
    readings.findLast((candidate) => candidate.usable) ??
    readings.at(-1) ??
    withoutJson(readPart1(source.length), options.responses, reasonWithoutJson(source, unfinished));
  const { usable, lost, part1, rubric, responses, recovered } = reading;
  return {
    usable,
    ...(lost === undefined ? {} : { lost }),
    personaText: part1.persona,
    analysisText: part1.analysis,
    rubric,
    weightSum: sumWeights(rubric),
    responses,
    recovered,
  };
}

function reasonWithoutJson(source: string, unfinished: boolean): LostReason {
  if (unfinished) return 'cutOff';
  return source.trim() === '' ? 'empty' : 'noJson';
}

function withoutJson(
  part1: Part1,
  responses: number,
  lost: LostReason,
): PartReading & { readonly part1: Part1 } {
  return {
    part1,
    complete: false,
    usable: false,
    lost,
    rubric: readRubric(part1.rubricLines),
    responses: Array.from({ length: responses }, () => ({
      criterionScores: null,
      stated: null,
      recomputed: null,
      score: null,
      inconsistent: false,
    })),
    recovered: [],
  };
}

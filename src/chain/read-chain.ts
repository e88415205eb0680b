// Reads an evaluation chain as a model wrote it: persona, rubric, scores per criterion and per response.
// Never invents a score: what the text does not say or contradicts is missing, and the chain is lost.

import type { EvaluationChain, LostReason, ReadChainOptions } from './evaluation-chain.js';
import { findJsonParts } from './object/find-parts.js';
import { isExampleRubric, OwnObjects } from './object/own-object.js';
import { type PartReading, readJsonPart } from './part-scores.js';
import { type Part1, part1Reader } from './persona.js';
import { readRubric, sumWeights } from './rubric.js';
import { withoutUnseen } from './text/plain-text.js';
import { withoutThoughts } from './text/thoughts.js';

export type {
  ChainRepair,
  EvaluationChain,
  LostReason,
  ReadChainOptions,
  ResponseScore,
} from './evaluation-chain.js';
export { LOST_REASONS } from './evaluation-chain.js';

/** Most characters of a text that is read; a longer one is `tooLong`. */
export const MAX_CHAIN_CHARS = 8_388_608;

/**
 * Reads a chain. Takes any text, never throws, in time linear in the text's length, of which 8,388,608 characters are read
 * at most.
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
  if (text.length > MAX_CHAIN_CHARS)
    return readingOf(withoutJson(part1Reader('')(0), options.responses, 'tooLong'));
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
  return readingOf(reading);
}

function readingOf(reading: PartReading & { readonly part1: Part1 }): EvaluationChain {
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

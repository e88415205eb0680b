// Divides a rationale into its criteria and the blocks of the responses, and reads the blocks against the rubric.
// Knows lines and names; takes nothing that the text contradicts.

import { type Criterion, type ListLine, toListLine } from '../rubric.js';
import { plainText } from '../text/plain-text.js';
import { responseNumber } from '../text/response-name.js';
import { readCriterionScore, readPlacedFraction } from './criterion-score.js';
import { type FinalLine, isFinalLine, namedFinals, readFinalLine } from './final-line.js';
import { ROUNDING_TOLERANCE, type ScoreReading } from './score-text.js';

/** What the breakdown says of one response. */
export interface ResponseBreakdown {
  /** One score per criterion, in the rubric's order; null unless each is there once, from 1 to 10. */
  readonly criterionScores: readonly number[] | null;
  /** Every criterion's score is written as one out of 10. */
  readonly outOfTen: boolean;
  /** The response's final score line. */
  readonly final: ScoreReading;
  /** What the sums on that line come to. */
  readonly sums: readonly number[];
}

/** A rationale taken apart. */
export interface Breakdown {
  /** The lines before the first response's block, heading of the breakdown left out. */
  readonly criteriaLines: readonly string[];
  /** Lines of each block; a response may have several. */
  readonly blocks: readonly { readonly response: number; readonly lines: readonly string[] }[];
  /** Final scores on lines that name their response, wherever they stand. */
  readonly finals: readonly { readonly response: number; readonly line: FinalLine }[];
}

const RESPONSE_HEADING =
  /^[ \t#*_>-]{0,12}(?:for[ \t]|\d{1,2}[.)][ \t*]{0,4})?((?:response|\u56de\u590d|\u56de\u7b54)[ \t_#]{0,3}(?:\d{1,3}|[A-J]))[ \t*_]{0,4}(?:\([^)\n]{0,80}\))?[ \t*_]{0,4}(?:[:-](.*))?$/iu;
const BREAKDOWN_HEADING =
  /^[ \t#*_>]{0,12}(?:B[.):][ \t*_]{0,4})?(?:scoring breakdown\b|\u8bc4\u5206\u660e\u7ec6)/i;

/** Divides a rationale into its criteria and the blocks of the responses. */
export function divideRationale(rationale: string): Breakdown {
  const criteriaLines: string[] = [];
  const blocks: { response: number; lines: string[] }[] = [];
  const finals: { response: number; line: FinalLine }[] = [];
  let inBreakdown = false;
  for (const line of rationale.split(/[\r\n\u2028\u2029]+/)) {
    const plain = plainText(line);
    const named = namedFinals(plain);
    if (named.length > 0) {
      finals.push(...named);
      continue;
    }
    const heading = RESPONSE_HEADING.exec(plain);
    const response = heading === null ? null : responseNumber(heading[1]!);
    if (heading !== null && response !== null) {
      const rest = heading[2]?.replace(/^[\s*_]{1,20}/, '') ?? '';
      blocks.push({ response, lines: rest === '' ? [] : [rest] });
    } else if (blocks.length > 0) {
      blocks.at(-1)!.lines.push(line);
    } else if (BREAKDOWN_HEADING.test(plain)) {
      inBreakdown = true;
    } else if (!inBreakdown) {
      criteriaLines.push(line);
    }
  }
  return { criteriaLines, blocks, finals };
}

/** Reads the blocks of one response against the rubric. Two readings that differ count as none. */
export function readResponseBlocks(
  blocks: readonly (readonly string[])[],
  finals: readonly FinalLine[],
  rubric: readonly Criterion[],
): ResponseBreakdown {
  const scores = new Array<ScoreReading | undefined>(rubric.length).fill(undefined);
  const names = rubric.map((criterion) => plainText(criterion.name).toLowerCase());
  const byOrder: ScoreReading[] = [];
  let final: ScoreReading | undefined;
  const sums: number[] = [];
  const takeFinal = (line: FinalLine): void => {
    final = agreed(final, line.result);
    sums.push(...line.sums);
  };
  for (const line of finals) takeFinal(line);
  let named = false;
  for (const text of blocks.flat()) {
    const plain = plainText(text);
    if (isFinalLine(plain)) {
      takeFinal(readFinalLine(plain));
      continue;
    }
    const line = toListLine(text);
    for (const { index, reading } of readByName(line, names, rubric)) {
      named = true;
      scores[index] = agreed(scores[index], reading);
    }
    if (line.marker !== 'none') {
      const reading = readPlacedFraction(line.plain);
      if (reading !== null) byOrder.push(reading);
    }
  }
  const readings = !named && byOrder.length === rubric.length ? byOrder : scores;
  const found = readings.flatMap((reading) => (reading?.kind === 'score' ? [reading] : []));
  const values = found.map(({ value }) => value);
  const outOfTen = found.every(({ fraction }) => fraction);
  const complete = rubric.length > 0 && values.length === rubric.length;
  const contributions =
    !outOfTen && rubric.length > 1 && final?.kind === 'score' && near(total(values), final.value);
  return {
    criterionScores: complete && !contributions ? values : null,
    outOfTen: complete && outOfTen,
    final: final ?? { kind: 'none' },
    sums,
  };
}

function total(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}

function near(a: number, b: number): boolean {
  return Math.abs(a - b) <= ROUNDING_TOLERANCE;
}

/** Scores of the criteria whose name a line begins with; among namesakes the line's own number decides. */
function readByName(
  line: ListLine,
  names: readonly string[],
  rubric: readonly Criterion[],
): { index: number; reading: ScoreReading }[] {
  const head = line.plain.toLowerCase();
  const found = names.flatMap((name, index) => {
    if (name === '' || !head.startsWith(name)) return [];
    const reading = readCriterionScore(line.plain.slice(name.length), rubric[index]!.weight);
    return reading === null ? [] : [{ index, reading }];
  });
  const own = found.filter(({ index }) => index + 1 === line.number);
  return own.length > 0 ? own : found;
}

function agreed(known: ScoreReading | undefined, reading: ScoreReading): ScoreReading {
  if (known === undefined) return reading;
  if (known.kind === 'score' && reading.kind === 'score') {
    return known.value === reading.value
      ? { ...known, fraction: known.fraction && reading.fraction }
      : { kind: 'none' };
  }
  return known.kind === reading.kind ? known : { kind: 'none' };
}

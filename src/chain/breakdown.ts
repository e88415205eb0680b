// Reads the scoring breakdown of a rationale: per response, a score for each criterion and a final score.
// Knows lines and names; takes nothing that the text contradicts.

import { plainText } from './plain-text.js';
import { type Criterion, type ListLine, toListLine } from './rubric.js';
import { NUMBER_SOURCE, type ScoreReading, toReading } from './score-text.js';

/** What the breakdown says of one response. */
export interface ResponseBreakdown {
  /** One score per criterion, in the rubric's order; null unless each is there once, from 1 to 10. */
  readonly criterionScores: readonly number[] | null;
  /** The response's final score line. */
  readonly final: ScoreReading;
}

/** A rationale taken apart. */
export interface Breakdown {
  /** The lines before the first response's block, heading of the breakdown left out. */
  readonly criteriaLines: readonly string[];
  /** Lines of each block; a response may have several. */
  readonly blocks: readonly { readonly response: number; readonly lines: readonly string[] }[];
}

const RESPONSE_HEADING =
  /^[ \t#*_>-]{0,12}(?:for[ \t]|\d{1,2}[.)][ \t*]{0,4})?response[ \t_#]{0,3}(\d{1,3})[ \t*_]{0,4}(?:\([^)\n]{0,80}\))?[ \t*_]{0,4}(?:[:-](.*))?$/i;
const BREAKDOWN_HEADING = /^[ \t#*_>]{0,12}(?:B[.):][ \t*_]{0,4})?scoring breakdown\b/i;

/** Divides a rationale into its criteria and the blocks of the responses. */
export function divideRationale(rationale: string): Breakdown {
  const criteriaLines: string[] = [];
  const blocks: { response: number; lines: string[] }[] = [];
  let inBreakdown = false;
  for (const line of rationale.split(/[\r\n]+/)) {
    const plain = plainText(line);
    const heading = RESPONSE_HEADING.exec(plain);
    if (heading !== null) {
      const rest = heading[2]?.replace(/^[\s*_]{1,20}/, '') ?? '';
      blocks.push({ response: Number(heading[1]), lines: rest === '' ? [] : [rest] });
    } else if (blocks.length > 0) {
      blocks.at(-1)!.lines.push(line);
    } else if (BREAKDOWN_HEADING.test(plain)) {
      inBreakdown = true;
    } else if (!inBreakdown) {
      criteriaLines.push(line);
    }
  }
  return { criteriaLines, blocks };
}

/** Reads the blocks of one response against the rubric. Two readings that differ count as none. */
export function readResponseBlocks(
  blocks: readonly (readonly string[])[],
  rubric: readonly Criterion[],
): ResponseBreakdown {
  const scores = new Array<ScoreReading | undefined>(rubric.length).fill(undefined);
  const names = rubric.map((criterion) => plainText(criterion.name).toLowerCase());
  const byOrder: ScoreReading[] = [];
  let final: ScoreReading | undefined;
  let named = false;
  for (const text of blocks.flat()) {
    const line = toListLine(text);
    const finalReading = readFinalLine(text);
    if (finalReading !== null) {
      final = agreed(final, finalReading);
      continue;
    }
    for (const { index, reading } of readByName(line, names)) {
      named = true;
      scores[index] = agreed(scores[index], reading);
    }
    if (line.marker !== 'none') {
      const reading = onlyFraction(line);
      if (reading !== null) byOrder.push(reading);
    }
  }
  const readings = !named && byOrder.length === rubric.length ? byOrder : scores;
  const values = readings.flatMap((reading) => (reading?.kind === 'score' ? [reading.value] : []));
  const complete = rubric.length > 0 && values.length === rubric.length;
  return { criterionScores: complete ? values : null, final: final ?? { kind: 'none' } };
}

/** Scores of the criteria whose name a line begins with; among namesakes the line's own number decides. */
function readByName(line: ListLine, names: readonly string[]): { index: number; reading: ScoreReading }[] {
  const head = line.plain.toLowerCase();
  const found = names.flatMap((name, index) => {
    const reading = head.startsWith(name) ? readCriterionScore(line.plain.slice(name.length)) : null;
    return reading === null ? [] : [{ index, reading }];
  });
  const own = found.filter(({ index }) => index + 1 === line.number);
  return own.length > 0 ? own : found;
}

function agreed(known: ScoreReading | undefined, reading: ScoreReading): ScoreReading {
  if (known === undefined) return reading;
  const same =
    known.kind === 'score' && reading.kind === 'score'
      ? known.value === reading.value
      : known.kind === reading.kind;
  return same ? known : { kind: 'none' };
}

const OUT_OF = '(?:\\s{0,3}(?:/|out of)\\s{0,3}(\\d{1,6}))';
const AFTER_NAME = new RegExp(
  `^[\\s*_]{0,6}(?:[([]\\s{0,3}(?:weight\\s{0,3}[:=]?\\s{0,3})?\\d{1,3}(?:[.,]\\d{1,6})?\\s{0,3}%?\\s{0,3}[)\\]])?[\\s*_]{0,6}` +
    `(?:[:=]|-(?=\\s))[\\s*_]{0,6}(?:\\d{1,3}(?:[.,]\\d{1,6})?\\s{0,3}%\\s{0,3}[:=,-]\\s{1,3})?(?:score\\s{0,3}[:=]?\\s{0,3})?` +
    `(${NUMBER_SOURCE})(?![\\d%]|[.,]\\d)[*_]{0,3}${OUT_OF}?(?![\\d%]|[.,]\\d)`,
  'i',
);
const BARE_END = /^[*_]{0,3}\s{0,4}(?:$|[-,;.(:*|])/;
const FRACTION = new RegExp(
  `(-?)(${NUMBER_SOURCE})[*_]{0,3}\\s{0,3}(?:/|out of)\\s{0,3}(\\d{1,6})(?!\\d|[.,]\\d)`,
  'gi',
);

/** The score after a criterion's name: `: 8/10 - ...`, `: 8`, or the only fraction that the line holds. */
function readCriterionScore(rest: string): ScoreReading | null {
  const match = AFTER_NAME.exec(rest);
  if (match !== null && (match[2] !== undefined || BARE_END.test(rest.slice(match[0].length)))) {
    return toReading(match[1]!, match[2]);
  }
  return /^[\s*_]{0,6}[([:=-]/.test(rest) ? singleFraction(rest) : null;
}

function onlyFraction(line: ListLine): ScoreReading | null {
  return singleFraction(line.plain);
}

function singleFraction(plain: string): ScoreReading | null {
  const fractions = [...plain.matchAll(FRACTION)];
  if (fractions.length !== 1) return null;
  const [, minus, number, outOf] = fractions[0]!;
  return toReading(`${minus}${number}`, outOf);
}

const FINAL_HEAD =
  /^[ \t*_#>\-\d.)]{0,12}(?:the[ \t])?(?:final|total|overall|weighted)[ \t]{1,3}(?:weighted[ \t]{1,3})?score\b/i;
const RESULT = new RegExp(`^[\\s*_$]{0,8}([+-]?${NUMBER_SOURCE})(?![\\d]|[.,]\\d)${OUT_OF}?`, 'i');

/** The result of a final score line; null where the line is none. */
function readFinalLine(text: string): ScoreReading | null {
  const plain = plainText(text);
  if (!FINAL_HEAD.test(plain)) return null;
  const equals = plain.lastIndexOf('=');
  const at = equals >= 0 ? equals : plain.indexOf(':');
  if (at < 0) return { kind: 'none' };
  const result = plain.slice(at + 1, at + 80);
  const match = RESULT.exec(result);
  if (match === null) return { kind: 'none' };
  const after = result.slice(match[0].length);
  if (/^\s{0,3}(?:\*\s{0,3}[\d(]|[+x%]|\/)/i.test(after)) return { kind: 'none' };
  return toReading(match[1]!, match[2]);
}

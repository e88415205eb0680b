// Reads one criterion's score from its own place: right behind the name, or at the line's end after a word such as `hence`.
// Knows a line without its name; whatever else a line counts, compares or weighs is never a score.

import { NUMBER_SOURCE, type ScoreReading, toReading } from './score-text.js';

const NOT_A_SCORE: ScoreReading = { kind: 'none' };
const VULGAR = '\u00bc-\u00be\u2150-\u215e';
const OUT_OF = '(?:\\s{0,3}(?:/|out of)\\s{0,3}(\\d{1,6})(?:\\.0{1,3}(?!\\d))?)';
const ENDS = `(?![\\d%${VULGAR}]|[.,]\\d)`;
const WEIGHT = '\\d{0,3}(?:[.,]\\d{1,6})?\\s{0,3}%?';
const AFTER_NAME = new RegExp(
  `^[\\s*_]{0,6}(?:[([]\\s{0,3}(?:weight\\s{0,3}[:=]?\\s{0,3})?${WEIGHT}\\s{0,3}[)\\]])?[\\s*_]{0,6}` +
    `(?:[:=]|-(?=\\s))[\\s*_$]{0,6}(?:\\d{1,3}(?:[.,]\\d{1,6})?\\s{0,3}%\\s{0,3}[:=,-]\\s{1,3})?(?:score\\s{0,3}[:=]?\\s{0,3})?[*_$]{0,3}` +
    `(${NUMBER_SOURCE})${ENDS}[*_]{0,3}${OUT_OF}?${ENDS}`,
  'i',
);
// A number alone is a score only where the line ends or goes on as an explanation.
const BARE_END = /^[*_$]{0,3}\s{0,4}(?:$|[-,;.:|]|\()/;
const FRACTION_END =
  /^[*_$)\]]{0,3}\s{0,4}(?:$|[-,;.:|([*=x]|\\|(?:because|since|as|due|given|but|though|although|while|points?|pts?)\b)/i;
// A range, or a score taken back in favour of another.
const REPLACED =
  /^[*_$)\]]{0,3}\s{0,3}(?:-|~|to|or|until|->|=>|\u2192)\s{0,3}(?:\d{1,3}(?:[.,]\d+)?\s{0,3}(?:\/|out of)|\d{1,3}(?:[.,]\d+)?\s{0,3}$)|^-\s{0,1}\d|^[~\u2192]\s{0,3}\d/i;
const CORRECTED =
  /(?:\u2192|->|=>|\b(?:actually|revised?|correct(?:ed|ion)|adjust(?:ed)?|instead|make (?:it|that)|should be|wait|on second thoughts?)\b|\bno,)[^\n]{0,80}?\d\s{0,3}(?:\/|out of)\s{0,3}\d/i;
const PRODUCT = /[*x]\s{0,3}(?:\d|\.\d)|(?:\d|%)\s{0,3}[*x]/i;
const MULTIPLIED = /^[*_$)\]]{0,3}\s{0,3}(?:[*x]|\\times|\\cdot)\s{0,3}(\d{0,3}(?:[.,]\d{1,6})?)\s{0,3}(%?)/i;

/** The score behind a criterion's name: `: 8/10 - ...`, `: 8`, or one that the line comes to at its end; null without any. */
export function readCriterionScore(rest: string, weight: number | null): ScoreReading | null {
  const match = AFTER_NAME.exec(rest);
  const after = match === null ? '' : rest.slice(match[0].length);
  // `: 3 good points, hence 9/10`: the number counts something.
  const counts = match !== null && match[2] === undefined && /^\s{1,3}[\p{L}]{2,}/u.test(after);
  if (match !== null && !counts) return readPlaced(after, match[1]!, match[2], weight);
  return /^[\s*_]{0,6}[([:=-]/.test(rest) ? readConcluded(rest) : null;
}

/** The score of a listed line whose name is not known: `Name: 8/10`; null without any. */
export function readPlacedFraction(plain: string): ScoreReading | null {
  const match = NAMED_FRACTION.exec(plain);
  if (match !== null) return readPlaced(plain.slice(match[0].length), match[1]!, match[2], null);
  return readConcluded(plain);
}

const NAMED_FRACTION = new RegExp(
  `^[^:=\\n]{1,100}[:=][\\s*_$]{0,6}(?:score\\s{0,3}[:=]?\\s{0,3})?(${NUMBER_SOURCE})${ENDS}[*_]{0,3}${OUT_OF}${ENDS}`,
  'i',
);

function readPlaced(
  after: string,
  number: string,
  outOf: string | undefined,
  weight: number | null,
): ScoreReading {
  if (REPLACED.test(after) || CORRECTED.test(after)) return NOT_A_SCORE;
  const multiplied = MULTIPLIED.exec(after);
  if (multiplied !== null && /\d/.test(multiplied[1]!)) {
    // `9 x 0.60 = 5.4`: the score times its own weight.
    return isWeight(multiplied[1]!, multiplied[2]!, weight) || outOf !== undefined
      ? toReading(number, outOf)
      : NOT_A_SCORE;
  }
  if (outOf !== undefined) return FRACTION_END.test(after) ? toReading(number, outOf) : NOT_A_SCORE;
  if (!BARE_END.test(after)) return NOT_A_SCORE;
  // `3.6 (6 x 0.60)`, `5.4 = 9*0.6`, `8 (7/10 before)`: what the number comes from is written behind it.
  if (PRODUCT.test(after.slice(0, 80)) || /^[^\n]{0,20}[=/]\s{0,3}\d/.test(after)) return NOT_A_SCORE;
  if (/^[*_$]{0,3}\s{0,3}\(\s{0,3}\d/.test(after)) return NOT_A_SCORE;
  return toReading(number, undefined);
}

function isWeight(number: string, percent: string, weight: number | null): boolean {
  if (weight === null) return false;
  const value = Number(number.replace(',', '.'));
  return Math.abs((percent === '' && value <= 1 ? value * 100 : value) - weight) < 0.5;
}

const FRACTION = new RegExp(
  `(?<![\\d.,/])(-?)(${NUMBER_SOURCE})[*_]{0,3}\\s{0,3}(?:/|out of)\\s{0,3}(\\d{1,6})(?!\\d|[.,/]\\d)`,
  'gi',
);
const CONCLUDES =
  /(?:\b(?:hence|thus|therefore|so|gives|makes|score\s{0,2}[:=])|[=:]|\u2192|->)\s{0,3}[*_$]{0,3}$/i;
const COMPARES =
  /\b(?:others?|another|first|second|former|latter|previous|above|below|response|rival|competitor|unlike|versus|vs|than)\b/i;

/** The one fraction of a line that ends with it after a word that concludes. */
function readConcluded(plain: string): ScoreReading | null {
  const fractions = [...plain.matchAll(FRACTION)];
  if (fractions.length !== 1) return null;
  const match = fractions[0]!;
  const before = plain.slice(0, match.index);
  const after = plain.slice(match.index + match[0].length);
  if (!/^[*_$)\]]{0,3}[\s.;]{0,4}$/.test(after) || !CONCLUDES.test(before) || COMPARES.test(before))
    return null;
  return toReading(`${match[1]}${match[2]}`, match[3]);
}

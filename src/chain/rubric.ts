// Reads weighted criteria from the lines of a chain.
// Knows how criteria and weights are written; knows nothing of scores.

import { decimal, withoutNoise } from './scores/score-text.js';
import { plainText } from './text/plain-text.js';

/** One criterion of a rubric. */
export interface Criterion {
  readonly name: string;
  /** Percent; null where the chain states none. Shares such as 0.5 are given as 50. */
  readonly weight: number | null;
}

/** A line with its list marker and emphasis taken off; `raw` and `plain` have the same length. */
export interface ListLine {
  readonly raw: string;
  readonly plain: string;
  readonly marker: 'number' | 'bullet' | 'none';
  /** The number of a numbered line. */
  readonly number: number | null;
}

// What lies further right in a line is explanation.
const LINE_MAX = 400;
const MAX_CRITERIA = 40;

const MARKER = /^[ \t]{0,40}(?:(\d{1,2})[.)](?!\d)|([-*+\u2022\u25e6])(?=\s))?[ \t*_#]{0,20}/;
const WEIGHT = '(\\d{1,3}(?:[.,]\\d{1,6})?|\\.\\d{1,6})';
const IN_BRACKETS = new RegExp(
  `[([]\\s{0,4}(?:weight(?:ing)?\\s{0,3}[:=]?\\s{0,3})?${WEIGHT}\\s{0,3}(%?)(?:\\s{0,3}weight)?\\s{0,4}[)\\]]`,
  'i',
);
const AT_END = new RegExp(
  `[-:=,]\\s{0,4}[*_]{0,3}(?:weight(?:ing)?\\s{0,3}[:=]?\\s{0,3})?${WEIGHT}\\s{0,3}(%?)[\\s*_.,;]{0,8}$`,
  'i',
);
const SHARE_AT_END = /[-:=,]\s{0,4}[*_]{0,3}\d{1,3}(?:[.,]\d{1,6})?\s{0,3}%[\s*_.,;]{0,8}$/;
const AFTER_SIGN = new RegExp(
  `(?:\\s-{1,2}\\s|[:=,])\\s{0,4}[*_]{0,3}(?:weight(?:ing)?\\s{0,3}[:=]?\\s{0,3})?${WEIGHT}\\s{0,3}(%)`,
  'i',
);
const WEIGHT_FIRST = new RegExp(`^${WEIGHT}\\s{0,3}(%)\\s{0,3}[-:]?\\s{0,3}`);
const INLINE = new RegExp(`([^,;:%()\\n]{1,80})[(:=-]\\s{0,3}${WEIGHT}\\s{0,3}%`, 'g');
const TABLE_ROW = new RegExp(
  `^\\|\\s{0,20}([^|]{1,120})\\|(?:[^|]{0,200}\\|)??\\s{0,20}\\**${WEIGHT}\\s{0,3}(%?)\\**\\s{0,20}\\|`,
);
const NOT_A_CRITERION = /^\(?(?:total|sum|overall|weights?|all)\b/i;

/** Takes list marker and emphasis off a line. */
export function toListLine(line: string): ListLine {
  const plain = plainText(line.slice(0, LINE_MAX));
  const match = MARKER.exec(plain)!;
  const marker = match[1] !== undefined ? 'number' : match[2] !== undefined ? 'bullet' : 'none';
  const raw = line.slice(match[0].length, LINE_MAX);
  const number = match[1] === undefined ? null : Number(match[1]);
  return { raw, plain: plain.slice(match[0].length), marker, number };
}

/**
 * The criteria that lines list: the numbered ones, else the bulleted ones, else any with a weight.
 *
 * Numbered lines without a weight count as criteria of unknown weight; other lines need one. Totals are left
 * out. Empty where nothing reads as a criterion, or more than 40 do.
 */
export function readRubric(lines: readonly string[]): Criterion[] {
  const found = lines.flatMap((line) => {
    const item = toListLine(line);
    if (item.raw.trim() === '' || NOT_A_CRITERION.test(item.plain)) return [];
    const criterion = readCriterion(item);
    return criterion === null ? [] : [{ ...criterion, marker: item.marker, plain: item.plain }];
  });
  const weighted = found.filter((line) => line.weight !== null);
  const numbered = found.filter((line) => line.marker === 'number');
  let chosen = numbered;
  if (!numbered.some((line) => line.weight !== null) && weighted.length > 0) {
    const bulleted = weighted.filter((line) => line.marker === 'bullet');
    chosen = bulleted.length > 0 ? bulleted : weighted;
  }
  const inline = chosen.length === 1 ? readInline(chosen[0]!.plain) : [];
  const rubric = inline.length > 1 ? inline : chosen.map(({ name, weight }) => ({ name, weight }));
  return rubric.length <= MAX_CRITERIA ? rubric : [];
}

/** Sum of the weights in percent; null where one is unknown or there is none. */
export function sumWeights(rubric: readonly Criterion[]): number | null {
  if (rubric.length === 0) return null;
  let sum = 0;
  for (const { weight } of rubric) {
    if (weight === null) return null;
    sum += weight;
  }
  return withoutNoise(sum);
}

function readCriterion(line: ListLine): Criterion | null {
  const { raw, plain } = line;
  const row = TABLE_ROW.exec(plain);
  if (row !== null) {
    const name = bareName(raw.slice(1, 1 + plain.slice(1).indexOf('|')));
    return name === '' || NOT_A_CRITERION.test(name) ? null : { name, weight: percent(row[2]!, row[3]!) };
  }
  const first = WEIGHT_FIRST.exec(plain);
  // `20% jargon at most (60%)`: a share in the name.
  if (first !== null && !IN_BRACKETS.test(plain) && !SHARE_AT_END.test(plain)) {
    const name = bareName(raw.slice(first[0].length).split(/[:\n]/, 1)[0]!);
    return name === '' ? null : { name, weight: percent(first[1]!, '%') };
  }
  const match = IN_BRACKETS.exec(plain) ?? AT_END.exec(plain) ?? AFTER_SIGN.exec(plain);
  if (match === null) {
    if (line.marker !== 'number') return null;
    const name = bareName(raw);
    return name === '' ? null : { name, weight: null };
  }
  const name = bareName(raw.slice(0, match.index));
  return name === '' ? null : { name, weight: percent(match[1]!, match[2]!) };
}

function readInline(plain: string): Criterion[] {
  return [...plain.matchAll(INLINE)].flatMap((match) => {
    const name = bareName(match[1]!.replace(/^\s{0,4}and\s/i, ''));
    return name === '' ? [] : [{ name, weight: percent(match[2]!, '%') }];
  });
}

function percent(number: string, sign: string): number {
  const value = decimal(number);
  return sign === '' && value <= 1 ? withoutNoise(value * 100) : value;
}

/** A name without emphasis and the signs that lead over to its weight. */
function bareName(text: string): string {
  const plain = plainText(text);
  let start = 0;
  let end = plain.length;
  while (start < end && ' \t\r*_#`"([.)'.includes(plain[start]!)) start++;
  while (end > start && ' \t\r*_`"(-:=,;['.includes(plain[end - 1]!)) end--;
  return text.slice(start, end);
}

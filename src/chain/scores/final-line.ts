// Reads Final Score lines: the result that they state and what their sums come to.
// Knows one line at a time; knows nothing of blocks or criteria.

import { responseNumber } from '../text/response-name.js';
import { arithmetic } from './arithmetic.js';
import { NUMBER_SOURCE, type ScoreReading, toReading } from './score-text.js';

/** A Final Score line, read. */
export interface FinalLine {
  readonly result: ScoreReading;
  /** The values of the sums on it. */
  readonly sums: readonly number[];
}

const SCORE = '(?:the[ \\t])?(?:final|total|overall|weighted)[ \\t]{1,3}(?:weighted[ \\t]{1,3})?score';
const HEAD = new RegExp(
  `^[ \\t*_#>\\-\\d.)|]{0,12}(?:${SCORE}\\b|\u6700\u7ec8\u5f97\u5206|\u603b\u5206)`,
  'i',
);
const RESPONSE = '((?:response|assistant|answer|candidate)[ \\t_#]{0,3}(?:\\d{1,3}|[A-J]))\\b';
const HEAD_NAMED = new RegExp(
  `^[ \\t*_#>\\-\\d.)]{0,12}${SCORE}[ \\t*_]{0,3}(?:(?:of|for)[ \\t]{1,2}|[([-][ \\t]{0,2})?${RESPONSE}[ \\t*_)\\]]{0,4}([:=][^\\n]*)$`,
  'i',
);
const NAMED_HEAD = new RegExp(
  `^[ \\t*_#>\\-]{0,12}${RESPONSE}(?:'s|\\u2019s)?[ \\t*_-]{1,4}${SCORE}[ \\t*_]{0,4}([:=][^\\n]*)$`,
  'i',
);
const EACH = new RegExp(
  `${RESPONSE}[ \\t*_)\\]]{0,4}[:=-][ \\t*_$]{0,4}(${NUMBER_SOURCE})(?:[ \\t]{0,2}\\/[ \\t]{0,2}(\\d{1,6}))?(?![\\d%]|[.,]\\d|[ \\t]{0,2}[-+*/x][ \\t]{0,2}[\\d(])`,
  'gi',
);
const OUT_OF = '(?:\\s{0,3}(?:/|out of|of)\\s{0,3}(\\d{1,6})(?:\\.0{1,3}(?!\\d))?)';
const RESULT = new RegExp(
  `^[\\s*_$]{0,8}([+-]?${NUMBER_SOURCE})(?![\\d\\u00bc-\\u00be\\u2150-\\u215e]|[.,]\\d)${OUT_OF}?`,
  'i',
);
const SCALED = new RegExp(`^[\\s*_$]{0,8}${NUMBER_SOURCE}${OUT_OF}[\\s*_$]{0,8}$`, 'i');
const LINE_MAX = 600;

/** Whether a line states a final score. Plain typography expected. */
export function isFinalLine(plain: string): boolean {
  return HEAD.test(plain);
}

/** The final scores of a line that names their responses; empty where it is no such line. */
export function namedFinals(plain: string): { response: number; line: FinalLine }[] {
  const line = plain.slice(0, LINE_MAX);
  const one = HEAD_NAMED.exec(line) ?? NAMED_HEAD.exec(line);
  const each = one === null && HEAD.test(line) ? [...line.matchAll(EACH)] : [];
  if (each.length > 1) {
    return each.flatMap(([, name, number, outOf]) => {
      const response = responseNumber(name!);
      return response === null ? [] : [{ response, line: { result: toReading(number!, outOf), sums: [] } }];
    });
  }
  const response = one === null ? null : responseNumber(one[1]!);
  return one === null || response === null ? [] : [{ response, line: readFinalLine(`Final Score${one[2]}`) }];
}

/** The result of a Final Score line: what stands behind its last sum. */
export function readFinalLine(plain: string): FinalLine {
  const line = plain.slice(0, LINE_MAX);
  const at = line.search(/[=:]/);
  const sums: number[] = [];
  const nothing: FinalLine = { result: { kind: 'none' }, sums };
  if (at < 0) return nothing;
  const steps = line
    .slice(at + 1)
    .replace(/^[*_\s]{0,6}[=:]/, '')
    .split('=');
  for (const [index, step] of steps.entries()) {
    const last = index === steps.length - 1;
    if (step.trim() === '' && !last) continue;
    const value = SCALED.test(step) ? null : arithmetic(step);
    const isSum =
      value !== null && /[-+*/x(\\]/i.test(step.replace(/^[\s*_$]{0,8}[+-]/, '').replaceAll('**', ''));
    if (!last && (value !== null || SCALED.test(step))) {
      if (isSum) sums.push(value);
      continue;
    }
    if (isSum) sums.push(value);
    return { result: readResult(step), sums };
  }
  return nothing;
}

function readResult(step: string): ScoreReading {
  const match = RESULT.exec(step);
  if (match === null) return { kind: 'none' };
  const after = step.slice(match[0].length);
  if (/^[*_$\s]{0,3}(?:[*+x/\u2192]\s{0,3}[\d(.]|-\s{0,3}\d|[x%]|->|to\s\d|or\s\d)/i.test(after))
    return { kind: 'none' };
  return toReading(match[1]!, match[2]);
}

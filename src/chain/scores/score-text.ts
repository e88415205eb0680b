// Numbers as models write scores: `8`, `8.0`, `8,5`, `8/10`, `8.5 out of 10`, `9*0.6 + 4*0.4 = 7`.
// Knows the scale; knows nothing of where in a chain a score stands.

import { arithmetic } from './arithmetic.js';

/** The scale of all scores. */
export const SCORE_MIN = 1;
export const SCORE_MAX = 10;

/** Half a step of the one decimal that chains are asked for, and a little for the arithmetic. */
export const ROUNDING_TOLERANCE = 0.06;

/** Source of a regular expression for an unsigned decimal with point or comma. */
export const NUMBER_SOURCE = '\\d{1,6}(?:[.,]\\d{1,9})?';

/** What a text says of a score. */
export type ScoreReading =
  | { readonly kind: 'score'; readonly value: number; readonly fraction: boolean }
  /** A number, but not one of 1 to 10. */
  | { readonly kind: 'offScale' }
  /** No number. */
  | { readonly kind: 'none' };

const WHOLE_SCORE = new RegExp(
  `^([+-]?(?:${NUMBER_SOURCE}|\\d{1,6}\\.|\\.\\d{1,9})(?:e[+-]?\\d{1,3})?)(?:\\s{0,4}(?:/|out of|of)\\s{0,4}(\\d{1,6}(?:\\.0{1,4})?))?(?:\\s{0,4}(?:points?|pts?\\.?))?(?:\\s{1,4}\\([^()\\d]{1,60}\\))?$`,
  'i',
);
// `7,000` may be seven or seven thousand.
const THOUSANDS = /\d,\d{3}(?!\d)/;

/** Reads a text that is a score and nothing else, or a sum with the score as its result. Plain typography expected. */
export function readScore(text: string): ScoreReading {
  const trimmed = text.trim();
  if (trimmed.length > 40 && /^[+-]?\d+(?:\.\d+)?$/.test(trimmed)) return { kind: 'offScale' };
  if (trimmed.length > 200) return { kind: 'none' };
  const equals = trimmed.lastIndexOf('=');
  if (equals > 0) {
    const result = readScore(trimmed.slice(equals + 1));
    const sum = arithmetic(trimmed.slice(0, equals));
    const agrees =
      result.kind === 'score' && sum !== null && Math.abs(sum - result.value) <= ROUNDING_TOLERANCE;
    return agrees ? result : { kind: 'none' };
  }
  if (THOUSANDS.test(trimmed)) return { kind: 'none' };
  const match = WHOLE_SCORE.exec(trimmed);
  return match === null ? { kind: 'none' } : toReading(match[1]!, match[2]);
}

/** A number and, where stated, what it is out of. */
export function toReading(number: string, outOf: string | undefined): ScoreReading {
  const value = decimal(number);
  if (outOf !== undefined && Number(outOf) !== SCORE_MAX) return { kind: 'offScale' };
  if (!(value >= SCORE_MIN && value <= SCORE_MAX)) return { kind: 'offScale' };
  return { kind: 'score', value, fraction: outOf !== undefined };
}

/** A decimal with point or comma. */
export function decimal(text: string): number {
  return Number(text.replace(',', '.'));
}

/** Sums of decimals without the noise of binary fractions. */
export function withoutNoise(value: number): number {
  return Math.round(value * 1e6) / 1e6;
}

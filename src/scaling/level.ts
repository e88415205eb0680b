// What a scaling level is, and its name: `1`, `ind-8`, `ind-16+pro-8`.
// Knows numbers of chains only; nothing of how they are written or averaged.

import { PgenrmError } from '../errors.js';
import { JUDGE_RANGES } from '../options/option-range.js';

/** A level of test-time user-based scaling (P-GenRM: Ind-m, Pro-n). */
export interface ScalingLevel {
  /** Chains for the user, m; at least 1. */
  readonly individual: number;
  /** Chains written as similar users, n; 0 where the prototype level is left out. */
  readonly prototype: number;
}

const MOST_CHAINS = JUDGE_RANGES.individual.max;
const FORM = /^ind-([1-9]\d{0,3})(?:[+,]pro-([1-9]\d{0,3}))?$/;

/**
 * Reads a level: `1` (the same as `ind-1`), `ind-M`, or `ind-M+pro-N`; upper and lower case alike, M and N from 1 to
 * 1024.
 *
 * Errors: `INVALID_OPTION` for anything else, a level without own chains (`pro-4`) among it: similar users are
 * sought by what the user's own chain says.
 */
export function parseLevel(text: string): ScalingLevel {
  const word = typeof text === 'string' ? text.trim().toLowerCase() : '';
  if (word === '1') return { individual: 1, prototype: 0 };
  const match = FORM.exec(word);
  const individual = Number(match?.[1]);
  const prototype = Number(match?.[2] ?? 0);
  if (match === null || individual > MOST_CHAINS || prototype > MOST_CHAINS) {
    const why = /^pro-\d+$/.test(word) ? ' (own chains come first: say ind-1+pro-N at least)' : '';
    throw new PgenrmError(
      'INVALID_OPTION',
      `a scaling level must be 1, ind-M or ind-M+pro-N with M and N from 1 to ${MOST_CHAINS}; got '${String(text).slice(0, 80)}'${why}`,
    );
  }
  return { individual, prototype };
}

/** The level's name, which {@link parseLevel} reads back: `1`, `ind-8`, `ind-8+pro-4`. */
export function levelName({ individual, prototype }: ScalingLevel): string {
  if (individual === 1 && prototype === 0) return '1';
  return prototype === 0 ? `ind-${individual}` : `ind-${individual}+pro-${prototype}`;
}

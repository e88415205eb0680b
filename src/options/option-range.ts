// The ranges of numeric options and the one sentence form for a value outside of them.
// Knows nothing of who asks: the API by property name, the command line by flag.

import { PgenrmError } from '../errors.js';

/** What a numeric option accepts. */
export interface NumberRange {
  readonly integer: boolean;
  readonly min: number;
  readonly max: number;
  /** Whether `min` itself is out of range. */
  readonly aboveMin?: boolean;
}

/** Ranges of everything that a judgment can be asked for in numbers. */
export const JUDGE_RANGES = {
  individual: { integer: true, min: 1, max: 1024 },
  prototypes: { integer: true, min: 0, max: 1024 },
  adaptive: { integer: false, min: 0, max: 0.5 },
  individualShare: { integer: false, min: 0, max: 1 },
  trim: { integer: false, min: 0, max: 0.49 },
  seed: { integer: true, min: 0, max: 4294967295 },
  temperature: { integer: false, min: 0, max: 10 },
  topP: { integer: false, min: 0, max: 1, aboveMin: true },
  minP: { integer: false, min: 0, max: 1 },
  maxTokens: { integer: true, min: 1, max: 1_000_000 },
  historyEvents: { integer: true, min: 0, max: 1_000_000 },
  historyBudget: { integer: true, min: 1, max: 10_000_000 },
  attempt: { integer: true, min: 1, max: 1_000_000 },
  concurrency: { integer: true, min: 1, max: 256 },
  reorder: { integer: true, min: 1, max: 65_536 },
} as const satisfies Record<string, NumberRange>;

/** What a judgment takes where nothing is said; `maxTokens` is in max-tokens.ts. */
export const JUDGE_DEFAULTS = {
  individual: 1,
  prototypes: 0,
  seed: 0,
  temperature: 1,
  topP: 1,
  minP: 0,
} as const satisfies Partial<Record<keyof typeof JUDGE_RANGES, number>>;

/** Ranges of what is read of a data set. */
export const DATA_RANGES = {
  rows: { integer: true, min: 1, max: 1_000_000_000 },
  sample: { integer: true, min: 1, max: 1_000_000 },
  maxLineMb: { integer: false, min: 0.001, max: 512 },
} as const satisfies Record<string, NumberRange>;

/** A range in words, such as `an integer from 1 to 1024`. */
export function describeRange(range: NumberRange): string {
  const kind = range.integer ? 'an integer' : 'a number';
  if (range.max === Number.POSITIVE_INFINITY) return `${kind}, at least ${range.min}`;
  return range.aboveMin === true
    ? `${kind} above ${range.min} and at most ${range.max}`
    : `${kind} from ${range.min} to ${range.max}`;
}

/** Whether a value lies in a range; NaN and infinities never do. */
export function inRange(value: unknown, range: NumberRange): value is number {
  if (typeof value !== 'number' || !Number.isFinite(value)) return false;
  if (range.integer && !Number.isInteger(value)) return false;
  return (range.aboveMin === true ? value > range.min : value >= range.min) && value <= range.max;
}

/** Throws `INVALID_OPTION` naming the option, its range and what came. */
export function checkRange(name: string, value: unknown, range: NumberRange): asserts value is number {
  if (!inRange(value, range)) throw invalidOption(name, describeRange(range), value);
}

/** Throws `INVALID_OPTION` unless the value is one of the words. */
export function checkChoice<T extends string>(
  name: string,
  value: unknown,
  choices: readonly T[],
): asserts value is T {
  if (!choices.some((choice) => choice === value))
    throw invalidOption(name, `one of ${choices.join(', ')}`, value);
}

/** The one sentence form for a bad argument. */
export function invalidOption(name: string, expected: string, got: unknown): PgenrmError {
  return new PgenrmError('INVALID_OPTION', `${name} must be ${expected}; got ${describeValue(got)}`);
}

function describeValue(value: unknown): string {
  if (typeof value === 'string') return `'${value.length > 80 ? `${value.slice(0, 80)}...` : value}'`;
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'an array' : 'an object';
  return String(value);
}

// Reads the arguments of filters, methods and functions by position or by name.
// Knows values, not what the arguments mean.

import type { Arguments, Value } from './values.js';
import { Float, TemplateFailure, typeName } from './values.js';

/** The argument at a position or of a name; undefined where it was not given. */
export function argument({ positional, named }: Arguments, index: number, name: string): Value | undefined {
  return index < positional.length ? positional[index] : named.get(name);
}

/** As {@link argument}, with what it is where it was not given. */
export function argumentOr(args: Arguments, index: number, name: string, usual: Value): Value {
  const value = argument(args, index, name);
  return value === undefined ? usual : value;
}

/** As {@link argument}, a text. */
export function textArgument(args: Arguments, index: number, name: string, usual?: string): string {
  const value = argument(args, index, name);
  if (value === undefined && usual !== undefined) return usual;
  if (typeof value === 'string') return value;
  throw wrong(name, 'a text', value);
}

/** As {@link argument}, a whole number. */
export function wholeArgument(args: Arguments, index: number, name: string, usual?: number): number {
  const value = argument(args, index, name);
  if (value === undefined && usual !== undefined) return usual;
  if (typeof value === 'number') return value;
  if (typeof value === 'boolean') return Number(value);
  throw wrong(name, 'a whole number', value);
}

function wrong(name: string, expected: string, value: Value | undefined): TemplateFailure {
  const got = value === undefined ? 'nothing' : `a ${typeName(value)}`;
  return new TemplateFailure(`${name} must be ${expected}, got ${got}`);
}

/** The number of a float or whole number as a value: whole where both were. */
export function number(value: number, whole: boolean): Value {
  if (whole && !Number.isSafeInteger(value))
    throw new TemplateFailure('a number of more than 53 bits is not known here');
  return whole ? value : new Float(value);
}

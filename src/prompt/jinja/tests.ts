// The tests of Jinja: what stands after `is`, and in select, reject and their like.
// Knows values; nothing of templates.

import type { RenderBudget } from './budget.js';
import { operate } from './operators.js';
import {
  Callable,
  Dict,
  equal,
  Float,
  List,
  numeric,
  order,
  TemplateFailure,
  Undefined,
  type Value,
} from './values.js';

type Test = (value: Value, args: readonly Value[], budget: RenderBudget) => boolean;

const isNumber = (value: Value): boolean => numeric(value) !== null;
const isContainer = (value: Value): boolean =>
  typeof value === 'string' || value instanceof List || value instanceof Dict || value instanceof Undefined;
const remainder = (value: Value, by: number): number => {
  const number = numeric(value);
  if (number === null) throw new TemplateFailure('only a number is odd, even or divisible');
  return number - by * Math.floor(number / by);
};
const equalTo: Test = (value, [other = null], budget) => equal(value, other, budget);
const compared =
  (accepts: (order: number) => boolean): Test =>
  (value, [other = null], budget) =>
    accepts(order(value, other, budget));
const cased =
  (change: (text: string) => string): Test =>
  (value) =>
    typeof value === 'string' && value === change(value) && /\p{L}/u.test(value);
const below = compared((found) => found < 0);
const above = compared((found) => found > 0);

const TESTS: Readonly<Record<string, Test>> = {
  defined: (value) => !(value instanceof Undefined),
  undefined: (value) => value instanceof Undefined,
  none: (value) => value === null,
  string: (value) => typeof value === 'string',
  number: isNumber,
  integer: (value) => typeof value === 'number',
  float: (value) => value instanceof Float,
  boolean: (value) => typeof value === 'boolean',
  true: (value) => value === true,
  false: (value) => value === false,
  mapping: (value) => value instanceof Dict,
  sequence: isContainer,
  iterable: isContainer,
  callable: (value) => value instanceof Callable,
  odd: (value) => remainder(value, 2) === 1,
  even: (value) => remainder(value, 2) === 0,
  divisibleby: (value, [by = 0]) => remainder(value, numeric(by) ?? 0) === 0,
  lower: cased((text) => text.toLowerCase()),
  upper: cased((text) => text.toUpperCase()),
  equalto: equalTo,
  eq: equalTo,
  '==': equalTo,
  sameas: (value, [other = null]) => value === other,
  ne: (value, args, budget) => !equalTo(value, args, budget),
  '!=': (value, args, budget) => !equalTo(value, args, budget),
  in: (value, [container = null], budget) => operate('in', value, container, budget) === true,
  lt: below,
  lessthan: below,
  '<': below,
  le: compared((found) => found <= 0),
  '<=': compared((found) => found <= 0),
  gt: above,
  greaterthan: above,
  '>': above,
  ge: compared((found) => found >= 0),
  '>=': compared((found) => found >= 0),
};

/** Whether a value passes the test of this name. Fails for a name that is none. */
export function passes(name: string, value: Value, args: readonly Value[], budget: RenderBudget): boolean {
  const test = Object.hasOwn(TESTS, name) ? TESTS[name] : undefined;
  if (test === undefined) throw new TemplateFailure(`there is no test '${name}'`);
  return test(value, args, budget);
}

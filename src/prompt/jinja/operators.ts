// What the operators of a template do to values, as Python does it.
// Knows nothing of templates.

import { number } from './arguments.js';
import type { RenderBudget } from './budget.js';
import { joined, textOf } from './value-text.js';
import {
  Dict,
  equal,
  Float,
  itemsOf,
  List,
  numeric,
  order,
  TemplateFailure,
  typeName,
  Undefined,
  type Value,
} from './values.js';

/** The value of `left operator right` for every operator but `and` and `or`. */
export function operate(operator: string, left: Value, right: Value, budget: RenderBudget): Value {
  switch (operator) {
    case '==':
      return equal(left, right, budget);
    case '!=':
      return !equal(left, right, budget);
    case '~':
      return joined([textOf(left, budget), textOf(right, budget)], '', budget);
    case 'in':
      return contains(right, left, budget);
    case 'not in':
      return !contains(right, left, budget);
    case '<':
      return order(left, right, budget) < 0;
    case '<=':
      return order(left, right, budget) <= 0;
    case '>':
      return order(left, right, budget) > 0;
    case '>=':
      return order(left, right, budget) >= 0;
    default:
      return calculate(operator, left, right, budget);
  }
}

function contains(container: Value, item: Value, budget: RenderBudget): boolean {
  if (typeof container === 'string') {
    if (typeof item !== 'string') throw mismatch('in', item, container);
    budget.make(container.length);
    return container.includes(item);
  }
  if (container instanceof Dict) return container.has(item);
  return itemsOf(container, budget).some((own) => equal(own, item, budget));
}

function calculate(operator: string, left: Value, right: Value, budget: RenderBudget): Value {
  const [a, b] = [numeric(left), numeric(right)];
  if (a !== null && b !== null) {
    return arithmetic(operator, a, b, !(left instanceof Float || right instanceof Float));
  }
  if (operator === '+') {
    if (typeof left === 'string' && typeof right === 'string') return joined([left, right], '', budget);
    if (left instanceof List && right instanceof List && left.tuple === right.tuple) {
      budget.make(left.items.length + right.items.length);
      return new List([...left.items, ...right.items], left.tuple);
    }
  }
  if (operator === '*') {
    const [sequence, times] = typeof left === 'number' ? [right, left] : [left, right];
    if (typeof times === 'number') {
      const count = Math.max(0, times);
      if (typeof sequence === 'string') {
        budget.make(sequence.length * count);
        return sequence.repeat(count);
      }
      if (sequence instanceof List) {
        budget.make(sequence.items.length * count);
        return new List(Array<Value[]>(count).fill(sequence.items).flat(), sequence.tuple);
      }
    }
  }
  if (operator === '%' && typeof left === 'string') return formatted(left, right, budget);
  throw mismatch(operator, left, right);
}

function mismatch(operator: string, left: Value, right: Value): TemplateFailure {
  const missing = [left, right].find((value) => value instanceof Undefined);
  if (missing instanceof Undefined) return new TemplateFailure(`'${missing.name}' is undefined`);
  return new TemplateFailure(`${operator} does not work on a ${typeName(left)} and a ${typeName(right)}`);
}

function arithmetic(operator: string, a: number, b: number, whole: boolean): Value {
  if ((operator === '/' || operator === '//' || operator === '%') && b === 0) {
    throw new TemplateFailure('a division by zero');
  }
  switch (operator) {
    case '+':
      return number(a + b, whole);
    case '-':
      return number(a - b, whole);
    case '*':
      return number(a * b, whole);
    case '/':
      return new Float(a / b);
    case '//':
      return number(Math.floor(a / b), whole);
    case '%':
      return number(a - b * Math.floor(a / b), whole);
    case '**':
      return number(a ** b, whole && b >= 0);
    default:
      throw new TemplateFailure(`there is no operator ${operator}`);
  }
}

/** Python's `text % values` for `%s`, `%d` and `%%`. */
export function formatted(text: string, values: Value, budget: RenderBudget): string {
  const given = values instanceof List && values.tuple ? values.items : [values];
  let used = 0;
  const parts = text.split(/(%[sd%])/).map((part) => {
    if (part === '%%') return '%';
    if (part !== '%s' && part !== '%d') {
      if (part.includes('%')) throw new TemplateFailure('formats other than %s, %d and %% are not known');
      return part;
    }
    const value = given[used++];
    if (value === undefined) throw new TemplateFailure('there are fewer values than the format asks for');
    return part === '%d' ? String(Math.trunc(numeric(value) ?? Number.NaN)) : textOf(value, budget);
  });
  return joined(parts, '', budget);
}

/** `sequence[start:stop:step]`. */
export function slice(
  sequence: Value,
  bounds: readonly [start: number | null, stop: number | null, step: number | null],
  budget: RenderBudget,
): Value {
  if (typeof sequence !== 'string' && !(sequence instanceof List)) {
    if (sequence instanceof Undefined) throw new TemplateFailure(`'${sequence.name}' is undefined`);
    throw new TemplateFailure(`a ${typeName(sequence)} has no slices`);
  }
  const items = itemsOf(sequence, budget);
  const step = bounds[2] ?? 1;
  if (step === 0) throw new TemplateFailure('the step of a slice is zero');
  const [low, high] = step > 0 ? [0, items.length] : [-1, items.length - 1];
  const place = (bound: number | null, usual: number): number =>
    bound === null ? usual : Math.min(high, Math.max(low, bound < 0 ? bound + items.length : bound));
  const start = place(bounds[0], step > 0 ? low : high);
  const stop = place(bounds[1], step > 0 ? high : low);
  const taken: Value[] = [];
  for (let index = start; step > 0 ? index < stop : index > stop; index += step) taken.push(items[index]!);
  return typeof sequence === 'string'
    ? joined(taken as string[], '', budget)
    : new List(taken, sequence.tuple);
}

/** `sequence[index]`; undefined where there is no such item. */
export function itemAt(sequence: string | List, index: number, budget: RenderBudget): Value | undefined {
  return (typeof sequence === 'string' ? itemsOf(sequence, budget) : sequence.items).at(index);
}

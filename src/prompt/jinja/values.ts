// The values of Jinja as Python has them: what JavaScript has no type for, and equality, truth and order.
// Knows nothing of templates.

import type { RenderBudget } from './budget.js';

/** A whole number is a `number`, any other a {@link Float}; None is null. */
export type Value = null | boolean | number | string | Float | Undefined | List | Dict | Namespace | Callable;

/** What a name that nobody set has: empty, false, without items; anything further asked of it fails. */
export class Undefined {
  constructor(readonly name: string) {}
}

/** A number with a fraction, or one that came of a division: `2.0` is not `2` where it is printed. */
export class Float {
  constructor(readonly value: number) {}
}

/** A list or tuple. */
export class List {
  constructor(
    readonly items: Value[],
    readonly tuple = false,
  ) {}
}

type Key = string | number | boolean | null;

/** A dictionary: keys of any type, in the order in which they came; `1`, `1.0` and `true` are one key. */
export class Dict {
  readonly #entries = new Map<Key, readonly [key: Value, value: Value]>();

  static of(entries: Iterable<readonly [Value, Value]>): Dict {
    const dict = new Dict();
    for (const [key, value] of entries) dict.set(key, value);
    return dict;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: Value): Value | undefined {
    return this.#entries.get(plainKey(key))?.[1];
  }

  has(key: Value): boolean {
    return this.#entries.has(plainKey(key));
  }

  set(key: Value, value: Value): void {
    const plain = plainKey(key);
    this.#entries.set(plain, [this.#entries.has(plain) ? this.#entries.get(plain)![0] : key, value]);
  }

  entries(): (readonly [Value, Value])[] {
    return [...this.#entries.values()];
  }
}

/** What `namespace()` gives: attributes that a template may set. */
export class Namespace {
  readonly attributes = new Map<string, Value>();
}

/** Arguments of a call. */
export interface Arguments {
  readonly positional: readonly Value[];
  readonly named: ReadonlyMap<string, Value>;
}

/** A macro, a method or a function that the template is given. */
export class Callable {
  constructor(
    readonly name: string,
    readonly call: (args: Arguments) => Value,
  ) {}
}

/** The value, or what Jinja gives where there is none; `what` names it in errors. */
export function orUndefined(value: Value | undefined, what: string): Value {
  return value === undefined ? new Undefined(what) : value;
}

/** A failure of the template itself, as Python would raise it. */
export class TemplateFailure extends Error {
  override readonly name = 'TemplateFailure';
}

function plainKey(key: Value): Key {
  if (key instanceof Float) return key.value;
  if (typeof key === 'boolean') return Number(key);
  if (key === null || typeof key === 'string' || typeof key === 'number') return key;
  throw new TemplateFailure(`a ${typeName(key)} cannot be a key of a dictionary`);
}

/** Python's name of a value's type. */
export function typeName(value: Value): string {
  if (value === null) return 'NoneType';
  if (typeof value === 'boolean') return 'bool';
  if (typeof value === 'number') return 'int';
  if (typeof value === 'string') return 'str';
  if (value instanceof Float) return 'float';
  if (value instanceof List) return value.tuple ? 'tuple' : 'list';
  if (value instanceof Dict) return 'dict';
  if (value instanceof Namespace) return 'Namespace';
  return value instanceof Undefined ? 'Undefined' : 'function';
}

/** Whether a value counts as true. */
export function truth(value: Value): boolean {
  if (value instanceof Undefined) return false;
  if (value instanceof Float) return value.value !== 0;
  if (value instanceof List) return value.items.length > 0;
  if (value instanceof Dict) return value.size > 0;
  if (value instanceof Namespace || value instanceof Callable) return true;
  return Boolean(value);
}

/** The number that a value is in arithmetic; null where it is none. */
export function numeric(value: Value): number | null {
  if (typeof value === 'boolean') return Number(value);
  if (typeof value === 'number') return value;
  return value instanceof Float ? value.value : null;
}

/** Python's `==`. */
export function equal(a: Value, b: Value, budget: RenderBudget): boolean {
  budget.spend();
  const [left, right] = [numeric(a), numeric(b)];
  if (left !== null && right !== null) return left === right;
  if (a instanceof Undefined && b instanceof Undefined) return true;
  if (a instanceof List && b instanceof List) {
    return (
      a.tuple === b.tuple &&
      a.items.length === b.items.length &&
      a.items.every((item, index) => equal(item, b.items[index]!, budget))
    );
  }
  if (a instanceof Dict && b instanceof Dict) {
    return (
      a.size === b.size &&
      a.entries().every(([key, value]) => b.has(key) && equal(value, b.get(key)!, budget))
    );
  }
  return a === b;
}

/** Python's order: below 0, 0 or above 0. Fails where it has none. */
export function order(a: Value, b: Value, budget: RenderBudget): number {
  budget.spend();
  const [left, right] = [numeric(a), numeric(b)];
  if (left !== null && right !== null) return left - right;
  if (typeof a === 'string' && typeof b === 'string') return a < b ? -1 : a > b ? 1 : 0;
  if (a instanceof List && b instanceof List && a.tuple === b.tuple) {
    for (const [index, item] of a.items.entries()) {
      if (index >= b.items.length) return 1;
      if (!equal(item, b.items[index]!, budget)) return order(item, b.items[index]!, budget);
    }
    return a.items.length - b.items.length;
  }
  throw new TemplateFailure(`a ${typeName(a)} and a ${typeName(b)} have no order`);
}

/** The items that a loop over the value goes through. Fails where it has none. */
export function itemsOf(value: Value, budget: RenderBudget): readonly Value[] {
  if (value instanceof Undefined) return [];
  if (value instanceof List) {
    budget.make(value.items.length);
    return value.items;
  }
  if (value instanceof Dict) {
    budget.make(value.size);
    return value.entries().map(([key]) => key);
  }
  if (typeof value === 'string') {
    budget.make(value.length);
    return [...value];
  }
  throw new TemplateFailure(`a ${typeName(value)} cannot be looped over`);
}

/** A value of plain data: objects become dictionaries, arrays lists, whole numbers ints. */
export function fromPlain(data: unknown): Value {
  if (data === null || typeof data === 'boolean' || typeof data === 'string') return data;
  if (typeof data === 'number') return Number.isInteger(data) ? data : new Float(data);
  if (Array.isArray(data)) return new List(data.map(fromPlain));
  if (data instanceof Callable) return data;
  if (typeof data === 'object') {
    return Dict.of(Object.entries(data).map(([key, value]) => [key, fromPlain(value)] as const));
  }
  return new Undefined('');
}

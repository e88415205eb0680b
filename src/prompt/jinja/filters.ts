// The filters of Jinja, with the `tojson` that transformers gives to chat templates.
// Knows values; the interpreter hands it the operand and the arguments.

import { argument, argumentOr, number, textArgument, wholeArgument } from './arguments.js';
import type { RenderBudget } from './budget.js';
import { capitalize, replace, strip } from './methods.js';
import { formatted } from './operators.js';
import { passes } from './tests.js';
import { joined, jsonOf, textOf } from './value-text.js';
import {
  type Arguments,
  Dict,
  equal,
  Float,
  itemsOf,
  List,
  Namespace,
  numeric,
  order,
  orUndefined,
  TemplateFailure,
  truth,
  typeName,
  Undefined,
  type Value,
} from './values.js';

type Filter = (value: Value, args: Arguments, budget: RenderBudget) => Value;

const onText =
  (change: (text: string, args: Arguments, budget: RenderBudget) => string): Filter =>
  (value, args, budget) => {
    const text = textOf(value, budget);
    budget.make(text.length);
    return change(text, args, budget);
  };
const flag = (args: Arguments, index: number, name: string): boolean =>
  truth(argument(args, index, name) ?? false);
const lengthOf: Filter = (value) => {
  if (value instanceof Undefined) return 0;
  if (typeof value === 'string') return [...value].length;
  if (value instanceof List) return value.items.length;
  if (value instanceof Dict) return value.size;
  throw new TemplateFailure(`a ${typeName(value)} has no length`);
};
const usual: Filter = (value, args) =>
  value instanceof Undefined || (flag(args, 1, 'boolean') && !truth(value))
    ? argumentOr(args, 0, 'default_value', '')
    : value;
const listOf = (items: readonly Value[]): List => new List([...items]);

/** What `a.b.0` finds in a value; Undefined where there is nothing. */
function attributeOf(value: Value, path: Value): Value {
  if (typeof path === 'number') {
    return orUndefined(value instanceof List ? value.items.at(path) : undefined, `item ${path}`);
  }
  let found = value;
  for (const name of String(path).split('.')) {
    if (found instanceof Dict) found = orUndefined(found.get(name), name);
    else if (found instanceof Namespace) found = orUndefined(found.attributes.get(name), name);
    else if (found instanceof List && /^\d+$/.test(name))
      found = orUndefined(found.items[Number(name)], name);
    else found = new Undefined(name);
  }
  return found;
}

function selecting(keeps: boolean, byAttribute: boolean): Filter {
  return (value, { positional }, budget) => {
    if (!truth(value)) return new List([]);
    const [path, ...rest] = byAttribute ? positional : [null, ...positional];
    const [name, ...args] = rest;
    return listOf(
      itemsOf(value, budget).filter((item) => {
        const looked = byAttribute ? attributeOf(item, path ?? null) : item;
        const passed = name === undefined ? truth(looked) : passes(String(name), looked, args, budget);
        return passed === keeps;
      }),
    );
  };
}

const mapped: Filter = (value, args, budget) => {
  if (!truth(value)) return new List([]);
  const items = itemsOf(value, budget);
  const path = args.named.get('attribute');
  if (path !== undefined) {
    const otherwise = args.named.get('default');
    return listOf(
      items.map((item) => {
        const found = attributeOf(item, path);
        return found instanceof Undefined && otherwise !== undefined ? otherwise : found;
      }),
    );
  }
  const [name, ...positional] = args.positional;
  return listOf(
    items.map((item) => applyFilter(String(name), item, { positional, named: args.named }, budget)),
  );
};

/** The value that items are compared by: a part of them, in small letters unless case counts. */
function sortKey(args: Arguments, path: Value, caseIndex: number): (item: Value) => Value {
  const sensitive = flag(args, caseIndex, 'case_sensitive');
  return (item) => {
    const found = path === null ? item : attributeOf(item, path);
    return typeof found === 'string' && !sensitive ? found.toLowerCase() : found;
  };
}

function sorted(
  items: readonly Value[],
  key: (item: Value) => Value,
  reverse: boolean,
  budget: RenderBudget,
): Value[] {
  const keyed = items.map((item) => [item, key(item)] as const);
  keyed.sort(([, a], [, b]) => (reverse ? order(b, a, budget) : order(a, b, budget)));
  return keyed.map(([item]) => item);
}

const extreme =
  (sign: number): Filter =>
  (value, args, budget) => {
    const key = sortKey(args, argument(args, 1, 'attribute') ?? null, 0);
    let best: Value | undefined;
    for (const item of itemsOf(value, budget)) {
      if (best === undefined || sign * order(key(item), key(best), budget) > 0) best = item;
    }
    return orUndefined(best, 'the end of an empty list');
  };

function indented(text: string, args: Arguments, budget: RenderBudget): string {
  const width = argument(args, 0, 'width') ?? 4;
  if (typeof width === 'number') budget.make(width);
  const by = typeof width === 'string' ? width : ' '.repeat(Math.max(0, wholeArgument(args, 0, 'width', 4)));
  const [first, blank] = [flag(args, 1, 'first'), flag(args, 2, 'blank')];
  const lines = text.split('\n');
  const moved = lines.map((line, index) =>
    (index === 0 && !first) || (index > 0 && line === '' && !blank) ? line : by + line,
  );
  return joined(moved, '\n', budget);
}

function toJson(value: Value, args: Arguments, budget: RenderBudget): string {
  const separators = argument(args, 2, 'separators') ?? null;
  const indent = argument(args, 1, 'indent') ?? null;
  const pair = separators instanceof List ? separators.items.map(String) : [];
  return jsonOf(
    value,
    {
      ascii: flag(args, 0, 'ensure_ascii'),
      indent: indent === null ? null : wholeArgument(args, 1, 'indent'),
      separators: pair.length === 2 ? [pair[0]!, pair[1]!] : null,
      sortKeys: flag(args, 3, 'sort_keys'),
    },
    budget,
  );
}

function rounded(value: Value, args: Arguments): Value {
  const given = numeric(value);
  if (given === null) throw new TemplateFailure(`a ${typeName(value)} cannot be rounded`);
  const scale = 10 ** wholeArgument(args, 0, 'precision', 0);
  const method = textArgument(args, 1, 'method', 'common');
  const round = { ceil: Math.ceil, floor: Math.floor }[method];
  const scaled = given * scale;
  // Python rounds halves to the even neighbour.
  const even = Math.abs(scaled % 1) === 0.5 ? 2 * Math.round(scaled / 2) : Math.round(scaled);
  return new Float((round?.(scaled) ?? even) / scale);
}

const parsedNumber =
  (whole: boolean): Filter =>
  (value, args) => {
    const otherwise = argumentOr(args, 0, 'default', whole ? 0 : new Float(0));
    const plain = numeric(value);
    const parsed =
      plain ?? (typeof value === 'string' && value.trim() !== '' ? Number(value.trim()) : Number.NaN);
    if (Number.isNaN(parsed)) return otherwise;
    return whole ? Math.trunc(parsed) : new Float(parsed);
  };

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  "'": '&#39;',
  '"': '&#34;',
};
const escaped = onText((text) => text.replace(/[&<>'"]/g, (char) => ESCAPES[char]!));

const FILTERS: Readonly<Record<string, Filter>> = {
  default: usual,
  d: usual,
  length: lengthOf,
  count: lengthOf,
  safe: (value) => value,
  string: (value, _args, budget) => textOf(value, budget),
  upper: onText((text) => text.toUpperCase()),
  lower: onText((text) => text.toLowerCase()),
  // Unlike the method of this name, it takes what stands between blanks and brackets for a word.
  title: onText((text) =>
    text
      .split(/([-\s({[<]+)/)
      .map(capitalize)
      .join(''),
  ),
  capitalize: onText(capitalize),
  trim: onText((text, args) => {
    const characters = argument(args, 0, 'chars') ?? null;
    return strip(text, 'both', characters === null ? null : textArgument(args, 0, 'chars'));
  }),
  replace: onText((text, args, budget) =>
    replace(
      text,
      textArgument(args, 0, 'old'),
      textArgument(args, 1, 'new'),
      wholeArgument(args, 2, 'count', -1),
      budget,
    ),
  ),
  indent: onText(indented),
  escape: escaped,
  e: escaped,
  format: (value, args, budget) =>
    formatted(textOf(value, budget), new List([...args.positional], true), budget),
  wordcount: (value, _args, budget) => textOf(value, budget).match(/\w+/g)?.length ?? 0,
  tojson: toJson,
  int: parsedNumber(true),
  float: parsedNumber(false),
  abs: (value) => {
    const given = numeric(value);
    if (given === null) throw new TemplateFailure(`a ${typeName(value)} has no absolute value`);
    return number(Math.abs(given), !(value instanceof Float));
  },
  round: rounded,
  list: (value, _args, budget) => listOf(itemsOf(value, budget)),
  first: (value, _args, budget) => orUndefined(itemsOf(value, budget)[0], 'the first item of nothing'),
  last: (value, _args, budget) => orUndefined(itemsOf(value, budget).at(-1), 'the last item of nothing'),
  reverse: (value, _args, budget) => {
    const turned = [...itemsOf(value, budget)].reverse();
    return typeof value === 'string' ? turned.join('') : new List(turned);
  },
  join: (value, args, budget) => {
    const path = argument(args, 1, 'attribute');
    const separator = textOf(argument(args, 0, 'd') ?? '', budget);
    const items = itemsOf(value, budget).map((item) => (path === undefined ? item : attributeOf(item, path)));
    return joined(
      items.map((item) => textOf(item, budget)),
      separator,
      budget,
    );
  },
  unique: (value, args, budget) => {
    const key = sortKey(args, argument(args, 1, 'attribute') ?? null, 0);
    const kept: Value[] = [];
    for (const item of itemsOf(value, budget)) {
      if (!kept.some((other) => equal(key(other), key(item), budget))) kept.push(item);
    }
    return new List(kept);
  },
  sort: (value, args, budget) =>
    new List(
      sorted(
        itemsOf(value, budget),
        sortKey(args, argument(args, 2, 'attribute') ?? null, 1),
        flag(args, 0, 'reverse'),
        budget,
      ),
    ),
  dictsort: (value, args, budget) => {
    if (!(value instanceof Dict))
      throw new TemplateFailure(`dictsort takes a dict, not a ${typeName(value)}`);
    const by = textArgument(args, 1, 'by', 'key') === 'value' ? 1 : 0;
    const pairs = value.entries().map((entry) => new List([...entry], true));
    return new List(sorted(pairs, sortKey(args, by, 0), flag(args, 2, 'reverse'), budget));
  },
  items: (value) => {
    if (value instanceof Undefined) return new List([]);
    if (!(value instanceof Dict)) throw new TemplateFailure(`items takes a dict, not a ${typeName(value)}`);
    return new List(value.entries().map((entry) => new List([...entry], true)));
  },
  min: extreme(-1),
  max: extreme(1),
  sum: (value, args, budget) => {
    const path = argument(args, 0, 'attribute');
    const items = itemsOf(value, budget).map((item) => (path === undefined ? item : attributeOf(item, path)));
    const total = items.reduce<number>((sum, item) => sum + (numeric(item) ?? Number.NaN), 0);
    if (Number.isNaN(total)) throw new TemplateFailure('sum takes numbers only');
    return number(total, !items.some((item) => item instanceof Float));
  },
  map: mapped,
  select: selecting(true, false),
  reject: selecting(false, false),
  selectattr: selecting(true, true),
  rejectattr: selecting(false, true),
};

/** The value after the filter of this name. Fails for a name that is none. */
export function applyFilter(name: string, value: Value, args: Arguments, budget: RenderBudget): Value {
  budget.spend();
  const filter = Object.hasOwn(FILTERS, name) ? FILTERS[name] : undefined;
  if (filter === undefined) throw new TemplateFailure(`there is no filter '${name}'`);
  return filter(value, args, budget);
}

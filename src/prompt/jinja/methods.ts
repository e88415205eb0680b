// The methods that Python's texts and dictionaries have, as far as a template may call them: none changes its object.
// Knows values; nothing of templates.

import { argument, argumentOr, textArgument, wholeArgument } from './arguments.js';
import type { RenderBudget } from './budget.js';
import { joined, textOf } from './value-text.js';
import { type Arguments, Callable, Dict, itemsOf, List, TemplateFailure, type Value } from './values.js';

type TextMethod = (text: string, args: Arguments, budget: RenderBudget) => Value;

const SPACE = '\\s\\x1c-\\x1f\\x85';
// biome-ignore lint/suspicious/noControlCharactersInRegex: Python takes them as ends of lines
const END_OF_LINE = /\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]/;

/** Python's strip: the characters, or white space, taken away at the sides. */
export function strip(text: string, sides: 'both' | 'start' | 'end', characters: string | null): string {
  const class_ =
    characters === null
      ? `[${SPACE}]`
      : `[${[...characters].map((char) => `\\u{${char.codePointAt(0)!.toString(16)}}`).join('')}]`;
  if (characters === '') return text;
  const one = new RegExp(class_, 'u');
  const units = [...text];
  let from = 0;
  let to = units.length;
  if (sides !== 'end') while (from < to && one.test(units[from]!)) from++;
  if (sides !== 'start') while (to > from && one.test(units[to - 1]!)) to--;
  return units.slice(from, to).join('');
}

function stripped(sides: 'both' | 'start' | 'end'): TextMethod {
  return (text, args, budget) => {
    budget.make(text.length);
    const characters = argument(args, 0, 'chars') ?? null;
    return strip(text, sides, characters === null ? null : textArgument(args, 0, 'chars'));
  };
}

/** Python's `str.title`: every word begins with a capital. */
export function title(text: string): string {
  return text.replace(/\p{L}+/gu, (word) => {
    const [first = '', ...rest] = word;
    return first.toUpperCase() + rest.join('').toLowerCase();
  });
}

/** Python's capitalize: a capital in front, the rest in small letters. */
export function capitalize(text: string): string {
  const [first = '', ...rest] = text;
  return first.toUpperCase() + rest.join('').toLowerCase();
}

/** Python's replace, at most `count` times; below 0: all. */
export function replace(text: string, from: string, to: string, count: number, budget: RenderBudget): string {
  budget.make(text.length);
  const parts = from === '' ? ['', ...text, ''] : text.split(from);
  const times = count < 0 ? parts.length - 1 : Math.min(count, parts.length - 1);
  budget.make(text.length + times * to.length);
  const rest = parts.slice(times).join(from);
  return [...parts.slice(0, times), rest].join(to);
}

function split(text: string, args: Arguments, fromEnd: boolean): string[] {
  const separator = argument(args, 0, 'sep') ?? null;
  const most = wholeArgument(args, 1, 'maxsplit', -1);
  if (separator === null) {
    const words = strip(text, fromEnd ? 'end' : 'start', null);
    if (most < 0 || fromEnd)
      return strip(words, 'both', null)
        .split(/\s+/)
        .filter((word) => word !== '');
    const parts: string[] = [];
    let rest = words;
    while (rest !== '' && parts.length < most) {
      const at = rest.search(/\s/);
      if (at < 0) break;
      parts.push(rest.slice(0, at));
      rest = rest.slice(at).trimStart();
    }
    return rest === '' ? parts : [...parts, rest];
  }
  const by = textArgument(args, 0, 'sep');
  if (by === '') throw new TemplateFailure('split has no separator');
  const parts = text.split(by);
  const excess = most < 0 ? 0 : parts.length - 1 - most;
  if (excess <= 0) return parts;
  return fromEnd
    ? [parts.slice(0, excess + 1).join(by), ...parts.slice(excess + 1)]
    : [...parts.slice(0, most), parts.slice(most).join(by)];
}

const list = (texts: readonly string[], budget: RenderBudget, tuple = false): List => {
  budget.make(texts.length);
  return new List([...texts], tuple);
};

const affix =
  (has: (text: string, part: string) => boolean): TextMethod =>
  (text, args, budget) => {
    const wanted = argument(args, 0, 'prefix') ?? null;
    const parts = wanted instanceof List ? itemsOf(wanted, budget) : [textArgument(args, 0, 'prefix')];
    return parts.some((part) => typeof part === 'string' && has(text, part));
  };

const all =
  (pattern: RegExp): TextMethod =>
  (text) =>
    pattern.test(text);

const part =
  (find: (text: string, by: string) => number, missing: (text: string) => string[]): TextMethod =>
  (text, args, budget) => {
    const by = textArgument(args, 0, 'sep');
    const at = find(text, by);
    return list(at < 0 ? missing(text) : [text.slice(0, at), by, text.slice(at + by.length)], budget, true);
  };

const TEXT_METHODS: Readonly<Record<string, TextMethod>> = {
  upper: (text) => text.toUpperCase(),
  lower: (text) => text.toLowerCase(),
  casefold: (text) => text.toLowerCase(),
  title,
  capitalize,
  strip: stripped('both'),
  lstrip: stripped('start'),
  rstrip: stripped('end'),
  startswith: affix((text, prefix) => text.startsWith(prefix)),
  endswith: affix((text, suffix) => text.endsWith(suffix)),
  removeprefix: (text, args) => {
    const prefix = textArgument(args, 0, 'prefix');
    return text.startsWith(prefix) ? text.slice(prefix.length) : text;
  },
  removesuffix: (text, args) => {
    const suffix = textArgument(args, 0, 'suffix');
    return suffix !== '' && text.endsWith(suffix) ? text.slice(0, -suffix.length) : text;
  },
  split: (text, args, budget) => list(split(text, args, false), budget),
  rsplit: (text, args, budget) => list(split(text, args, true), budget),
  splitlines: (text, _args, budget) => {
    const lines = text.split(END_OF_LINE);
    return list(lines.at(-1) === '' ? lines.slice(0, -1) : lines, budget);
  },
  partition: part(
    (text, by) => text.indexOf(by),
    (text) => [text, '', ''],
  ),
  rpartition: part(
    (text, by) => text.lastIndexOf(by),
    (text) => ['', '', text],
  ),
  replace: (text, args, budget) =>
    replace(
      text,
      textArgument(args, 0, 'old'),
      textArgument(args, 1, 'new'),
      wholeArgument(args, 2, 'count', -1),
      budget,
    ),
  join: (text, args, budget) =>
    joined(
      itemsOf(argument(args, 0, 'iterable') ?? null, budget).map((item) => {
        if (typeof item !== 'string') throw new TemplateFailure('join takes texts only');
        return item;
      }),
      text,
      budget,
    ),
  find: (text, args) => {
    const at = text.indexOf(textArgument(args, 0, 'sub'));
    return at < 0 ? -1 : [...text.slice(0, at)].length;
  },
  count: (text, args) => text.split(textArgument(args, 0, 'sub')).length - 1,
  format: (text, args, budget) => format(text, args, budget),
  isdigit: all(/^\p{Nd}+$/u),
  isnumeric: all(/^\p{N}+$/u),
  isalpha: all(/^\p{L}+$/u),
  isalnum: all(/^[\p{L}\p{N}]+$/u),
  isspace: all(/^\s+$/u),
  islower: (text) => text === text.toLowerCase() && text !== text.toUpperCase(),
  isupper: (text) => text === text.toUpperCase() && text !== text.toLowerCase(),
};

function format(text: string, args: Arguments, budget: RenderBudget): string {
  let next = 0;
  const parts = text.split(/(\{\{|\}\}|\{\w*\})/).map((piece) => {
    if (piece === '{{' || piece === '}}') return piece[0]!;
    const field = /^\{(\w*)\}$/.exec(piece)?.[1];
    if (field === undefined) {
      if (/[{}]/.test(piece))
        throw new TemplateFailure('formats other than {}, {0} and {name} are not known');
      return piece;
    }
    const value = /^\d*$/.test(field)
      ? args.positional[field === '' ? next++ : Number(field)]
      : args.named.get(field);
    if (value === undefined) throw new TemplateFailure(`format has no value for {${field}}`);
    return textOf(value, budget);
  });
  return joined(parts, '', budget);
}

type DictMethod = (dict: Dict, args: Arguments) => Value;

const pair = ([key, value]: readonly [Value, Value]): List => new List([key, value], true);

const DICT_METHODS: Readonly<Record<string, DictMethod>> = {
  get: (dict, args) => {
    const found = dict.get(argumentOr(args, 0, 'key', null));
    return found === undefined ? argumentOr(args, 1, 'default', null) : found;
  },
  keys: (dict) => new List(dict.entries().map(([key]) => key)),
  values: (dict) => new List(dict.entries().map(([, value]) => value)),
  items: (dict) => new List(dict.entries().map(pair)),
  copy: (dict) => Dict.of(dict.entries()),
};

/** The method of this name that the value has; undefined where it has none. */
export function methodOf(value: Value, name: string, budget: RenderBudget): Callable | undefined {
  if (typeof value === 'string' && Object.hasOwn(TEXT_METHODS, name)) {
    return new Callable(name, (args) => {
      budget.make(value.length);
      return TEXT_METHODS[name]!(value, args, budget);
    });
  }
  if (value instanceof Dict && Object.hasOwn(DICT_METHODS, name)) {
    return new Callable(name, (args) => {
      budget.make(value.size);
      return DICT_METHODS[name]!(value, args);
    });
  }
  if (value instanceof List && (name === 'index' || name === 'count')) {
    return new Callable(name, (args) => {
      const wanted = argument(args, 0, 'value') ?? null;
      budget.make(value.items.length);
      if (name === 'count') return value.items.filter((item) => item === wanted).length;
      const at = value.items.indexOf(wanted);
      if (at < 0) throw new TemplateFailure('index finds no such item');
      return at;
    });
  }
  return undefined;
}

// How Python writes values: str, repr and json.dumps.
// Knows nothing of templates.

import type { RenderBudget } from './budget.js';
import { Dict, Float, List, Namespace, TemplateFailure, typeName, Undefined, type Value } from './values.js';

/** Python's `str`: what `{{ value }}` prints. */
export function textOf(value: Value, budget: RenderBudget): string {
  if (typeof value === 'string') return value;
  return value instanceof Undefined ? '' : reprOf(value, budget);
}

/** Python's `repr`. */
export function reprOf(value: Value, budget: RenderBudget): string {
  if (typeof value === 'string') {
    budget.make(value.length);
    return quoted(value);
  }
  if (value === null) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (value instanceof Float) return floatText(value.value);
  if (value instanceof Undefined) return 'Undefined';
  if (value instanceof List) {
    const inner = joined(
      value.items.map((item) => reprOf(item, budget)),
      ', ',
      budget,
    );
    if (!value.tuple) return `[${inner}]`;
    return value.items.length === 1 ? `(${inner},)` : `(${inner})`;
  }
  if (value instanceof Dict) return `{${joined(pairs(value.entries(), budget), ', ', budget)}}`;
  if (value instanceof Namespace) {
    return `<Namespace {${joined(pairs([...value.attributes], budget), ', ', budget)}}>`;
  }
  budget.spend();
  return typeof value === 'number' ? String(value) : `<function ${value.name}>`;
}

function pairs(entries: readonly (readonly [Value, Value])[], budget: RenderBudget): string[] {
  return entries.map(([key, value]) => `${reprOf(key, budget)}: ${reprOf(value, budget)}`);
}

/** Texts as one, counted before they are put together. */
export function joined(texts: readonly string[], separator: string, budget: RenderBudget): string {
  budget.make(texts.reduce((sum, text) => sum + text.length + separator.length, 0));
  return texts.join(separator);
}

function quoted(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  // biome-ignore lint/suspicious/noControlCharactersInRegex: Python escapes them
  const escaped = text.replace(/[\\\n\r\t\x00-\x1f\x7f]/g, (char) => {
    const short = { '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t' }[char];
    return short ?? `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`;
  });
  return `${quote}${quote === "'" ? escaped.replaceAll("'", "\\'") : escaped}${quote}`;
}

function floatText(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  if (Object.is(value, -0)) return '-0.0';
  const size = Math.abs(value);
  if (value !== 0 && (size >= 1e16 || size < 1e-4)) {
    return value.toExponential().replace(/e([+-])(\d)$/, 'e$10$2');
  }
  return Number.isInteger(value) ? value.toFixed(1) : String(value);
}

/** Options of {@link jsonOf}, as those of `json.dumps`. */
export interface JsonOptions {
  readonly indent: number | null;
  readonly ascii: boolean;
  readonly sortKeys: boolean;
  /** Between items, and between key and value. */
  readonly separators: readonly [item: string, key: string] | null;
}

/** Python's `json.dumps`. Fails for what has no JSON. */
export function jsonOf(value: Value, options: JsonOptions, budget: RenderBudget, depth = 0): string {
  if (value === null) return 'null';
  if (typeof value === 'boolean') return String(value);
  if (typeof value === 'number') return String(value);
  if (value instanceof Float) return floatText(value.value);
  if (typeof value === 'string') return jsonText(value, options.ascii, budget);
  if (value instanceof List) {
    const parts = value.items.map((item) => jsonOf(item, options, budget, depth + 1));
    return bracketed('[', parts, ']', options, budget, depth);
  }
  if (value instanceof Dict) {
    const [, between] = separators(options);
    const entries = value.entries().map(([key, item]) => [keyText(key, budget), item] as const);
    if (options.sortKeys) entries.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
    const parts = entries.map(
      ([key, item]) =>
        `${jsonText(key, options.ascii, budget)}${between}${jsonOf(item, options, budget, depth + 1)}`,
    );
    return bracketed('{', parts, '}', options, budget, depth);
  }
  throw new TemplateFailure(`a ${typeName(value)} has no JSON`);
}

function separators({ separators, indent }: JsonOptions): readonly [string, string] {
  return separators ?? (indent === null ? [', ', ': '] : [',', ': ']);
}

function bracketed(
  open: string,
  parts: readonly string[],
  close: string,
  options: JsonOptions,
  budget: RenderBudget,
  depth: number,
): string {
  const [between] = separators(options);
  if (options.indent === null || parts.length === 0) {
    return `${open}${joined(parts, between, budget)}${close}`;
  }
  budget.make(options.indent * (depth + 1));
  const outer = `\n${' '.repeat(options.indent * depth)}`;
  const inner = `\n${' '.repeat(options.indent * (depth + 1))}`;
  return `${open}${inner}${joined(parts, `${between}${inner}`, budget)}${outer}${close}`;
}

function keyText(key: Value, budget: RenderBudget): string {
  if (typeof key === 'string') return key;
  if (key === null || typeof key === 'boolean') return key === null ? 'null' : String(key);
  return reprOf(key, budget);
}

function jsonText(text: string, ascii: boolean, budget: RenderBudget): string {
  budget.make(text.length * 2);
  const json = JSON.stringify(text);
  if (!ascii) return json;
  return json.replace(/[\x7f-\uffff]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

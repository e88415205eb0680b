// Reads JSON as models write it: comments, bare and odd values, missing or trailing commas, other quotation marks.
// Knows the syntax alone. Positions are those of the text; what does not read as JSON is refused, never skipped.

import { plainText } from '../text/plain-text.js';

/** A value as written. */
export type LooseValue = LooseText | LooseList | LooseObject;

/** A string without its quotation marks, or a bare word or number. Escapes are as written. */
export interface LooseText {
  readonly kind: 'text';
  /** Plain typography; trimmed where it is bare. */
  readonly text: string;
  readonly quoted: boolean;
  /** Where the text stands, quotation marks left out. */
  readonly start: number;
  readonly end: number;
}

/** A list; `whole` unless it was cut off or broke. */
export interface LooseList {
  readonly kind: 'list';
  readonly items: readonly LooseValue[];
  readonly whole: boolean;
}

/** An object, double keys included; `whole` unless it was cut off or broke. */
export interface LooseObject {
  readonly kind: 'object';
  readonly entries: readonly LooseEntry[];
  readonly whole: boolean;
}

/** One key and its value. */
export interface LooseEntry {
  readonly key: LooseText;
  readonly value: LooseValue;
}

/** What had to be looked over to read a value as JSON. */
export interface LooseFaults {
  rawNewlines: boolean;
  trailingComma: boolean;
  singleQuotes: boolean;
  typography: boolean;
  /** Anything else: comments, bare words, missing commas. */
  broken: boolean;
}

/** A value and where it ends. */
export interface LooseReading {
  readonly value: LooseValue;
  /** Position after the value, or where reading ended. */
  readonly end: number;
  /** Reading ended at the end of the text, inside the value. */
  readonly cut: boolean;
  readonly faults: LooseFaults;
}

const MAX_DEPTH = 40;
const MAX_KEY_CHARS = 120;
const CLOSERS: Readonly<Record<string, string>> = {
  '"': '"',
  '\uff02': '\uff02',
  "'": "'\u2019",
  '`': '`\u00b4',
  '\u201c': '\u201d\u201c"',
  '\u201d': '\u201d',
  '\u201e': '\u201c\u201d',
  '\u2018': '\u2019\u2018',
  '\u2019': '\u2019',
  '\u00ab': '\u00bb',
  '\u300c': '\u300d',
};
const LITERAL = /^(?:-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)$/;

/** Whether a character is a quotation mark, straight or typographic. */
export function isQuote(char: string | undefined): boolean {
  return (
    char !== undefined &&
    char !== '' &&
    '"\'`\u201c\u201d\u201e\u2018\u2019\u00ab\u00bb\u300c\u300d\uff02'.includes(char)
  );
}

/** Reads JSON out of one text. */
export class LooseJson {
  readonly plain: string;
  readonly #raw: string;
  #at = 0;
  #cut = false;
  #faults: LooseFaults = noFaults();

  /** `plain`: the text in plain typography, character for character. */
  constructor(raw: string, plain = plainText(raw)) {
    this.#raw = raw;
    this.plain = plain;
  }

  /** The value at `pos`, which stands at a bracket, a quotation mark or a bare word; null where none does. */
  read(pos: number): LooseReading | null {
    this.#at = pos;
    this.#cut = false;
    this.#faults = noFaults();
    const value = this.#value(0, false);
    if (value === null) return null;
    return { value, end: this.#at, cut: this.#cut, faults: this.#faults };
  }

  #value(depth: number, inList: boolean): LooseValue | null {
    this.#skip();
    const char = this.plain[this.#at];
    if (char === undefined) return this.#cutOff();
    if (char === '{' || char === '[') {
      if (depth >= MAX_DEPTH) return this.#skipDeep();
      return char === '{' ? this.#object(depth) : this.#list(depth);
    }
    if (isQuote(this.#raw[this.#at])) return this.#string();
    return this.#bare(inList);
  }

  #object(depth: number): LooseObject {
    const entries: LooseEntry[] = [];
    this.#at++;
    let comma = -1;
    for (;;) {
      const lines = this.#skip();
      const char = this.plain[this.#at];
      if (char === undefined) {
        this.#cut = true;
        return { kind: 'object', entries, whole: false };
      }
      if (char === ',') {
        if (comma >= 0 || entries.length === 0) this.#faults.broken = true;
        comma = this.#at++;
        continue;
      }
      if (char === '}') {
        this.#at++;
        if (comma >= 0) this.#faults.trailingComma = true;
        return { kind: 'object', entries, whole: true };
      }
      if (entries.length > 0 && comma < 0) {
        if (!lines) return { kind: 'object', entries, whole: false };
        this.#faults.broken = true;
      }
      const key = this.#key();
      if (key === null) return { kind: 'object', entries, whole: false };
      const value = this.#value(depth + 1, false);
      if (value === null) return { kind: 'object', entries, whole: false };
      entries.push({ key, value });
      if (value.kind !== 'text' && !value.whole) return { kind: 'object', entries, whole: false };
      comma = -1;
    }
  }

  #list(depth: number): LooseList {
    const items: LooseValue[] = [];
    this.#at++;
    let comma = true;
    for (;;) {
      const lines = this.#skip();
      const char = this.plain[this.#at];
      if (char === undefined) {
        this.#cut = true;
        return { kind: 'list', items, whole: false };
      }
      if (char === ',') {
        if (comma) this.#faults.broken = true;
        comma = true;
        this.#at++;
        continue;
      }
      if (char === ']') {
        this.#at++;
        if (comma && items.length > 0) this.#faults.trailingComma = true;
        return { kind: 'list', items, whole: true };
      }
      if (!comma && items.length > 0) {
        if (!lines) return { kind: 'list', items, whole: false };
        this.#faults.broken = true;
      }
      const value = this.#value(depth + 1, true);
      if (value === null) return { kind: 'list', items, whole: false };
      items.push(value);
      if (value.kind !== 'text' && !value.whole) return { kind: 'list', items, whole: false };
      comma = false;
    }
  }

  #key(): LooseText | null {
    let key: LooseText | null;
    if (isQuote(this.#raw[this.#at])) {
      key = this.#string();
    } else {
      const start = this.#at;
      let at = start;
      while (at < this.plain.length && at - start < MAX_KEY_CHARS && !':,{}"\n'.includes(this.plain[at]!))
        at++;
      if (at >= this.plain.length) return this.#cutOff();
      const text = this.plain.slice(start, at).trim();
      this.#faults.broken = true;
      this.#at = at;
      key = text === '' ? null : { kind: 'text', text, quoted: false, start, end: at };
    }
    if (key === null) return null;
    this.#skip();
    if (this.#at >= this.plain.length) return this.#cutOff();
    if (this.plain[this.#at] !== ':') return null;
    this.#at++;
    return key;
  }

  #string(): LooseText | null {
    const quote = this.#raw[this.#at]!;
    const strict = quote === '"' || quote === '\uff02';
    const ends = CLOSERS[quote] ?? quote;
    if (quote === "'") this.#faults.singleQuotes = true;
    else if (quote !== '"') this.#faults.typography = true;
    if (quote !== '"') this.#faults.broken = true;
    const start = this.#at + 1;
    for (let at = start; at < this.#raw.length; at++) {
      const code = this.#raw.charCodeAt(at);
      if (code === 0x5c) at++;
      else if (code < 0x20) this.#faults.rawNewlines = true;
      else if (ends.includes(this.#raw[at]!) && (strict || this.#endsString(at + 1))) {
        this.#at = at + 1;
        return { kind: 'text', text: this.plain.slice(start, at), quoted: true, start, end: at };
      }
    }
    return this.#cutOff();
  }

  /** Whether what follows a mark that is also an apostrophe goes on with the object. */
  #endsString(pos: number): boolean {
    for (let at = pos; at < pos + 60; at++) {
      const char = this.plain[at];
      if (char === undefined) return true;
      if (char === ' ' || char === '\n' || char === '\t' || char === '\r') continue;
      return ',:}]/#'.includes(char);
    }
    return false;
  }

  #bare(inList: boolean): LooseText | null {
    const start = this.#at;
    let at = start;
    while (at < this.plain.length) {
      const char = this.plain[at]!;
      if ('}]\n"{['.includes(char) && !(char === '[' && at > start)) break;
      if (char === ',' && !(!inList && this.#isDecimalComma(at))) break;
      if (at > start && this.#commentAt(at)) break;
      at++;
    }
    if (at >= this.plain.length) return this.#cutOff();
    const text = this.plain.slice(start, at).trim();
    this.#at = at;
    if (text === '') return null;
    if (!LITERAL.test(text)) this.#faults.broken = true;
    return { kind: 'text', text, quoted: false, start, end: at };
  }

  #isDecimalComma(at: number): boolean {
    DECIMAL_COMMA.lastIndex = at - 1;
    return at > 0 && DECIMAL_COMMA.test(this.plain);
  }

  /** Passes over white space and comments; true where a line ended. */
  #skip(): boolean {
    let lines = false;
    while (this.#at < this.plain.length) {
      const char = this.plain[this.#at]!;
      if (char === '\n' || char === '\u2028' || char === '\u2029') lines = true;
      if (isSpace(char)) {
        this.#at++;
        continue;
      }
      if (!this.#commentAt(this.#at)) break;
      this.#faults.broken = true;
      const block = char === '/' && this.plain[this.#at + 1] === '*';
      const end = block ? this.plain.indexOf('*/', this.#at + 2) : this.plain.indexOf('\n', this.#at);
      if (end < 0) {
        this.#at = this.plain.length;
        break;
      }
      this.#at = block ? end + 2 : end;
    }
    return lines;
  }

  #commentAt(at: number): boolean {
    const char = this.plain[at];
    if (char === '#') return at === 0 || isSpace(this.plain[at - 1]!) || ',{'.includes(this.plain[at - 1]!);
    if (char !== '/') return false;
    return this.plain[at + 1] === '*' || (this.plain[at + 1] === '/' && this.plain[at - 1] !== ':');
  }

  /** Passes over brackets too deep to be scores. */
  #skipDeep(): LooseList {
    let depth = 0;
    for (; this.#at < this.#raw.length; this.#at++) {
      const char = this.#raw[this.#at]!;
      if (char === '"') {
        if (this.#string() === null) break;
        this.#at--;
      } else if (char === '{' || char === '[') depth++;
      else if (char === '}' || char === ']') {
        depth--;
        if (depth === 0) {
          this.#at++;
          return { kind: 'list', items: [], whole: true };
        }
      }
    }
    this.#cut = true;
    return { kind: 'list', items: [], whole: false };
  }

  #cutOff(): null {
    this.#at = this.#raw.length;
    this.#cut = true;
    return null;
  }
}

// Digits on both sides and nothing of a list behind: a decimal, or thousands.
const DECIMAL_COMMA = /\d,\d{1,9}(?=\s{0,8}(?:[,}\n]|\/\/|#))/y;

function isSpace(char: string): boolean {
  return (
    char === ' ' || char === '\n' || char === '\t' || char === '\r' || (char > '\x7f' && /\s/.test(char))
  );
}

function noFaults(): LooseFaults {
  return { rawNewlines: false, trailingComma: false, singleQuotes: false, typography: false, broken: false };
}

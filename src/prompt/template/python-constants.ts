// Reads string constants assigned at the top level of a Python file, without running it.
// Knows Python's string literals and comments; knows nothing of templates.

import { PgenrmError } from '../../errors.js';

const ASSIGNMENT = /([A-Za-z_]\w*)[ \t]*(?::[ \t]*[\w.]+[ \t]*)?=(?!=)[ \t]*/y;
const STRING_OPENING = /([A-Za-z]{0,2})("""|'''|"|')/y;

/**
 * The string constants `NAME = "..."` of a Python source, by name; the last assignment of a name counts.
 *
 * Takes single and triple quotes of both kinds, the prefixes r and u, adjacent literals within brackets, line
 * continuations and a trailing `.strip()`. Other assignments are passed over. Line ends become `\n`, a byte
 * order mark is dropped. Throws `TEMPLATE_INVALID`, naming `file` and line, for a string that is not closed, and
 * for an f-string, a byte string or a named character (`\N{...}`) in one of `wanted`.
 */
export function readPythonConstants(
  source: string,
  wanted: readonly string[],
  file: string,
): Map<string, string> {
  const text = source.replace(/^\uFEFF/, '').replace(/\r\n?/g, '\n');
  const reader = new PythonReader(text, file);
  const constants = new Map<string, string>();
  let pos = 0;
  while (pos < text.length) {
    ASSIGNMENT.lastIndex = pos;
    const atLineStart = pos === 0 || text[pos - 1] === '\n';
    const assignment = atLineStart ? ASSIGNMENT.exec(text) : null;
    if (assignment !== null) {
      pos = ASSIGNMENT.lastIndex;
      if (!wanted.includes(assignment[1]!)) continue;
      const value = reader.value(pos);
      if (value !== null) {
        constants.set(assignment[1]!, value.text);
        pos = value.end;
      }
      continue;
    }
    pos = reader.skip(pos);
  }
  return constants;
}

class PythonReader {
  readonly #text: string;
  readonly #file: string;

  constructor(text: string, file: string) {
    this.#text = text;
    this.#file = file;
  }

  /** The position after the comment, string, word or sign at `pos`. */
  skip(pos: number): number {
    const char = this.#text[pos]!;
    if (char === '#') return this.#lineEnd(pos);
    const opening = this.#opening(pos);
    if (opening !== null) return this.#stringEnd(opening.bodyAt, opening.quotes, pos) + opening.quotes.length;
    if (!/\w/.test(char)) return pos + 1;
    let at = pos;
    while (at < this.#text.length && /\w/.test(this.#text[at]!)) at++;
    return at;
  }

  /** The string that begins at `pos`: one literal, or adjacent ones within brackets; null for other values. */
  value(pos: number): { text: string; end: number } | null {
    let at = pos;
    let depth = 0;
    let text: string | null = null;
    while (at < this.#text.length) {
      const char = this.#text[at]!;
      if (char === '\\' && this.#text[at + 1] === '\n') at += 2;
      else if (char === '#') at = this.#lineEnd(at);
      else if (char === '(' && text === null) {
        depth++;
        at++;
      } else if (char === ')' && depth > 0) {
        depth--;
        at++;
      } else if (char === ' ' || char === '\t' || (char === '\n' && depth > 0)) at++;
      else {
        const opening = this.#opening(at);
        if (opening === null) break;
        const end = this.#stringEnd(opening.bodyAt, opening.quotes, at);
        text = (text ?? '') + this.#literal(opening, this.#text.slice(opening.bodyAt, end), at);
        at = end + opening.quotes.length;
      }
    }
    if (text === null) return null;
    const strip = '.strip()';
    if (this.#text.startsWith(strip, at)) return { text: text.trim(), end: at + strip.length };
    if (at < this.#text.length && this.#text[at] !== '\n' && this.#text[at] !== ';') {
      throw this.#invalid(at, 'expected the end of the assignment after the string, got an expression');
    }
    return { text, end: at };
  }

  #opening(pos: number): { prefix: string; quotes: string; bodyAt: number } | null {
    STRING_OPENING.lastIndex = pos;
    const match = STRING_OPENING.exec(this.#text);
    if (match === null) return null;
    return { prefix: match[1]!.toLowerCase(), quotes: match[2]!, bodyAt: STRING_OPENING.lastIndex };
  }

  #stringEnd(bodyAt: number, quotes: string, openedAt: number): number {
    for (let at = bodyAt; at < this.#text.length; at++) {
      if (this.#text[at] === '\\') at++;
      else if (this.#text.startsWith(quotes, at)) return at;
      else if (this.#text[at] === '\n' && quotes.length === 1) break;
    }
    throw this.#invalid(openedAt, `a string opened with ${quotes} is not closed`);
  }

  #literal(opening: { prefix: string; quotes: string }, body: string, pos: number): string {
    if (/[fbt]/.test(opening.prefix)) {
      throw this.#invalid(
        pos,
        `expected a plain string, got the prefix '${opening.prefix}'; the text must be a constant`,
      );
    }
    return opening.prefix.includes('r') ? body : this.#unescaped(body, pos);
  }

  #unescaped(body: string, pos: number): string {
    return body.replace(
      /\\(?:([0-7]{1,3})|x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([\s\S]))/g,
      (all, octal?: string, x?: string, u?: string, long?: string, char?: string) => {
        if (char === 'N') throw this.#invalid(pos, 'a character by name (\\N{...}) is not supported');
        if (char !== undefined) return PYTHON_ESCAPES[char] ?? all;
        const code = octal === undefined ? Number.parseInt((x ?? u ?? long)!, 16) : Number.parseInt(octal, 8);
        if (code > 0x10ffff) throw this.#invalid(pos, `${all} is no character`);
        return String.fromCodePoint(code);
      },
    );
  }

  #lineEnd(pos: number): number {
    const end = this.#text.indexOf('\n', pos);
    return end < 0 ? this.#text.length : end;
  }

  #invalid(pos: number, what: string): PgenrmError {
    const line = this.#text.slice(0, pos).split('\n').length;
    return new PgenrmError('TEMPLATE_INVALID', `${this.#file}, line ${line}: ${what}`);
  }
}

const PYTHON_ESCAPES: Readonly<Record<string, string>> = {
  '\n': '',
  '\\': '\\',
  "'": "'",
  '"': '"',
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
};

// The entries of `better_response`: one score per response, however a model writes them.
// Knows keys and values; knows nothing of rationales or of where the object stands.

import { readScore, type ScoreReading } from './score-text.js';

/** What the entries of one object say. */
export interface ScoreEntries {
  /** Reading by response number (from 1); conflicting entries for one response are `none`. */
  readonly scores: ReadonlyMap<number, ScoreReading>;
  /** Response numbers in the order written. */
  readonly order: readonly number[];
  /** Whether the object is closed. */
  readonly closed: boolean;
  /** Position after the object, or of the end of the text. */
  readonly end: number;
  /** A score was written as a string. */
  readonly strings: boolean;
  /** A key was written otherwise than `response_n` or without double quotes. */
  readonly oddKeys: boolean;
  /** One response had two scores that differ. */
  readonly conflict: boolean;
}

/** The entries of an object that is not there. */
export const NO_ENTRIES: ScoreEntries = {
  scores: new Map(),
  order: [],
  closed: false,
  end: 0,
  strings: false,
  oddKeys: false,
  conflict: false,
};

const QUOTES = '"\'`\u201c\u201d\u2018\u2019';
const KEY = /^response[\s_-]{0,3}(\d{1,3})$/i;

/** Whether a character is a quotation mark, straight or typographic. */
export function isQuote(char: string | undefined): boolean {
  return char !== undefined && char !== '' && QUOTES.includes(char);
}

/** The first position from `pos` on that is not white space. */
export function skipSpace(text: string, pos: number): number {
  let at = pos;
  while (at < text.length && /\s/.test(text[at]!)) at++;
  return at;
}

/**
 * Reads entries from `pos`, the position after the opening brace. Plain typography expected.
 *
 * A value that touches the end of the text may be cut off and is not counted. Keys of responses counted from 0
 * make all entries `none`: which response they mean cannot be known.
 */
export function readScoreEntries(text: string, pos: number): ScoreEntries {
  const scores = new Map<number, ScoreReading>();
  const order: number[] = [];
  let strings = false;
  let oddKeys = false;
  let conflict = false;
  let at = pos;
  let closed = false;
  while (at < text.length) {
    at = skipSpace(text, at);
    const char = text[at];
    if (char === ',') {
      at++;
      continue;
    }
    if (char === '}') {
      closed = true;
      at++;
      break;
    }
    const key = readToken(text, at, ':,}{\n');
    at = skipSpace(text, key.end);
    if (key.cut || text[at] !== ':') break;
    const value = readToken(text, skipSpace(text, at + 1), ',}]\n');
    at = value.end;
    if (value.cut) break;
    const number = KEY.exec(key.text.trim())?.[1];
    if (number === undefined) continue;
    const response = Number(number);
    const reading = readScore(value.text);
    if (value.quoted && reading.kind !== 'none') strings = true;
    if (!key.quoted || key.text !== `response_${response}`) oddKeys = true;
    const earlier = scores.get(response);
    if (earlier !== undefined && !sameReading(earlier, reading)) {
      conflict = true;
      scores.set(response, { kind: 'none' });
    } else {
      scores.set(response, reading);
      if (earlier === undefined) order.push(response);
    }
  }
  if (scores.has(0)) for (const response of scores.keys()) scores.set(response, { kind: 'none' });
  return { scores, order, closed, end: at, strings, oddKeys, conflict };
}

function sameReading(a: ScoreReading, b: ScoreReading): boolean {
  return a.kind === 'score' && b.kind === 'score' ? a.value === b.value : a.kind === b.kind;
}

interface Token {
  readonly text: string;
  readonly end: number;
  readonly quoted: boolean;
  /** The text ended before the token did. */
  readonly cut: boolean;
}

/** A quoted or bare token; a bare one ends before any character of `ends`. */
function readToken(text: string, pos: number, ends: string): Token {
  const quoted = isQuote(text[pos]);
  const start = quoted ? pos + 1 : pos;
  let at = start;
  if (quoted) {
    while (at < text.length && !isQuote(text[at]) && text[at] !== '\n') at++;
    const end = isQuote(text[at]) ? at + 1 : at;
    return { text: text.slice(start, at), end, quoted, cut: at >= text.length };
  }
  while (at < text.length && (!ends.includes(text[at]!) || isDecimalComma(text, at))) at++;
  return { text: text.slice(start, at), end: at, quoted, cut: at >= text.length };
}

const DECIMAL_COMMA = /\d,\d{1,2}(?=\s{0,8}[,}\n])/y;

function isDecimalComma(text: string, at: number): boolean {
  if (text[at] !== ',' || at === 0) return false;
  DECIMAL_COMMA.lastIndex = at - 1;
  return DECIMAL_COMMA.test(text);
}

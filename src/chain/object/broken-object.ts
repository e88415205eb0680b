// Reads a part-2 object that is not JSON, by its two keys: raw quotes, other quotation marks, cut-off ends.
// Knows the keys and what stands around them; takes no number that may be cut off.

import { plainText } from '../text/plain-text.js';
import type { JsonPart, JsonRepair } from './json-part.js';
import { isQuote, LooseJson } from './loose-json.js';
import { NO_ENTRIES, readScoreEntries, type ScoreEntries } from './score-entries.js';

interface KeyPlace {
  /** Position after the text before the key: before its comma and that text's closing quote. */
  readonly before: number;
  /** Position of the value. */
  readonly value: number;
  /** The key is the first of its object. */
  readonly leads: boolean;
}

const MAX_KEYS = 16;

/**
 * Reads what stands between a start marker and an end marker, the next start or the end of the text.
 *
 * `ended` says that an end marker follows, so that nothing is cut off; `responses`, how many were shown.
 */
export function readBrokenObject(
  segment: string,
  ended: boolean,
  responses: number,
): Pick<JsonPart, 'rationale' | 'entries' | 'repairs' | 'closed'> {
  const plain = plainText(segment);
  const rationaleKey = keyPlaces(plain, /rationale/gi)[0];
  const better = findBetter(new LooseJson(segment, plain), rationaleKey, responses);
  if (rationaleKey === undefined && better === undefined) {
    const rationale = ended ? segment : withoutLooseEnd(segment);
    return { rationale, entries: { ...NO_ENTRIES, closed: ended }, repairs: ['noObject'], closed: ended };
  }
  const repairs = new Set<JsonRepair>(['brokenJson']);
  const entries = better?.entries ?? { ...NO_ENTRIES, closed: ended };
  const closed = ended || entries.closed;
  let rationale = '';
  if (rationaleKey !== undefined) {
    const quote = segment[rationaleKey.value];
    const quoted = isQuote(quote);
    const from = quoted ? rationaleKey.value + 1 : rationaleKey.value;
    const first = better === undefined || rationaleKey.value < better.key.value;
    const whole = first && better !== undefined;
    const to = whole ? better.key.before : textEnd(plain, from);
    const raw = segment.slice(from, Math.max(from, to));
    rationale = unescaped(whole || closed ? raw : withoutLooseEnd(raw));
    if (/[\n\r]/.test(raw)) repairs.add('rawNewlines');
    if (quote === "'") repairs.add('singleQuotes');
    else if (quoted && quote !== '"') repairs.add('typography');
    else if (/(?<!\\)"/.test(raw)) repairs.add('unescapedQuotes');
  }
  return { rationale, entries, repairs: [...repairs], closed };
}

const BETTER_KEY = /better[_ -]?responses?|(?:final|overall)[_ -]?(?:scores|ratings)/gi;

/** The `better_response` that the object itself holds, not one that its rationale quotes. */
function findBetter(
  json: LooseJson,
  rationale: KeyPlace | undefined,
  responses: number,
): { key: KeyPlace; entries: ScoreEntries } | undefined {
  const { plain } = json;
  const places = keyPlaces(plain, BETTER_KEY);
  const leading = places[0];
  const first = rationale === undefined || (leading !== undefined && leading.value < rationale.value);
  const candidates = first ? places.slice(0, 1) : places.filter((key) => !key.leads).reverse();
  for (const key of candidates) {
    if (plain[key.value] !== '{' && plain[key.value] !== '[') continue;
    const reading = json.read(key.value);
    if (reading === null) continue;
    const entries = readScoreEntries(reading.value, responses);
    if (!entries.closed || followsObject(plain, reading.end)) return { key, entries };
  }
  return undefined;
}

/** Whether what follows the entries is the rest of an object, and not a text that goes on. */
function followsObject(plain: string, end: number): boolean {
  const at = skipSpace(plain, end);
  if (at >= plain.length || ',`<['.includes(plain[at]!)) return true;
  return plain[at] === '}' && /[ \t]{0,8}(?:[\n`<[*]|$)/y.test(plain.slice(at + 1, at + 10));
}

/** Where a key stands as a key: after a brace, a comma or a closing quote, before a colon; the last few. */
function keyPlaces(plain: string, key: RegExp): KeyPlace[] {
  const places: KeyPlace[] = [];
  for (const match of plain.matchAll(key)) {
    let after = match.index + match[0].length;
    if (isQuote(plain[after])) after++;
    after = skipSpace(plain, after);
    if (plain[after] !== ':') continue;
    let before = match.index;
    if (isQuote(plain[before - 1])) before--;
    if (plain[before - 1] === '\\') continue;
    before = skipSpaceBack(plain, before);
    const sign = plain[before - 1];
    if (before > 0 && sign !== '{' && sign !== ',' && !isQuote(sign) && sign !== '}') continue;
    if (sign === ',') before = skipSpaceBack(plain, before - 1);
    if (isQuote(plain[before - 1])) before--;
    places.push({ before, value: skipSpace(plain, after + 1), leads: sign === '{' });
  }
  return places.length <= MAX_KEYS ? places : [places[0]!, ...places.slice(1 - MAX_KEYS)];
}

function skipSpace(text: string, pos: number): number {
  let at = pos;
  while (at < text.length && /\s/.test(text[at]!)) at++;
  return at;
}

function skipSpaceBack(text: string, pos: number): number {
  let at = pos;
  while (at > 0 && /\s/.test(text[at - 1]!)) at--;
  return at;
}

/** The end of a string value that nothing follows but closing signs. */
function textEnd(plain: string, from: number): number {
  let at = plain.length;
  while (at > from && /[\s}`]/.test(plain[at - 1]!)) at--;
  return at > from && isQuote(plain[at - 1]) ? at - 1 : at;
}

/** A text that ends without a sign that it is over, without the number that may be cut off there. */
function withoutLooseEnd(text: string): string {
  let at = text.length;
  while (at > 0 && /[\d.,/% \uff0e\uff10-\uff19\uff0f\uff05\\]/.test(text[at - 1]!)) at--;
  return text.slice(0, at);
}

const ESCAPES: Readonly<Record<string, string>> = {
  n: '\n',
  t: '\t',
  r: '\r',
  b: '\b',
  f: '\f',
  '"': '"',
  "'": "'",
  '/': '/',
  '\\': '\\',
};

/** Resolves the escapes that JSON knows, and that of the single quote; others stay as they are. */
export function unescaped(text: string): string {
  return text.replace(/\\(?:u([0-9a-fA-F]{4})|([\s\S]))/g, (all, hex: string | undefined, char: string) =>
    hex === undefined ? (ESCAPES[char] ?? all) : String.fromCharCode(Number.parseInt(hex, 16)),
  );
}

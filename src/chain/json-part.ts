// Finds the JSON objects of part 2 in a chain and takes them apart, broken ones included.
// Knows rationale and better_response as texts; knows nothing of rubrics or of what the scores mean.

import { readBrokenObject } from './broken-object.js';
import { plainText } from './plain-text.js';
import { NO_ENTRIES, readScoreEntries, type ScoreEntries } from './score-entries.js';

/** One JSON object of part 2, or what stands in its place. */
export interface JsonPart {
  /** Position of the marker or brace that begins it. */
  readonly start: number;
  /** The rationale, escapes resolved; '' where there is none. */
  readonly rationale: string;
  readonly entries: ScoreEntries;
  /** The object is whole: nothing was cut off. */
  readonly closed: boolean;
  /** The end marker stands after it. */
  readonly endMarker: boolean;
  /** The start marker stands before it. */
  readonly startMarker: boolean;
  readonly repairs: readonly JsonRepair[];
}

/** What had to be mended to read an object. */
export type JsonRepair =
  | 'rawNewlines'
  | 'unescapedQuotes'
  | 'singleQuotes'
  | 'typography'
  | 'trailingComma'
  | 'brokenJson'
  | 'noObject';

const START = /<\s{0,3}JSON[_ ]START\s{0,3}>/gi;
const END = /<\s{0,3}JSON[_ ]END\s{0,3}>/gi;
const BARE_START =
  /\{\s{0,64}["'`\u201c\u201d\u2018\u2019]?(?:rationale|better[_ ]response|response[_ ]?1)["'`\u201c\u201d\u2018\u2019]?\s{0,8}[:\uff1a]/gi;
const PART_2 = /^[ \t#*_>]{0,8}PART[ \t]{1,3}2\b[^\n]{0,200}$/gim;
// Each start may cost a pass over the rest of the text, so there are at most this many.
const MAX_STARTS = 16;

/**
 * The JSON objects of a chain in order of appearance; empty where there is neither a marker, nor an object
 * with a known key, nor a heading of part 2. Time is linear in the text.
 */
export function findJsonParts(text: string): JsonPart[] {
  const marked = [...text.matchAll(START)].map((m) => ({ at: m.index, body: m.index + m[0].length }));
  const startMarker = marked.length > 0;
  let starts = startMarker
    ? marked
    : [...text.matchAll(BARE_START)].map((m) => ({ at: m.index, body: m.index }));
  if (starts.length === 0) {
    starts = [...text.matchAll(PART_2)].map((m) => ({ at: m.index, body: m.index + m[0].length }));
  }
  starts = starts.slice(-MAX_STARTS);
  const ends = [...text.matchAll(END)].map((m) => m.index);
  const parts: JsonPart[] = [];
  let covered = 0;
  starts.forEach((start, index) => {
    if (start.at < covered) return;
    const next = starts[index + 1]?.at ?? text.length;
    const brace = text.indexOf('{', start.body);
    const whole = brace >= 0 && brace < next ? readWholeObject(text, brace) : null;
    if (whole !== null) {
      covered = whole.end;
      const endMarker = ends.some((end) => end >= whole.end);
      parts.push({ start: start.at, ...whole.part, closed: true, endMarker, startMarker });
      return;
    }
    const end = ends.find((at) => at >= start.body && at <= next);
    const segment = text.slice(start.body, end ?? next);
    const broken = readBrokenObject(segment, end !== undefined);
    parts.push({ start: start.at, ...broken, endMarker: end !== undefined, startMarker });
  });
  return parts;
}

interface Extent {
  readonly end: number;
  readonly json: string;
  readonly rawNewlines: boolean;
  readonly trailingComma: boolean;
  /** Position of the value of `better_response`, the last one where there are several; -1 without. */
  readonly betterAt: number;
}

function readWholeObject(
  text: string,
  brace: number,
): { end: number; part: Pick<JsonPart, 'rationale' | 'entries' | 'repairs'> } | null {
  const extent = objectExtent(text, brace);
  if (extent === null) return null;
  let value: Readonly<Record<string, unknown>>;
  try {
    value = JSON.parse(extent.json) as Readonly<Record<string, unknown>>;
  } catch {
    return null; // not JSON after all: the caller reads it as a broken object
  }
  const repairs: JsonRepair[] = [];
  if (extent.rawNewlines) repairs.push('rawNewlines');
  if (extent.trailingComma) repairs.push('trailingComma');
  const rationale = Object.entries(value).find(([key]) => key.trim().toLowerCase() === 'rationale')?.[1];
  const entries =
    extent.betterAt >= 0 && text[extent.betterAt] === '{'
      ? readScoreEntries(plainText(text.slice(extent.betterAt + 1, extent.end)), 0)
      : topLevelEntries(value);
  return { end: extent.end, part: { rationale: flatten(rationale, 0), entries, repairs } };
}

/** Entries `response_n` of the object itself. */
function topLevelEntries(value: Readonly<Record<string, unknown>>): ScoreEntries {
  const own = Object.entries(value).filter(
    ([key, score]) => /^response/i.test(key) && (typeof score === 'number' || typeof score === 'string'),
  );
  if (own.length === 0) return { ...NO_ENTRIES, closed: true };
  return readScoreEntries(plainText(JSON.stringify(Object.fromEntries(own))), 1);
}

/** A rationale that is an object or a list, as lines. */
function flatten(value: unknown, depth: number): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'number') return String(value);
  if (typeof value !== 'object' || value === null || depth > 5) return '';
  if (Array.isArray(value)) return value.map((entry) => flatten(entry, depth + 1)).join('\n');
  return Object.entries(value)
    .map(([key, entry]) => {
      const text = flatten(entry, depth + 1);
      return text.includes('\n') ? `${key}:\n${text}` : `${key}: ${text}`;
    })
    .join('\n');
}

/** The extent of a braced object by its braces and double-quoted strings; null where it is not closed. */
function objectExtent(text: string, brace: number): Extent | null {
  const pieces: string[] = [];
  let copied = brace;
  let depth = 0;
  let stringStart = -1;
  let comma = -1;
  let betterAt = -1;
  let rawNewlines = false;
  let trailingComma = false;
  for (let at = brace; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (stringStart >= 0) {
      if (code === 0x5c) at++;
      else if (code === 0x22) {
        if (depth === 1) betterAt = valueOfBetter(text, stringStart, at) ?? betterAt;
        stringStart = -1;
      } else if (code < 0x20) {
        rawNewlines = true;
        pieces.push(text.slice(copied, at), `\\u${code.toString(16).padStart(4, '0')}`);
        copied = at + 1;
      }
      continue;
    }
    if (code === 0x20 || code === 0x0a || code === 0x09 || code === 0x0d) continue;
    if (code === 0x22) stringStart = at;
    else if (code === 0x7b || code === 0x5b) depth++;
    else if (code === 0x7d || code === 0x5d) {
      if (comma >= 0) {
        trailingComma = true;
        pieces.push(text.slice(copied, comma));
        copied = comma + 1;
      }
      depth--;
      if (depth === 0) {
        pieces.push(text.slice(copied, at + 1));
        return { end: at + 1, json: pieces.join(''), rawNewlines, trailingComma, betterAt };
      }
    }
    comma = code === 0x2c ? at : -1;
  }
  return null;
}

const BETTER_KEY = /"\s{0,4}better[_ ]?response\s{0,4}"\s{0,64}:\s{0,64}/iy;

function valueOfBetter(text: string, quote: number, closing: number): number | null {
  if (closing - quote > 30) return null;
  BETTER_KEY.lastIndex = quote;
  return BETTER_KEY.test(text) ? BETTER_KEY.lastIndex : null;
}

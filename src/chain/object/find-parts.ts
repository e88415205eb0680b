// Finds the JSON objects of part 2 in a chain and takes them apart, broken ones included.
// Knows rationale and better_response as texts; knows nothing of rubrics or of what the scores mean.

import { plainText } from '../text/plain-text.js';
import { responseNumber } from '../text/response-name.js';
import { readBrokenObject, unescaped } from './broken-object.js';
import type { JsonPart, JsonRepair } from './json-part.js';
import { LooseJson, type LooseReading, type LooseValue } from './loose-json.js';
import { OBJECT_START } from './object-ranges.js';
import { NO_ENTRIES, readScoreEntries, type ScoreEntries } from './score-entries.js';

const START = /[<[]\s{0,3}JSON[_ ]START\s{0,3}[>\]]/gi;
const END = /[<[]\s{0,3}\/?JSON[_ ]END\s{0,3}[>\]]/gi;
const PART_2 = /^[ \t#*_>]{0,8}PART[ \t]{1,3}2\b[^\n]{0,200}$/gim;
// Each start may cost a pass over the rest of the text, so there are at most this many.
const MAX_STARTS = 16;
const MAX_ENCODINGS = 3;

const RATIONALE_KEY = /^(?:rationale|reasoning|explanation|justification)$/i;
/** Keys that hold the scores, the form's own first. */
const SCORES_KEYS = [
  /^better[_ -]?responses?$/i,
  /^(?:final|overall)[_ -]?(?:scores|ratings)$/i,
  /^(?:responses?[_ -]?)?(?:scores|ratings)$/i,
];

/**
 * The JSON objects of a chain in order of appearance; empty where there is neither a marker, nor an object
 * with a known key, nor a heading of part 2. `responses`: how many were shown. Time is linear in the text.
 */
export function findJsonParts(text: string, responses: number): JsonPart[] {
  const plain = plainText(text);
  const marked = [...plain.matchAll(START)].map((m) => ({ at: m.index, body: m.index + m[0].length }));
  const startMarker = marked.length > 0;
  let starts = startMarker
    ? marked
    : [...text.matchAll(OBJECT_START)].map((m) => ({ at: m.index, body: m.index }));
  if (starts.length === 0) {
    starts = [...text.matchAll(PART_2)].map((m) => ({ at: m.index, body: m.index + m[0].length }));
  }
  starts = starts.slice(-MAX_STARTS);
  const ends = [...plain.matchAll(END)].map((m) => m.index);
  const json = new LooseJson(text, plain);
  const parts: JsonPart[] = [];
  let covered = 0;
  starts.forEach((start, index) => {
    if (start.at < covered) return;
    const next = starts[index + 1]?.at ?? text.length;
    const brace = plain.indexOf('{', start.body);
    const inReach = brace >= 0 && brace < next;
    const whole = inReach ? readWholeObject(json, text, brace, responses) : null;
    if (whole !== null) {
      covered = whole.end;
      const endMarker = ends.some((end) => end >= whole.end);
      parts.push({ start: start.at, body: brace, ...whole, closed: true, endMarker, startMarker });
      return;
    }
    const end = ends.find((at) => at >= start.body && at <= next);
    const to = end ?? next;
    const base = { start: start.at, end: to, endMarker: end !== undefined, startMarker };
    const encoded = inReach && brace < to ? readEncoded(text.slice(brace, to), responses) : null;
    if (encoded !== null) {
      parts.push({ ...base, body: brace, ...encoded });
      return;
    }
    const broken = readBrokenObject(text.slice(start.body, to), end !== undefined, responses);
    parts.push({ ...base, body: inReach && brace < to ? brace : start.body, ...broken });
  });
  return parts;
}

type ObjectReading = Pick<JsonPart, 'rationale' | 'entries' | 'repairs'>;

function readWholeObject(
  json: LooseJson,
  text: string,
  brace: number,
  responses: number,
): (ObjectReading & { readonly end: number }) | null {
  const reading = json.read(brace);
  if (reading?.value.kind !== 'object' || !reading.value.whole) return null;
  const { entries: members } = reading.value;
  const rationale = members.findLast(({ key }) => RATIONALE_KEY.test(key.text.trim()))?.value;
  const entries = scoresOf(reading.value, responses);
  if (rationale === undefined && entries.order.length === 0) return null;
  return {
    end: reading.end,
    rationale: rationale === undefined ? '' : flatten(rationale, text, 0),
    entries,
    repairs: repairsOf(reading),
  };
}

/** The scores of an object: under the form's own key, under another one, or its own entries. */
function scoresOf(object: LooseValue & { readonly kind: 'object' }, responses: number): ScoreEntries {
  for (const pattern of SCORES_KEYS) {
    const member = object.entries.findLast(({ key }) => pattern.test(key.text.trim()));
    if (member === undefined || member.value.kind === 'text') continue;
    const entries = readScoreEntries(member.value, responses);
    if (entries.order.length > 0) return pattern === SCORES_KEYS[0] ? entries : { ...entries, oddKeys: true };
  }
  const own = object.entries.filter(
    ({ key, value }) => value.kind === 'text' && responseNumber(key.text) !== null,
  );
  if (own.length === 0) return { ...NO_ENTRIES, closed: true };
  return readScoreEntries({ ...object, entries: own }, responses);
}

function repairsOf({ faults }: LooseReading): JsonRepair[] {
  const repairs: JsonRepair[] = [];
  if (faults.broken) repairs.push('brokenJson');
  if (faults.rawNewlines) repairs.push('rawNewlines');
  if (faults.trailingComma) repairs.push('trailingComma');
  if (faults.singleQuotes) repairs.push('singleQuotes');
  if (faults.typography) repairs.push('typography');
  return repairs;
}

const ENCODED = /^[{\uff5b]\s{0,64}(?:\\n\s{0,8}){0,4}\\+["']/;

/** An object that stands in the text as the content of a JSON string. */
function readEncoded(segment: string, responses: number): (ObjectReading & Pick<JsonPart, 'closed'>) | null {
  let text = segment;
  for (let level = 0; level < MAX_ENCODINGS && ENCODED.test(text); level++) text = unescaped(text);
  if (text === segment) return null;
  const whole = readWholeObject(new LooseJson(text), text, 0, responses);
  if (whole === null) return null;
  return {
    rationale: whole.rationale,
    entries: whole.entries,
    repairs: [...whole.repairs, 'doubleEncoded'],
    closed: true,
  };
}

/** A rationale that is an object or a list, as lines. */
function flatten(value: LooseValue, text: string, depth: number): string {
  if (value.kind === 'text') return value.quoted ? unescaped(text.slice(value.start, value.end)) : value.text;
  if (depth > 5) return '';
  if (value.kind === 'list') return value.items.map((item) => flatten(item, text, depth + 1)).join('\n');
  return value.entries
    .map(({ key, value: entry }) => {
      const name = unescaped(text.slice(key.start, key.end));
      const inner = flatten(entry, text, depth + 1);
      return inner.includes('\n') ? `${name}:\n${inner}` : `${name}: ${inner}`;
    })
    .join('\n');
}

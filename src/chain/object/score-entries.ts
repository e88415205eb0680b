// The entries of `better_response`: one score per response, however a model writes them.
// Knows keys and values; knows nothing of rationales or of where the object stands.

import { readScore, type ScoreReading } from '../scores/score-text.js';
import { responseNumber } from '../text/response-name.js';
import type { LooseEntry, LooseText, LooseValue } from './loose-json.js';

/** What the entries of one object say. */
export interface ScoreEntries {
  /** Reading by response number (from 1); conflicting entries for one response are `none`. */
  readonly scores: ReadonlyMap<number, ScoreReading>;
  /** Response numbers in the order written. */
  readonly order: readonly number[];
  /** Whether the object is closed. */
  readonly closed: boolean;
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
  strings: false,
  oddKeys: false,
  conflict: false,
};

const NONE: ScoreReading = { kind: 'none' };
const SCORE_KEY = /^(?:final|total|overall|weighted)?[\s_-]{0,3}(?:score|rating|value|points|grade)$/i;
const NAME_KEY =
  /^(?:response|assistant|candidate|answer|reply|option)?[\s_-]{0,3}(?:id|name|number|no|index|key|label)?$/i;

/**
 * Reads entries: an object `{response_1: 7, ...}`, or a list of one score for each of `responses`, of such objects, or of
 * objects that name their response.
 *
 * Keys of responses counted from 0 make all entries `none`: which response they mean cannot be known.
 */
export function readScoreEntries(value: LooseValue, responses: number): ScoreEntries {
  const found = new Entries();
  if (value.kind === 'text') return { ...NO_ENTRIES, closed: true };
  if (value.kind === 'object') {
    for (const { key, value: score } of value.entries) found.add(key, score);
  } else if (value.items.every((item) => item.kind === 'object')) {
    for (const item of value.items) found.addListed(item.entries);
  } else if (value.whole && value.items.length === responses) {
    for (const [index, score] of value.items.entries()) found.set(index + 1, score);
    found.oddKeys = true;
  }
  return found.result(value.whole);
}

class Entries {
  readonly #scores = new Map<number, ScoreReading>();
  readonly #order: number[] = [];
  #strings = false;
  #conflict = false;
  oddKeys = false;

  /** An entry whose key names its response; others are passed over. */
  add(key: LooseText, value: LooseValue): void {
    const response = responseNumber(key.text);
    if (response === null) return;
    if (!key.quoted || key.text !== `response_${response}`) this.oddKeys = true;
    this.set(response, value);
  }

  /** An item of a list: `{response_1: 7}` or `{response: 1, score: 7}`. */
  addListed(entries: readonly LooseEntry[]): void {
    const name = entries.find(
      ({ key, value }) =>
        value.kind === 'text' && NAME_KEY.test(key.text) && responseNumber(value.text) !== null,
    );
    const score = scoreOf(entries);
    if (name === undefined || score === null) {
      for (const { key, value } of entries) this.add(key, value);
      return;
    }
    this.oddKeys = true;
    this.set(responseNumber((name.value as LooseText).text)!, score);
  }

  set(response: number, value: LooseValue): void {
    const reading = this.#read(value);
    const earlier = this.#scores.get(response);
    if (earlier !== undefined && !sameReading(earlier, reading)) {
      this.#conflict = true;
      this.#scores.set(response, NONE);
      return;
    }
    this.#scores.set(response, reading);
    if (earlier === undefined) this.#order.push(response);
  }

  result(closed: boolean): ScoreEntries {
    if (this.#scores.has(0)) for (const response of this.#scores.keys()) this.#scores.set(response, NONE);
    return {
      scores: this.#scores,
      order: this.#order,
      closed,
      strings: this.#strings,
      oddKeys: this.oddKeys,
      conflict: this.#conflict,
    };
  }

  /** A score alone, in a list of its own, or under the key of a score. */
  #read(value: LooseValue): ScoreReading {
    if (value.kind === 'list') {
      const [only] = value.items;
      return value.whole && value.items.length === 1 && only?.kind === 'text' ? this.#read(only) : NONE;
    }
    if (value.kind === 'object') {
      const score = value.whole ? scoreOf(value.entries) : null;
      return score === null ? NONE : this.#read(score);
    }
    const reading = readScore(value.text);
    if (value.quoted && reading.kind !== 'none') this.#strings = true;
    return reading;
  }
}

/** The one score among the entries of an object; null where there is none or several differ. */
function scoreOf(entries: readonly LooseEntry[]): LooseText | null {
  const scores = entries.flatMap(({ key, value }) =>
    value.kind === 'text' && SCORE_KEY.test(key.text.trim()) ? [value] : [],
  );
  const [first] = scores;
  if (first === undefined) return null;
  const reading = readScore(first.text);
  return scores.every((score) => sameReading(readScore(score.text), reading)) ? first : null;
}

function sameReading(a: ScoreReading, b: ScoreReading): boolean {
  return a.kind === 'score' && b.kind === 'score' ? a.value === b.value : a.kind === b.kind;
}

// Tells the judgment's own object from one that the text merely shows: an example, a draft in prose, a quotation of the prompt.
// Knows places and the prompt's text; knows nothing of scores.

import type { Criterion } from '../rubric.js';
import type { JsonPart } from './json-part.js';

const PART_1 = /^[ \t#*_>]{0,8}PART[ \t]{1,3}1\b/gim;
const PART_2 = /^[ \t#*_>]{0,8}PART[ \t]{1,3}2\b/im;
const LINE_START = /^[\s*_#>`"'([\u201c\u201e\u300c\uff02]{0,40}(?:json5?|jsonc)?[\s"'([`]{0,10}$/i;
const ANNOUNCED =
  /(?:judge?ment|verdict|evaluation|answer|output|result|json|object|scores?|scoring)s?[\s*_`"'([]{0,8}:[\s*_`"'([]{0,8}$/i;
const NOTHING_BUT_CLOSERS =
  /^[\s}\])"'`*_.]{0,80}(?:[<[]\s{0,3}\/?JSON[_ ]END\s{0,3}[>\]])?[\s}\])"'`*_.]{0,80}$/i;
const PLACEHOLDER = /^(?:[.\u2026\s*_-]{1,80}|<[^<>\n]{0,80}>|\[[^[\]\n]{0,80}\])$/;
const PLACEHOLDER_NAME = /^(?:(?:first|second|third|fourth|fifth)\s+criterion|name)$/i;
// A shorter text may stand in a prompt by chance.
const MIN_COPY_CHARS = 24;

/** Reads places in one chain. */
export class OwnObjects {
  readonly #text: string;
  readonly #prompt: string;
  readonly #part1: readonly number[];
  readonly #part2: number;

  /** `prompt`: the text that the model was given, or ''. */
  constructor(text: string, prompt: string) {
    this.#text = text;
    this.#prompt = prompt === '' ? '' : foldedPrompt(prompt);
    this.#part1 = [...text.matchAll(PART_1)].map((match) => match.index);
    this.#part2 = PART_2.exec(text)?.index ?? -1;
  }

  /** Whether an object is the chain's own judgment, as far as its place and the prompt tell. */
  isOwn(part: JsonPart): boolean {
    if (PLACEHOLDER.test(part.rationale.trim())) return false;
    return this.#isInPlace(part) && !this.#isCopied(part);
  }

  /** Not in the middle of prose, and not in front of the analysis. */
  #isInPlace(part: JsonPart): boolean {
    const before = this.#part1.some((at) => at < part.start);
    if (!before && this.#part1.some((at) => at >= part.end)) return false;
    if (this.#part2 >= 0 && this.#part2 < part.body) return true;
    if (part.startMarker && this.#beginsLine(part.start)) return true;
    if (this.#beginsLine(part.body)) return true;
    const prose = this.#text.slice(Math.max(0, part.start - 80), part.start);
    return ANNOUNCED.test(prose) && NOTHING_BUT_CLOSERS.test(this.#text.slice(part.end, part.end + 200));
  }

  #beginsLine(at: number): boolean {
    const lineStart = this.#text.lastIndexOf('\n', at - 1) + 1;
    return at - lineStart < 60 && LINE_START.test(this.#text.slice(lineStart, at));
  }

  #isCopied(part: JsonPart): boolean {
    if (this.#prompt === '') return false;
    const copied = (text: string) => {
      const folded = fold(text);
      return folded.length >= MIN_COPY_CHARS && this.#prompt.includes(folded);
    };
    return copied(this.#text.slice(part.body, part.end)) || copied(part.rationale);
  }
}

/** Whether the names of a rubric are those of an example. */
export function isExampleRubric(rubric: readonly Criterion[]): boolean {
  return rubric.length > 0 && rubric.every(({ name }) => PLACEHOLDER_NAME.test(name));
}

/** A text without white space, escapes and letter case: what is left when JSON is laid out anew. */
function fold(text: string): string {
  return text.replace(/\\[nrt]|\\|\s/g, '').toLowerCase();
}

let known = { prompt: '', folded: '' };

/** Chains of one prompt come one after another. */
function foldedPrompt(prompt: string): string {
  if (known.prompt !== prompt) known = { prompt, folded: fold(prompt) };
  return known.folded;
}

// Where a text that comes in pieces ends: at a stop string outside of thoughts; and how much of it may be shown.
// Knows texts; nothing of servers.

import type { ThoughtMarks } from '../../generation.js';
import { FirstMatch, Thoughts } from '../../text-scan.js';

export class TextEnd {
  readonly #stops: FirstMatch;
  readonly #thoughts: Thoughts;

  constructor(stops: readonly string[], marks: ThoughtMarks | undefined) {
    this.#stops = new FirstMatch(stops);
    this.#thoughts = new Thoughts(marks);
  }

  /** What of a growing text may be shown, and the stop string's place where it ended. */
  follow(text: string): { readonly shown: number; readonly stop: { start: number; end: number } | null } {
    this.#thoughts.follow(text);
    if (this.#thoughts.inside) return { shown: whole(text, text.length), stop: null };
    const stop = this.#stops.find(text, this.#thoughts.answerFrom);
    if (stop !== null) return { shown: stop.start, stop };
    return { shown: whole(text, text.length - this.#stops.unsettled(text)), stop: null };
  }
}

/** Without the first half of a character, or what stands for one. */
function whole(text: string, length: number): number {
  let end = length;
  while (end > 0 && text[end - 1] === '\ufffd') end -= 1;
  return end > 0 && /[\ud800-\udbff]/.test(text[end - 1]!) ? end - 1 : end;
}

/** Whether a text ends within thoughts. */
export function endsInThoughts(text: string, marks: ThoughtMarks | undefined): boolean {
  if (marks === undefined) return false;
  const thoughts = new Thoughts(marks);
  thoughts.follow(text);
  return thoughts.inside;
}

/** Position behind the thoughts of a text; 0 where there were none. */
export function answerFrom(text: string, marks: ThoughtMarks | undefined): number {
  const thoughts = new Thoughts(marks);
  thoughts.follow(text);
  return thoughts.answerFrom;
}

/** A text that was written, as pieces of a prompt: marks of thoughts may be control tokens. */
export function writtenPieces(
  text: string,
  marks: ThoughtMarks | undefined,
): { text: string; trusted: boolean }[] {
  const all = marks === undefined ? [] : [...marks.open, ...marks.close];
  const pieces: { text: string; trusted: boolean }[] = [];
  let rest = text;
  while (rest !== '') {
    const next = all
      .map((mark) => ({ mark, at: rest.indexOf(mark) }))
      .filter(({ at }) => at >= 0)
      .sort((a, b) => a.at - b.at || b.mark.length - a.mark.length)[0];
    if (next === undefined) {
      pieces.push({ text: rest, trusted: false });
      break;
    }
    if (next.at > 0) pieces.push({ text: rest.slice(0, next.at), trusted: false });
    pieces.push({ text: next.mark, trusted: true });
    rest = rest.slice(next.at + next.mark.length);
  }
  return pieces;
}

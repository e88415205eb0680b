// Builds the text of one sample from token pieces and finds strings in it as they appear.
// Knows bytes and characters, nothing of tokens or models.
import type { ThoughtMarks } from './generation.js';

/** The text of a sample while it grows. */
export class GrowingText {
  private readonly decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  private whole = '';

  get text(): string {
    return this.whole;
  }

  /** Appends bytes, which may end inside a character; that character appears once it is complete. */
  append(bytes: Uint8Array): void {
    this.whole += this.decoder.decode(bytes, { stream: true });
  }

  /** The text with an unfinished last character shown as U+FFFD. */
  finish(): string {
    this.whole += this.decoder.decode();
    return this.whole;
  }

  /** Cuts the text to its first `length` UTF-16 units and forgets an unfinished character. */
  cut(length: number): void {
    this.decoder.decode();
    this.whole = this.whole.slice(0, length);
  }
}

/** Finds where one of a set of strings first appears in a growing text. */
export class FirstMatch {
  private readonly longest: number;
  private scanned = 0;

  constructor(private readonly wanted: readonly string[]) {
    this.longest = Math.max(0, ...wanted.map((text) => text.length));
  }

  /** Length of the longest end of `text` that a wanted string begins with. */
  unsettled(text: string): number {
    let longest = 0;
    for (const wanted of this.wanted) {
      for (let length = Math.min(wanted.length - 1, text.length); length > longest; length--) {
        if (wanted.startsWith(text.slice(text.length - length))) longest = length;
      }
    }
    return longest;
  }

  /** The earliest match in `text`, a continuation of what was given before, that begins at `least` or later; else null. */
  find(text: string, least = 0): { start: number; end: number } | null {
    const from = Math.max(least, this.scanned - this.longest + 1);
    this.scanned = text.length;
    let best: { start: number; end: number } | null = null;
    for (const wanted of this.wanted) {
      const start = text.indexOf(wanted, from);
      if (start >= 0 && (best === null || start < best.start)) best = { start, end: start + wanted.length };
    }
    return best;
  }
}

/** Where in a growing text the model thinks: from the start or an opening mark there, to the first closing mark. */
export class Thoughts {
  private state: 'undecided' | 'inside' | 'over';
  private readonly open: readonly string[];
  private readonly close: FirstMatch;
  private from = 0;
  private answer = 0;

  constructor(marks: ThoughtMarks | undefined) {
    this.state = marks === undefined ? 'over' : marks.opened ? 'inside' : 'undecided';
    this.open = marks?.open ?? [];
    this.close = new FirstMatch(marks?.close ?? []);
  }

  get inside(): boolean {
    return this.state === 'inside';
  }

  /** Position behind the thoughts; 0 where there were none. */
  get answerFrom(): number {
    return this.answer;
  }

  /** Takes note of what was added to the text. */
  follow(text: string): void {
    if (this.state === 'undecided') this.decide(text);
    if (this.state !== 'inside') return;
    const end = this.close.find(text, this.from);
    if (end === null) return;
    this.answer = end.end;
    this.state = 'over';
  }

  private decide(text: string): void {
    const begun = text.trimStart();
    if (begun === '') return;
    const mark = this.open.find((one) => begun.startsWith(one));
    if (mark !== undefined) {
      this.from = text.length - begun.length + mark.length;
      this.state = 'inside';
    } else if (!this.open.some((one) => one.startsWith(begun))) {
      this.state = 'over';
    }
  }
}

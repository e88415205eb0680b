// Which control tokens of a vocabulary stand in a mark of thoughts, so that the text has to show them.
// Knows texts of tokens; nothing of models.

import type { ThoughtMarks } from '../generation.js';

/** Tokens and their texts. */
export type ShownTokens = ReadonlyMap<number, string>;

const NONE: ShownTokens = new Map();

/** Finds the control tokens of marks in one vocabulary; the answer for marks that were asked for before is kept. */
export class MarkTokens {
  readonly #controlTokens: Iterable<readonly [text: string, token: number]>;
  readonly #known = new WeakMap<readonly string[], ShownTokens>();

  /** `controlTokens` by their text; those that end a generation write no text, whatever marks say. */
  constructor(controlTokens: Iterable<readonly [text: string, token: number]>) {
    this.#controlTokens = controlTokens;
  }

  /** Those whose text is a mark or stands in one. */
  of(thoughts: ThoughtMarks | undefined): ShownTokens {
    if (thoughts === undefined) return NONE;
    let shown = this.#known.get(thoughts.close);
    if (shown === undefined) {
      const marks = [...thoughts.open, ...thoughts.close];
      const found = new Map<number, string>();
      for (const [text, token] of this.#controlTokens) {
        if (text !== '' && marks.some((mark) => mark.includes(text))) found.set(token, text);
      }
      shown = found;
      this.#known.set(thoughts.close, shown);
    }
    return shown;
  }
}

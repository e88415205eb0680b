// Counts over the lines of a run: rows by status, chains, tokens, accuracy with its interval.
// Knows row records; constant memory however many there are.

import { wilsonInterval } from '../../statistics/share.js';
import type { RowRecord } from './row-record.js';

/** Rows and chains of a whole output. */
export interface RunCounts {
  readonly rows: number;
  readonly scored: number;
  readonly failed: number;
  readonly invalid: number;
  readonly ties: number;
  readonly usableChains: number;
  /** Lost chains by reason. */
  readonly lostChains: Readonly<Record<string, number>>;
  /** Chains that adaptive scaling did without. */
  readonly savedChains: number;
  /** Rows that had fewer similar users than asked for, or none to be similar to. */
  readonly rowsShortOfNeighbours: number;
  /** Rows of users of whom a history is known, and those of whom criteria are. */
  readonly rowsWithHistory: number;
  readonly rowsWithCriteria: number;
  /** Rows whose oldest history events did not fit. */
  readonly rowsWithDroppedEvents: number;
  readonly promptTokens: number;
  readonly decodedPromptTokens: number;
  readonly generatedTokens: number;
}

/** Share of labelled rows whose winner is the label. Ties and failed rows stay in the denominator. */
export interface Accuracy {
  readonly correct: number;
  readonly labelled: number;
  readonly value: number;
  /** 95% Wilson score interval; it takes rows as independent, which rows of one user are not quite. */
  readonly interval: readonly [number, number];
}

/** Adds up row records one at a time. */
export class Tally {
  readonly #rows = { scored: 0, failed: 0, invalid: 0 };
  readonly #lost: Record<string, number> = {};
  readonly #tokens = { prompt: 0, decodedPrompt: 0, generated: 0 };
  #ties = 0;
  #usable = 0;
  #dropped = 0;
  #history = 0;
  #criteria = 0;
  #saved = 0;
  #short = 0;
  #correct = 0;
  #labelled = 0;

  add(record: RowRecord): void {
    this.#rows[record.status] += 1;
    if (record.tie) this.#ties += 1;
    this.#usable += record.usable;
    for (const [reason, count] of Object.entries(record.lost)) {
      this.#lost[reason] = (this.#lost[reason] ?? 0) + count;
    }
    if ((record.history ?? 0) > 0) this.#history += 1;
    if (record.criteria === true) this.#criteria += 1;
    if (record.droppedEvents > 0) this.#dropped += 1;
    this.#saved += record.scaling?.saved ?? 0;
    const retrieved = record.retrieval?.status;
    if (retrieved === 'tooFew' || retrieved === 'nothingToGoOn') this.#short += 1;
    this.#tokens.prompt += record.tokens.prompt;
    this.#tokens.decodedPrompt += record.tokens.decodedPrompt;
    this.#tokens.generated += record.tokens.generated;
    if (record.correct !== undefined) this.#labelled += 1;
    if (record.correct === true) this.#correct += 1;
  }

  counts(): RunCounts {
    const { scored, failed, invalid } = this.#rows;
    return {
      rows: scored + failed + invalid,
      scored,
      failed,
      invalid,
      ties: this.#ties,
      usableChains: this.#usable,
      lostChains: { ...this.#lost },
      savedChains: this.#saved,
      rowsShortOfNeighbours: this.#short,
      rowsWithHistory: this.#history,
      rowsWithCriteria: this.#criteria,
      rowsWithDroppedEvents: this.#dropped,
      promptTokens: this.#tokens.prompt,
      decodedPromptTokens: this.#tokens.decodedPrompt,
      generatedTokens: this.#tokens.generated,
    };
  }

  /** Null where no row has a label. */
  accuracy(): Accuracy | null {
    if (this.#labelled === 0) return null;
    return {
      correct: this.#correct,
      labelled: this.#labelled,
      value: this.#correct / this.#labelled,
      interval: wilsonInterval(this.#correct, this.#labelled),
    };
  }
}

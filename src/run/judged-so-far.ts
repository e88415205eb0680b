// Counts what a run has judged so far, in whatever order its rows end: lines stand in the order of the data and so lag behind.
// Knows the events of judgments; shows nothing.

import type { JudgeEvent } from '../reward-model/judgment.js';

/** What was judged in this session. */
export interface JudgedCounts {
  /** Rows, those in flight by the share of their chains that are read. */
  readonly rows: number;
  readonly chains: number;
  /** New tokens of those chains. */
  readonly tokens: number;
}

/** Follows the judgments of a run. */
export class JudgedSoFar {
  readonly #tell: (counts: JudgedCounts) => void;
  readonly #inFlight = new Set<{ share: number }>();
  #ended = 0;
  #chains = 0;
  #tokens = 0;

  /** `tell` is called after each chain and each row. */
  constructor(tell: (counts: JudgedCounts) => void) {
    this.#tell = tell;
  }

  /** Judges one row; `judge` hands its judgments' events on. A row that fails counts as judged. */
  async row<T>(judge: (onEvent: (event: JudgeEvent) => void) => Promise<T>): Promise<T> {
    const row = { share: 0 };
    this.#inFlight.add(row);
    try {
      return await judge((event) => {
        if (event.type !== 'chain') return;
        row.share = Math.min(1, event.done / event.chains);
        this.#chains += 1;
        this.#tokens += event.chain.tokens;
        this.#report();
      });
    } finally {
      this.#inFlight.delete(row);
      this.#ended += 1;
      this.#report();
    }
  }

  #report(): void {
    let rows = this.#ended;
    for (const { share } of this.#inFlight) rows += share;
    this.#tell({ rows, chains: this.#chains, tokens: this.#tokens });
  }
}

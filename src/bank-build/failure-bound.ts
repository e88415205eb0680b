// When a build gives up: the generator has failed row after row, so that it is the generator and no row that is at fault.
// Holds lines of such rows back until one succeeds; knows nothing of where they go.

import { type ErrorCode, PgenrmError } from '../errors.js';
import type { ChainLine } from './chain-lines.js';

/** Rows that may fail one after another by the generator's fault. */
export const MOST_FAILURES_IN_A_ROW = 16;

/** Codes of errors that may be the generator's fault and no row's. */
const GENERATOR_ERRORS: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['DECODE_FAILED', 'OUT_OF_MEMORY']);

/** Counts rows that failed, in the order of the rows. */
export class FailureBound {
  #held: ChainLine[] = [];
  #failures = 0;
  #last: PgenrmError | null = null;
  #worked: boolean;

  /** `worked`: whether an earlier session has written lines. */
  constructor(worked: boolean) {
    this.#worked = worked;
  }

  /**
   * Takes the next row's line and gives the lines that may be kept now. A row that failed by the generator's fault, and
   * what comes after it, is held back until the generator has answered again, so that a later session tries it anew.
   *
   * Errors: the generator's, after {@link MOST_FAILURES_IN_A_ROW} such rows with no other answer in between.
   */
  take(line: ChainLine, error: PgenrmError | null): readonly ChainLine[] {
    this.#held.push(line);
    if (error !== null && GENERATOR_ERRORS.has(error.code)) {
      this.#failures += 1;
      this.#last = error;
      if (this.#failures >= MOST_FAILURES_IN_A_ROW) throw this.#givenUp();
    } else if (line.status === 'usable' || line.status === 'lost') {
      this.#worked = true;
      this.#failures = 0;
    }
    return this.#failures === 0 ? this.#release() : [];
  }

  /** The lines that are left after the last row. Errors: the generator's, where it has answered for no row at all. */
  end(): readonly ChainLine[] {
    if (this.#failures > 0 && !this.#worked) throw this.#givenUp();
    return this.#release();
  }

  #release(): readonly ChainLine[] {
    const lines = this.#held;
    this.#held = [];
    return lines;
  }

  #givenUp(): PgenrmError {
    const { row } = this.#held.at(-1)!;
    const { code, message } = this.#last!;
    return new PgenrmError(
      code,
      `no chain could be written for ${this.#failures} rows one after another, the last of them row ${row}: ${message}; mend that and run the command again, which goes on after the last row that was done`,
      { cause: this.#last },
    );
  }
}

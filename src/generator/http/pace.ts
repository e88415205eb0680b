// How many samples one server is given at once: more while more are written for it, fewer where it is busy or slow.
// Knows counts and times; nothing of requests.

const FIRST = 8;
/** A step more is kept where it brings at least this much more a second. */
const WORTH = 1.03;
/** Windows without a step before one is tried again: what is best may have changed since. */
const QUIET = 8;
/** A window is judged when it has so many samples for each one in flight. */
const ROUNDS = 2;
/** Milliseconds between two reductions: failures of one moment count once. */
const REST_MS = 1_000;

/** A bound that is found. `most`: it never goes above that. */
export class Pace {
  #limit: number;
  #windowStart: number;
  #windowTokens = 0;
  #windowSamples = 0;
  #bestRate = 0;
  #lastCut = Number.NEGATIVE_INFINITY;
  #quiet = 0;
  /** The bound before a step that is being tried. */
  #before: number | null = null;

  constructor(
    readonly most: number,
    first: number = FIRST,
    now: number = performance.now(),
  ) {
    this.#windowStart = now;
    this.#limit = Math.max(1, Math.min(first, most));
  }

  /** Samples that may be in flight now, 1 or more. */
  get limit(): number {
    return this.#limit;
  }

  /** Takes note of a sample that ended well; `inFlight` counts it. */
  ended(tokens: number, inFlight: number, now: number = performance.now()): void {
    // Where the bound was not what held the server back, its rate says nothing of the bound.
    if (inFlight < this.#limit) {
      this.#restart(now);
      return;
    }
    this.#windowTokens += tokens;
    this.#windowSamples += 1;
    if (this.#windowSamples < ROUNDS * this.#limit || now <= this.#windowStart) return;
    const rate = this.#windowTokens / (now - this.#windowStart);
    this.#restart(now);
    if (rate > this.#bestRate * WORTH) {
      this.#bestRate = rate;
      this.#step();
    } else if (rate * 2 < this.#bestRate) {
      this.busy(now);
    } else if (this.#before !== null) {
      this.#limit = this.#before;
      this.#before = null;
    } else if (++this.#quiet >= QUIET) {
      this.#bestRate = rate;
      this.#step();
    }
  }

  #step(): void {
    this.#quiet = 0;
    this.#before = this.#limit;
    this.#limit = Math.min(this.most, this.#limit + Math.max(1, Math.floor(this.#limit / 4)));
  }

  /** Takes note of a refusal for lack of room, or of a sample that took too long. */
  busy(now: number = performance.now()): void {
    if (now - this.#lastCut < REST_MS) return;
    this.#lastCut = now;
    this.#bestRate = 0;
    this.#before = null;
    this.#limit = Math.max(1, Math.floor(this.#limit / 2));
    this.#restart(now);
  }

  #restart(now: number): void {
    this.#windowStart = now;
    this.#windowTokens = 0;
    this.#windowSamples = 0;
  }
}

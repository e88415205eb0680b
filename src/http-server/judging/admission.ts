// Lets so many comparisons run at once and so many wait, and begins those of one user together.
// Knows nothing of what runs.

import { refusal } from '../failures.js';

/** How much may run and wait. */
export interface AdmissionLimits {
  /** Comparisons at once. */
  readonly running: number;
  /** Rows that wait beside them. */
  readonly waiting: number;
}

/** Of those that wait, one may be overtaken by so many for the sake of a shared prefix. */
const MOST_OVERTAKEN = 64;

interface Waiting {
  readonly key: string | undefined;
  overtaken: number;
  readonly begin: () => void;
}

/** A queue with bounds. */
export class Admission {
  readonly #limits: AdmissionLimits;
  readonly #waiting: Waiting[] = [];
  #running = 0;
  #admitted = 0;
  #lastKey: string | undefined;
  /** Mean milliseconds of a comparison, over about the last 16. */
  #meanMs = 1000;

  constructor(limits: AdmissionLimits) {
    this.#limits = limits;
  }

  get running(): number {
    return this.#running;
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  /** Rows of requests that were let in and are not answered yet. */
  get admitted(): number {
    return this.#admitted;
  }

  /** Seconds until there may be room again, from 1 to 60. */
  get retryAfter(): number {
    const rounds = (this.#admitted + 1) / this.#limits.running;
    return Math.min(60, Math.max(1, Math.ceil((rounds * this.#meanMs) / 1000)));
  }

  /** Lets rows in until what it gives is called. Refuses with `QUEUE_FULL` where they could not all run or wait. */
  enter(rows: number): () => void {
    const { running, waiting } = this.#limits;
    const room = running + waiting - this.#admitted;
    if (rows > room) {
      throw refusal(
        'QUEUE_FULL',
        `${rows} rows came and there is room for ${Math.max(0, room)} more; ${this.#admitted} run or wait (--queue ${waiting}). Ask again in ${this.retryAfter} s`,
        { retryAfter: this.retryAfter },
      );
    }
    this.#admitted += rows;
    let left = false;
    return () => {
      if (!left) this.#admitted -= rows;
      left = true;
    };
  }

  /** Does work when it is its turn; work of the same key begins together. Rejects with the signal's reason. */
  async run<R>(key: string | undefined, signal: AbortSignal, work: () => Promise<R>): Promise<R> {
    signal.throwIfAborted();
    if (this.#running >= this.#limits.running) await this.#turn(key, signal);
    else this.#running += 1;
    this.#lastKey = key;
    const began = performance.now();
    try {
      return await work();
    } finally {
      this.#meanMs += (performance.now() - began - this.#meanMs) / 16;
      this.#running -= 1;
      this.#next();
    }
  }

  #turn(key: string | undefined, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const waiting: Waiting = {
        key,
        overtaken: 0,
        begin: () => {
          signal.removeEventListener('abort', give);
          this.#running += 1;
          resolve();
        },
      };
      const give = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(waiting), 1);
        reject(signal.reason);
      };
      signal.addEventListener('abort', give, { once: true });
      this.#waiting.push(waiting);
    });
  }

  #next(): void {
    const [head] = this.#waiting;
    if (head === undefined) return;
    const same = this.#waiting.findIndex(({ key }) => key !== undefined && key === this.#lastKey);
    const at = same < 0 || head.overtaken >= MOST_OVERTAKEN ? 0 : same;
    for (const passed of this.#waiting.slice(0, at)) passed.overtaken += 1;
    const [chosen] = this.#waiting.splice(at, 1);
    this.#lastKey = chosen!.key;
    chosen!.begin();
  }
}

// What a template may use up while it renders: steps, the size of a text, the depth of calls.
// Knows nothing of templates.

/** Limits of one rendering. */
export interface RenderLimits {
  /** Steps: one for each node that is evaluated and each item that is looked at. */
  readonly steps: number;
  /** UTF-16 units of the template's source, of any text and of the whole output; items of any list. */
  readonly size: number;
  /** Calls of macros within each other. */
  readonly depth: number;
}

/** Far beyond what any published chat template needs (at most 6,000 steps and 20,000 units), and well under a second. */
export const RENDER_LIMITS: RenderLimits = { steps: 1_000_000, size: 1_000_000, depth: 100 };

/** Thrown where a rendering uses more than it may. */
export class LimitReached extends Error {
  override readonly name = 'LimitReached';
}

/** Counts what one rendering has used. */
export class RenderBudget {
  readonly #limits: RenderLimits;
  #steps = 0;
  #depth = 0;

  constructor(limits: RenderLimits = RENDER_LIMITS) {
    this.#limits = limits;
  }

  /** Counts steps. Throws {@link LimitReached}. */
  spend(steps = 1): void {
    this.#steps += steps;
    // NaN and Infinity are beyond any limit too.
    if (!(this.#steps <= this.#limits.steps)) throw tooMuch(`takes more than ${this.#limits.steps} steps`);
  }

  /** Counts what it costs to make a text or list of this size, before it is made. Throws {@link LimitReached}. */
  make(size: number): void {
    if (!(size <= this.#limits.size)) {
      throw tooMuch(`makes a text or list of more than ${this.#limits.size} characters or items`);
    }
    this.spend(1 + Math.floor(Math.max(0, size) / 16));
  }

  /** Runs a call within a call. Throws {@link LimitReached}. */
  nested<T>(call: () => T): T {
    if (++this.#depth > this.#limits.depth) {
      throw tooMuch(`calls macros more than ${this.#limits.depth} deep`);
    }
    try {
      return call();
    } finally {
      this.#depth--;
    }
  }
}

function tooMuch(what: string): LimitReached {
  return new LimitReached(`it ${what}, far more than a chat template needs`);
}

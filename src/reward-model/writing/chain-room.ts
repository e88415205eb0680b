// How many chains of all judgments a generator is at, beside how many it decodes at once.
// Knows numbers only.

/** Room of one generator for chains. */
export class ChainRoom {
  readonly #most: number;
  #taken = 0;

  /** `most`: chains at once that keep the generator busy. */
  constructor(most: number) {
    this.#most = most;
  }

  /** Whether so many more are decoded at once with the others. */
  has(chains: number): boolean {
    return this.#taken + chains <= this.#most;
  }

  take(chains: number): void {
    this.#taken += chains;
  }

  give(chains: number): void {
    this.#taken -= chains;
  }
}

// Lets so many jobs run at once; the others wait in the order in which they came.
// Knows nothing of what runs.

interface Waiting {
  readonly begin: () => void;
}

/** One model's jobs. */
export class Lane {
  #running = 0;
  readonly #waiting = new Set<Waiting>();

  /**
   * Waits until fewer than `width` run, behind those that came before; what it gives ends the turn, once. Rejects with the
   * signal's reason where it aborts in the queue.
   */
  async enter(width: number, signal: AbortSignal): Promise<() => void> {
    signal.throwIfAborted();
    if (this.#running >= width || this.#waiting.size > 0) {
      await new Promise<void>((resolve, reject) => {
        const leave = (): void => {
          this.#waiting.delete(one);
          reject(signal.reason);
        };
        const one = {
          begin: (): void => {
            signal.removeEventListener('abort', leave);
            resolve();
          },
        };
        this.#waiting.add(one);
        signal.addEventListener('abort', leave, { once: true });
      });
    } else this.#running += 1;
    let ended = false;
    return () => {
      if (ended) return;
      ended = true;
      const [next] = this.#waiting;
      // Who waits takes over the place of who leaves.
      if (next === undefined) this.#running -= 1;
      else {
        this.#waiting.delete(next);
        next.begin();
      }
    };
  }
}

// For how long a request is worked on: until it is answered, its client goes, its time is over, or the server stops.
// Knows why it ends; nothing of what is done.

import { refusal } from './failures.js';

/** All requests at work. */
export class Scopes {
  readonly #open = new Set<RequestScope>();
  readonly #timeoutS: number;
  #whenEmpty: (() => void) | null = null;

  constructor(timeoutS: number) {
    this.#timeoutS = timeoutS;
  }

  get size(): number {
    return this.#open.size;
  }

  /** Opens a scope for a request whose client goes with `client`. */
  open(client: AbortSignal): RequestScope {
    const scope = new RequestScope(client, this.#timeoutS, () => {
      this.#open.delete(scope);
      if (this.#open.size === 0) this.#whenEmpty?.();
    });
    this.#open.add(scope);
    return scope;
  }

  /** Resolves when no request is at work, or after so many milliseconds. */
  async drained(ms: number): Promise<void> {
    if (this.#open.size === 0) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#whenEmpty = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#whenEmpty = null;
  }

  /** Ends all of them with a reason. */
  abortAll(reason: unknown): void {
    for (const scope of [...this.#open]) scope.abort(reason);
  }
}

/** One request at work. */
export class RequestScope implements Disposable {
  readonly #controller = new AbortController();
  readonly #client: AbortSignal;
  readonly #timer: NodeJS.Timeout;
  readonly #onEnd: () => void;
  readonly #onGone = (): void => this.abort(refusal('CLIENT_GONE', 'the client closed the connection'));

  constructor(client: AbortSignal, timeoutS: number, onEnd: () => void) {
    this.#client = client;
    this.#onEnd = onEnd;
    this.#timer = setTimeout(
      () =>
        this.abort(
          refusal('TIMED_OUT', `the request was not done within ${timeoutS} s (--timeout)`, {
            retryAfter: 1,
          }),
        ),
      timeoutS * 1000,
    );
    if (client.aborted) this.#onGone();
    else client.addEventListener('abort', this.#onGone, { once: true });
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  abort(reason: unknown): void {
    this.#controller.abort(reason);
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#client.removeEventListener('abort', this.#onGone);
    this.#onEnd();
  }
}

// Ctrl-C and SIGTERM: the first asks a command to stop, the second ends the process at once.
// Knows signals of the system; nothing of what is stopped.

import { EXIT } from './exit-code.js';

/** Why a command was stopped: the reason of its AbortSignal. */
export class Interruption extends Error {
  override readonly name = 'Interruption';
  readonly exitCode: number;

  constructor(signal: 'SIGINT' | 'SIGTERM') {
    super(signal === 'SIGINT' ? 'stopped by Ctrl-C' : 'stopped by SIGTERM');
    this.exitCode = signal === 'SIGINT' ? EXIT.interrupted : EXIT.terminated;
  }
}

/** What people are told when a command begins to stop. */
export const STOPPING_TEXT = '\nstopping after the current step; once more quits at once\n';

/** Listens for signals until disposed. */
export class InterruptWatch implements Disposable {
  readonly #controller = new AbortController();
  readonly #stopping: () => void;
  readonly #onSigint = (): void => this.#stop('SIGINT');
  readonly #onSigterm = (): void => this.#stop('SIGTERM');

  /** `stopping` is called on the first signal. */
  constructor(stopping: () => void) {
    this.#stopping = stopping;
    process.on('SIGINT', this.#onSigint);
    process.on('SIGTERM', this.#onSigterm);
  }

  /** Aborts with an {@link Interruption} on the first signal. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  #stop(signal: 'SIGINT' | 'SIGTERM'): void {
    const interruption = new Interruption(signal);
    if (this.#controller.signal.aborted) process.exit(interruption.exitCode);
    this.#stopping();
    this.#controller.abort(interruption);
  }

  [Symbol.dispose](): void {
    process.off('SIGINT', this.#onSigint);
    process.off('SIGTERM', this.#onSigterm);
  }
}

// Ctrl-C, SIGTERM and SIGHUP: the first asks a command to stop, the second ends the process at once.
// Knows signals of the system; nothing of what is stopped.

import { EXIT } from './exit-code.js';

/** Signals that stop a command; SIGHUP comes when its terminal is closed. */
type StopSignal = 'SIGINT' | 'SIGTERM' | 'SIGHUP';

const EXIT_CODES: Readonly<Record<StopSignal, number>> = {
  SIGINT: EXIT.interrupted,
  SIGTERM: EXIT.terminated,
  SIGHUP: EXIT.hungUp,
};

/** Why a command was stopped: the reason of its AbortSignal. */
export class Interruption extends Error {
  override readonly name = 'Interruption';
  readonly exitCode: number;

  constructor(signal: StopSignal) {
    super(signal === 'SIGINT' ? 'stopped by Ctrl-C' : `stopped by ${signal}`);
    this.exitCode = EXIT_CODES[signal];
  }
}

/** What people are told when a command begins to stop. */
export const STOPPING_TEXT = 'stopping after the current step; once more quits at once\n';

/** Listens for signals until disposed. */
export class InterruptWatch implements Disposable {
  readonly #controller = new AbortController();
  readonly #stopping: () => void;
  readonly #onSigint = (): void => this.#stop('SIGINT');
  readonly #onSigterm = (): void => this.#stop('SIGTERM');
  readonly #onSighup = (): void => this.#stop('SIGHUP');

  /** `stopping` is called on the first signal. */
  constructor(stopping: () => void) {
    this.#stopping = stopping;
    process.on('SIGINT', this.#onSigint);
    process.on('SIGTERM', this.#onSigterm);
    process.on('SIGHUP', this.#onSighup);
  }

  /** Aborts with an {@link Interruption} on the first signal. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  #stop(signal: StopSignal): void {
    const interruption = new Interruption(signal);
    if (this.#controller.signal.aborted) process.exit(interruption.exitCode);
    this.#stopping();
    this.#controller.abort(interruption);
  }

  [Symbol.dispose](): void {
    process.off('SIGINT', this.#onSigint);
    process.off('SIGTERM', this.#onSigterm);
    process.off('SIGHUP', this.#onSighup);
  }
}

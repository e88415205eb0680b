// What the exit codes of `pgenrm` mean, and which one an error gets.

import { PgenrmError } from '../../errors.js';

/** Exit codes of `pgenrm`. */
export const EXIT = {
  /** Everything asked for was done; every row was scored. */
  ok: 0,
  /** An error that none of the others describes. */
  error: 1,
  /** Bad usage: an unknown or invalid option, an output that exists or belongs to another run. */
  usage: 2,
  /** The run went through, and some rows failed, were invalid or are missing. */
  incomplete: 3,
  /** `doctor` only: judgments can be made, several times slower than with the native addon. */
  fallback: 4,
  /** Stopped by Ctrl-C (SIGINT), by a request to end (SIGTERM), by the terminal's end (SIGHUP). */
  interrupted: 130,
  terminated: 143,
  hungUp: 129,
} as const;

/** The exit code for an error that ends a command. */
export function exitCodeOf(error: unknown): number {
  const usage =
    error instanceof PgenrmError && (error.code === 'INVALID_OPTION' || error.code === 'RUN_MISMATCH');
  return usage ? EXIT.usage : EXIT.error;
}

// Where a command writes and whether colour and bars are welcome there.
// Knows streams and environment; nothing of what is written.

import type { Writable } from 'node:stream';
import { type Logger, pino } from 'pino';
import { printable } from '../../output/printable.js';

/** The streams of one command. */
export interface ConsoleStreams {
  /** Results. */
  readonly out: Writable & { readonly isTTY?: boolean };
  /** Everything else. */
  readonly err: Writable & { readonly isTTY?: boolean };
}

/** Whether colour may be used on a stream: a terminal, and neither `NO_COLOR` nor `TERM=dumb` forbids it. */
export function mayColour(
  stream: { readonly isTTY?: boolean },
  env: NodeJS.ProcessEnv = process.env,
): boolean {
  return stream.isTTY === true && (env.NO_COLOR ?? '') === '' && env.TERM !== 'dumb';
}

/** Names that `--log-level` takes. */
export const LOG_LEVELS = ['silent', 'error', 'warn', 'info', 'debug'] as const;

/** One of {@link LOG_LEVELS}. */
export type LogLevel = (typeof LOG_LEVELS)[number];

/** A log of JSON lines on standard error. */
export function createLog(level: LogLevel, err: Writable): Logger {
  return pino({ level, base: null }, { write: (line: string) => err.write(printable(line)) });
}

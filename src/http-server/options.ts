// How a reward server is run: where it listens, what it lets in, how long it waits.
// Knows ranges and defaults; listens to nothing.

import { PgenrmError } from '../errors.js';
import { checkRange, type NumberRange } from '../options/option-range.js';
import type { JudgeOptions } from '../reward-model/judgment.js';

/** Ranges of the server's numbers. */
export const SERVER_RANGES = {
  port: { integer: true, min: 0, max: 65_535 },
  queue: { integer: true, min: 0, max: 1_000_000 },
  concurrency: { integer: true, min: 1, max: 256 },
  maxBodyMb: { integer: false, min: 0.001, max: 512 },
  maxRows: { integer: true, min: 1, max: 65_536 },
  maxCandidates: { integer: true, min: 1, max: 65_536 },
  maxChains: { integer: true, min: 1, max: 2048 },
  timeout: { integer: false, min: 0.001, max: 86_400 },
  grace: { integer: false, min: 0, max: 86_400 },
  gatherMs: { integer: true, min: 0, max: 60_000 },
  groupSize: { integer: true, min: 3, max: 256 },
} as const satisfies Record<string, NumberRange>;

/** Numbers of a server, each by default as {@link SERVER_DEFAULTS} says. */
export type ServerNumbers = {
  readonly [name in Exclude<keyof typeof SERVER_RANGES, 'port' | 'concurrency'>]: number;
};

export const SERVER_DEFAULTS: ServerNumbers = {
  queue: 1024,
  maxBodyMb: 8,
  maxRows: 256,
  maxCandidates: 1000,
  maxChains: 64,
  timeout: 600,
  grace: 30,
  gatherMs: 200,
  groupSize: 8,
};

/** How a server is run. */
export interface ServerOptions extends Partial<ServerNumbers> {
  /** Default `127.0.0.1`. Any other than this machine's own needs a token. */
  readonly host?: string;
  /** Default 0: a free one. */
  readonly port?: number;
  /** What `Authorization: Bearer` must hold; at least 16 characters. */
  readonly token?: string;
  /** Comparisons at once; default: as many as keep the model busy. */
  readonly concurrency?: number;
  /** How to judge where a request does not say. */
  readonly judge?: JudgeOptions;
  /** Whether the log holds the bodies of requests. */
  readonly logTexts?: boolean;
}

const LOOPBACK = new Set(['localhost', '127.0.0.1', '::1', '[::1]']);

/** Whether a host name is this machine's own. */
export function isLoopback(host: string): boolean {
  return LOOPBACK.has(host.toLowerCase()) || /^127(\.\d{1,3}){3}$/.test(host);
}

/** Errors: `INVALID_OPTION`, also for a host that others reach without a token. */
export function checkServerOptions(options: ServerOptions): void {
  for (const [name, range] of Object.entries(SERVER_RANGES)) {
    const value = options[name as keyof typeof SERVER_RANGES];
    if (value !== undefined) checkRange(name, value, range);
  }
  const { host = '127.0.0.1', token } = options;
  if (token === undefined && !isLoopback(host)) {
    throw new PgenrmError(
      'INVALID_OPTION',
      `other machines reach the host ${host}: give the server a token (--token-file FILE, or PGENRM_TOKEN), or leave the host at 127.0.0.1`,
    );
  }
  // What a header can carry: visible ASCII.
  if (token !== undefined && !/^[\x21-\x7e]{16,}$/.test(token)) {
    throw new PgenrmError(
      'INVALID_OPTION',
      'a token has 16 characters or more, none of them a space, all of them ASCII, such as `openssl rand -hex 32` writes',
    );
  }
}

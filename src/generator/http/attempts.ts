// Has one request answered by some server of a fleet, however often it has to be repeated; counts what was repeated.
// Knows failures and waits; nothing of what is asked.

import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../../errors.js';
import { ServerFailure } from './connection.js';
import type { Fleet, FleetServer } from './fleet.js';
import type { RetryNote, RetryReason } from './http-options.js';

/** Tries of what may be the request's own fault; for the others patience decides. */
const TRIES: Readonly<Record<RetryReason, number>> = {
  timeout: 2,
  server: 3,
  answer: 3,
  busy: Infinity,
  connection: Infinity,
};
const FIRST_WAIT_MS = 200;
const LONGEST_WAIT_MS = 10_000;

export class Attempts {
  readonly #counts: Record<RetryReason, number> = {
    connection: 0,
    busy: 0,
    timeout: 0,
    server: 0,
    answer: 0,
  };

  constructor(
    private readonly fleet: Fleet,
    private readonly patienceMs: number,
    private readonly onRetry: ((retry: RetryNote) => void) | undefined,
  ) {}

  /** Requests that were repeated, by reason. */
  get counts(): Readonly<Record<RetryReason, number>> {
    return { ...this.#counts };
  }

  /** As {@link run}, for a request that costs a server next to nothing: it waits for no room and moves no bound. */
  aside<T>(key: string, signal: AbortSignal, send: (server: FleetServer) => Promise<T>): Promise<T> {
    return this.#repeat(
      signal,
      (avoid) => this.fleet.glance(key, signal, avoid),
      send,
      () => undefined,
    );
  }

  /** What `send` gives; rejects with its own error, with that of the last failure, or with the signal's reason. */
  async run<T>(
    key: string,
    signal: AbortSignal,
    send: (server: FleetServer) => Promise<T>,
    tokensOf: (answer: T) => number,
  ): Promise<T> {
    const acquire = (avoid: FleetServer | null) => this.fleet.acquire(key, signal, avoid);
    return this.#repeat(
      signal,
      acquire,
      async (server) => {
        try {
          return await send(server);
        } finally {
          this.fleet.release(server);
        }
      },
      (server, answer) => this.#count(server, tokensOf(answer), server.inFlight + 1),
    );
  }

  /**
   * As {@link run}, for requests of one sample, one after another: a server keeps room for them all, and another one takes
   * over where it fails.
   */
  async holding<R>(
    key: string,
    signal: AbortSignal,
    work: (ask: <T>(send: (server: FleetServer) => Promise<T>) => Promise<T>) => Promise<R>,
    tokensOf: (result: R) => number,
  ): Promise<R> {
    let held: FleetServer | null = null;
    const leave = (): void => {
      if (held !== null) this.fleet.release(held);
      held = null;
    };
    const acquire = async (avoid: FleetServer | null): Promise<FleetServer> => {
      if (held !== null && held !== avoid) return held;
      leave();
      held = await this.fleet.acquire(key, signal, avoid);
      return held;
    };
    try {
      const result = await work((send) => this.#repeat(signal, acquire, send, () => undefined));
      if (held !== null) this.#count(held, tokensOf(result), (held as FleetServer).inFlight);
      return result;
    } finally {
      leave();
    }
  }

  #count(server: FleetServer, tokens: number, inFlight: number): void {
    server.samples += 1;
    server.tokens += tokens;
    server.pace.ended(tokens, inFlight);
  }

  async #repeat<T>(
    signal: AbortSignal,
    acquire: (avoid: FleetServer | null) => Promise<FleetServer>,
    send: (server: FleetServer) => Promise<T>,
    onAnswer: (server: FleetServer, answer: T) => void,
  ): Promise<T> {
    const tried: Partial<Record<RetryReason, number>> = {};
    let failedSince: number | null = null;
    let avoid: FleetServer | null = null;
    for (let attempt = 0; ; attempt += 1) {
      const server = await acquire(avoid);
      let failure: ServerFailure;
      try {
        const answer = await send(server);
        if (server.failures > 0) this.fleet.back(server);
        onAnswer(server, answer);
        return answer;
      } catch (error) {
        if (!(error instanceof ServerFailure)) throw error;
        failure = error;
        if (error.retry === 'connection') this.fleet.away(server);
        else if (error.retry === 'busy' || error.retry === 'timeout') server.pace.busy();
      }
      const { retry } = failure;
      const now = performance.now();
      failedSince ??= now;
      if (retry === null) throw failure.toError();
      tried[retry] = (tried[retry] ?? 0) + 1;
      if (tried[retry] >= TRIES[retry] || now - failedSince > this.patienceMs) throw failure.toError();
      this.#counts[retry] += 1;
      this.onRetry?.({ server: server.connection.url, reason: retry, message: messageOf(failure) });
      avoid = server;
      // Another server is asked at once; one that is alone is left alone for a while.
      const alone = this.fleet.servers.length === 1;
      const wait = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** Math.min(attempt, 6)) * Math.random();
      const pause =
        failure.waitMs ??
        (retry === 'connection' && !alone && attempt < this.fleet.servers.length ? 0 : wait);
      if (pause > 0) await sleep(pause, undefined, { signal }).catch(() => signal.throwIfAborted());
    }
  }
}

// Which server writes a sample: the one that its prompt belongs to, the next one where that is full or gone.
// Knows servers, keys and bounds; nothing of prompts. Servers that are gone are asked again until they are back.

import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Connection } from './connection.js';
import { Pace } from './pace.js';

/** A server at work. */
export interface FleetServer {
  readonly connection: Connection;
  readonly pace: Pace;
  inFlight: number;
  /** When it may be asked again, by `performance.now()`; 0: it is there. */
  awayUntil: number;
  samples: number;
  tokens: number;
  failures: number;
}

interface Waiting {
  readonly key: string;
  readonly avoid: FleetServer | null;
  readonly resolve: (server: FleetServer) => void;
  readonly reject: (reason: unknown) => void;
}

const LONGEST_AWAY_MS = 5_000;

/** Several servers, each with its bound; who waits is served in order. */
export class Fleet {
  readonly servers: readonly FleetServer[];
  readonly #waiting: Waiting[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(
    connections: readonly Connection[],
    bounds: readonly { readonly most: number; readonly first?: number }[],
  ) {
    this.servers = connections.map((connection, index) => ({
      connection,
      pace: new Pace(bounds[index]!.most, bounds[index]!.first),
      inFlight: 0,
      awayUntil: 0,
      samples: 0,
      tokens: 0,
      failures: 0,
    }));
  }

  /**
   * A server with room for one more, the one that `key` belongs to where it has room; waits for one. `avoid` is taken only
   * where it is the only one that is there. Rejects with the signal's reason.
   */
  acquire(
    key: string,
    signal: AbortSignal | undefined,
    avoid: FleetServer | null = null,
  ): Promise<FleetServer> {
    signal?.throwIfAborted();
    return new Promise((resolve, reject) => {
      const waiting: Waiting = {
        key,
        avoid,
        resolve: (server) => {
          signal?.removeEventListener('abort', onAbort);
          resolve(server);
        },
        reject,
      };
      const onAbort = (): void => {
        const at = this.#waiting.indexOf(waiting);
        if (at >= 0) this.#waiting.splice(at, 1);
        reject(signal?.reason);
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      this.#waiting.push(waiting);
      this.#dispatch();
    });
  }

  /** A server that is there, full or not, for a small request; waits where all are gone. */
  async glance(
    key: string,
    signal: AbortSignal | undefined,
    avoid: FleetServer | null = null,
  ): Promise<FleetServer> {
    for (;;) {
      signal?.throwIfAborted();
      const now = performance.now();
      const there = this.servers.filter(({ awayUntil }) => awayUntil <= now);
      const others = there.filter((server) => server !== avoid);
      const [best] = this.#ranked(others.length > 0 ? others : there, key);
      if (best !== undefined) return best;
      const next = Math.min(...this.servers.map(({ awayUntil }) => awayUntil));
      await sleep(Math.max(1, next - now), undefined, signal === undefined ? {} : { signal });
    }
  }

  /** Gives a server back. */
  release(server: FleetServer): void {
    server.inFlight -= 1;
    this.#dispatch();
  }

  /** Takes note that a server is gone: it is asked again after a while, the longer the more often it failed. */
  away(server: FleetServer): void {
    server.failures += 1;
    const wait = Math.min(LONGEST_AWAY_MS, 100 * 2 ** Math.min(server.failures, 6));
    server.awayUntil = performance.now() + wait * (0.5 + Math.random() / 2);
  }

  /** Takes note that a server answers. */
  back(server: FleetServer): void {
    server.failures = 0;
    server.awayUntil = 0;
  }

  /** Rejects all who wait. */
  end(reason: unknown): void {
    clearTimeout(this.#timer);
    for (const { reject } of this.#waiting.splice(0)) reject(reason);
  }

  #dispatch(): void {
    clearTimeout(this.#timer);
    const now = performance.now();
    for (let at = 0; at < this.#waiting.length; ) {
      const server = this.#pick(this.#waiting[at]!, now);
      if (server === null) {
        at += 1;
        // No room anywhere: those behind find none either.
        if (!this.servers.some((one) => one.awayUntil <= now && one.inFlight < one.pace.limit)) break;
        continue;
      }
      const [waiting] = this.#waiting.splice(at, 1);
      server.inFlight += 1;
      waiting!.resolve(server);
    }
    if (this.#waiting.length === 0) return;
    const next = Math.min(...this.servers.map(({ awayUntil }) => (awayUntil > now ? awayUntil : Infinity)));
    if (next !== Infinity) this.#timer = setTimeout(() => this.#dispatch(), Math.max(1, next - now));
  }

  #ranked(servers: readonly FleetServer[], key: string): FleetServer[] {
    return [...servers].sort((a, b) => rank(b.connection.url, key) - rank(a.connection.url, key));
  }

  #pick({ key, avoid }: Waiting, now: number): FleetServer | null {
    const there = this.servers.filter(({ awayUntil }) => awayUntil <= now);
    const others = there.filter((server) => server !== avoid);
    const ranked = this.#ranked(others.length > 0 ? others : there, key);
    // One that has failed and may be back is tried with one sample.
    return ranked.find(({ inFlight, pace, failures }) => inFlight < (failures > 0 ? 1 : pace.limit)) ?? null;
  }
}

const ranks = new Map<string, number>();

/** How much a key belongs to a server: the highest of all servers has it, and no other key moves where one is gone. */
export function rank(url: string, key: string): number {
  const pair = `${url}\n${key}`;
  let known = ranks.get(pair);
  if (known === undefined) {
    known = createHash('sha256').update(pair).digest().readUInt32BE(0);
    if (ranks.size > 10_000) ranks.clear();
    ranks.set(pair, known);
  }
  return known;
}

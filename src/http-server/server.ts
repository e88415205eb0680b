// A reward server: what it is made of, when it is ready, how it stops.
// Knows the order of things; requests are `app.ts`, comparisons `judging/`.

import type { Server } from 'node:http';
import { serve } from '@hono/node-server';
import { messageOf, PgenrmError } from '../errors.js';
import type { JudgeOptions, Judgment } from '../reward-model/judgment.js';
import type { UserStore } from '../users/user-store.js';
import { PACKAGE_VERSION } from '../version.js';
import { createApp, type RequestRecord } from './app.js';
import { refusal } from './failures.js';
import { Admission } from './judging/admission.js';
import { Comparing } from './judging/compare.js';
import type { Judging } from './judging/judging.js';
import { KnownUsers } from './judging/known-users.js';
import { costOf } from './judging/verdict.js';
import { Metrics } from './metrics.js';
import { openApiOf } from './open-api.js';
import { checkServerOptions, SERVER_DEFAULTS, type ServerNumbers, type ServerOptions } from './options.js';
import { Scopes } from './request-scope.js';
import { type Route, route, type ServerCalls } from './route.js';
import { EMBEDDING_ROUTES } from './routes/embeddings.js';
import { JUDGE_ROUTES } from './routes/judge.js';
import { OPERATION_ROUTES } from './routes/operations.js';
import { PAGE_ROUTES } from './routes/page.js';
import { RERANK_ROUTES } from './routes/rerank.js';
import { TRAINER_ROUTES } from './routes/trainers.js';
import { USER_ROUTES } from './routes/users.js';

/** What a server serves. */
export interface ServerParts {
  /** Loads the judge; requests are answered with `LOADING` until it is there. */
  readonly load: () => Promise<Judging>;
  /** Stored users; null where requests bring their users. */
  readonly users: UserStore | null;
  readonly log?: (record: RequestRecord) => void;
}

/** Milliseconds that a client has for the head of a request, and for all of it; and for which an idle connection stays. */
const HEAD_MS = 20_000;
const REQUEST_MS = 120_000;
const IDLE_MS = 65_000;

/** A server that listens. */
export class RewardServer implements AsyncDisposable {
  readonly host: string;
  readonly port: number;
  /** Resolves when the model is loaded, rejects with what kept it from that. */
  readonly ready: Promise<void>;
  readonly #http: Server;
  readonly #core: ServerCore;
  #stopping: Promise<void> | undefined;

  private constructor(http: Server, core: ServerCore, host: string) {
    const address = http.address();
    this.host = host;
    this.port = typeof address === 'object' && address !== null ? address.port : 0;
    this.#http = http;
    this.#core = core;
    this.ready = core.load();
    this.ready.catch(() => {});
  }

  /** Listens, then loads. Errors: `INVALID_OPTION`, also for a port that is taken. */
  static async start(parts: ServerParts, options: ServerOptions = {}): Promise<RewardServer> {
    checkServerOptions(options);
    const core = new ServerCore(parts, options);
    const { host = '127.0.0.1', port = 0 } = options;
    const http = await listen(core.fetch, host, port);
    return new RewardServer(http, core, host);
  }

  get url(): string {
    return `http://${this.host.includes(':') ? `[${this.host}]` : this.host}:${this.port}`;
  }

  /**
   * Takes no more requests, lets those at work end for `grace` seconds, ends the others with `STOPPING`, and frees the model.
   * Safe to call twice.
   */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #stop(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#http.close(() => resolve()));
    await this.#core.drain();
    this.#http.closeIdleConnections();
    // What an ended request is answered with still has to be sent.
    const rest = setTimeout(() => this.#http.closeAllConnections(), 500);
    await closed;
    clearTimeout(rest);
    await this.#core.close();
  }
}

function listen(
  fetch: (request: Request) => Response | Promise<Response>,
  host: string,
  port: number,
): Promise<Server> {
  return new Promise((resolve, reject) => {
    const http = serve(
      {
        fetch,
        hostname: host,
        port,
        serverOptions: { headersTimeout: HEAD_MS, requestTimeout: REQUEST_MS, keepAliveTimeout: IDLE_MS },
      },
      () => {
        http.off('error', refuse);
        resolve(http);
      },
    ) as Server;
    const refuse = (error: NodeJS.ErrnoException): void => {
      const why = error.code === 'EADDRINUSE' ? 'another program listens there' : messageOf(error);
      reject(
        new PgenrmError(
          'INVALID_OPTION',
          `the server cannot listen at ${host}, port ${port}: ${why}; choose another --port or --host`,
          {
            cause: error,
          },
        ),
      );
    };
    http.on('error', refuse);
  });
}

/** What a server does, without its socket. */
class ServerCore {
  readonly fetch: (request: Request) => Response | Promise<Response>;
  readonly #parts: ServerParts;
  readonly #options: ServerOptions;
  readonly #numbers: ServerNumbers;
  readonly #scopes: Scopes;
  readonly #metrics: Metrics;
  readonly #known: KnownUsers;
  #judging: Judging | null = null;
  #admission: Admission | null = null;
  #comparing: Comparing | null = null;
  #status: 'loading' | 'ok' | 'stopping' | 'failed' = 'loading';
  #loading: Promise<void> = Promise.resolve();

  constructor(parts: ServerParts, options: ServerOptions) {
    this.#parts = parts;
    this.#options = options;
    this.#numbers = { ...SERVER_DEFAULTS, ...options };
    this.#scopes = new Scopes(this.#numbers.timeout);
    this.#metrics = new Metrics(() => this.#admission);
    this.#known = new KnownUsers(parts.users);
    const routes: Route[] = [
      ...JUDGE_ROUTES,
      ...RERANK_ROUTES,
      ...TRAINER_ROUTES,
      ...EMBEDDING_ROUTES,
      ...USER_ROUTES,
      ...OPERATION_ROUTES,
    ];
    let described: object | null = null;
    routes.push(
      route({
        method: 'get',
        path: '/openapi.json',
        summary: 'This description.',
        answer: 'openapi',
        run: async () => {
          described ??= openApiOf(routes);
          return described;
        },
      }),
    );
    const app = createApp({
      // The page is for people; what describes the server is for programs.
      routes: [...routes, ...PAGE_ROUTES],
      calls: this.#calls(),
      scopes: this.#scopes,
      metrics: this.#metrics,
      token: options.token ?? null,
      maxBodyBytes: Math.floor(this.#numbers.maxBodyMb * 1e6),
      log: parts.log ?? (() => {}),
      logTexts: options.logTexts === true,
      stopping: () => this.#status === 'stopping',
    });
    this.fetch = (request) => app.fetch(request);
  }

  load(): Promise<void> {
    this.#loading = this.#load();
    return this.#loading;
  }

  async #load(): Promise<void> {
    try {
      const judging = await this.#parts.load();
      this.#judging = judging;
      const { queue, groupSize, gatherMs } = this.#numbers;
      const running = this.#options.concurrency ?? judging.concurrency;
      this.#admission = new Admission({ running, waiting: queue });
      const counted = async (...args: Parameters<Judging['judge']>): Promise<Judgment> => {
        const judgment = await judging.judge(...args);
        this.#metrics.judged(judgment);
        return judgment;
      };
      this.#comparing = new Comparing({ judge: counted }, this.#admission, {
        groupSize,
        gathering: { ms: gatherMs, size: groupSize },
      });
      if (this.#status === 'loading') this.#status = 'ok';
    } catch (error) {
      if (this.#status === 'loading') this.#status = 'failed';
      throw error;
    }
  }

  /** Waits for what is at work, then ends it. */
  async drain(): Promise<void> {
    this.#status = 'stopping';
    await this.#scopes.drained(this.#numbers.grace * 1000);
    if (this.#scopes.size === 0) return;
    this.#scopes.abortAll(
      refusal(
        'STOPPING',
        `the server stops and the request was not done within ${this.#numbers.grace} s (--grace)`,
        {
          retryAfter: 5,
        },
      ),
    );
    await this.#scopes.drained(2000);
  }

  async close(): Promise<void> {
    await this.#loading.catch(() => {});
    await this.#judging?.close();
    await this.#parts.users?.close();
  }

  #ready(): { readonly judging: Judging; readonly admission: Admission; readonly comparing: Comparing } {
    const [judging, admission, comparing] = [this.#judging, this.#admission, this.#comparing];
    if (judging !== null && admission !== null && comparing !== null)
      return { judging, admission, comparing };
    throw refusal('LOADING', 'the model is not loaded yet', { retryAfter: 2 });
  }

  #calls(): ServerCalls {
    const known = this.#known;
    return {
      judging: () => this.#ready().judging,
      enter: (rows) => {
        this.#checkSize(rows);
        return this.#ready().admission.enter(rows.length);
      },
      withUser: ({ signal, note }, user, work) =>
        known.with(user, signal, (found, own) => work(found, { signal: own, note })),
      compare: async (task, { signal, note }, options = {}, onEvent) => {
        const judge = { ...this.#options.judge, ...defined(options) } as JudgeOptions;
        this.#checkChains(judge);
        const verdict = await this.#ready().comparing.compare(task, { judge, signal, onEvent });
        const { comparisons, chains, generatedTokens } = costOf(verdict.judgments);
        note({ comparisons, chains, generatedTokens });
        return verdict;
      },
      get users() {
        return known.store;
      },
      forget: (id) => known.forget(id),
      health: () => ({
        status: this.#status,
        version: PACKAGE_VERSION,
        model: this.#judging?.modelName ?? null,
        waiting: this.#admission?.waiting ?? 0,
        running: this.#admission?.running ?? 0,
      }),
      metrics: () => this.#metrics.text(),
    };
  }

  #checkSize(rows: readonly { readonly candidates: number }[]): void {
    const { maxRows, maxCandidates } = this.#numbers;
    if (rows.length > maxRows) {
      throw refusal(
        'TOO_MANY_ROWS',
        `a request holds at most ${maxRows} rows (--max-rows); got ${rows.length}`,
      );
    }
    const most = Math.max(...rows.map(({ candidates }) => candidates));
    if (most > maxCandidates) {
      throw refusal(
        'TOO_MANY_ROWS',
        `a row holds at most ${maxCandidates} candidates (--max-candidates); got ${most}`,
      );
    }
  }

  #checkChains({ individual = 1, prototypes = 0 }: JudgeOptions): void {
    const { maxChains } = this.#numbers;
    if (individual + prototypes <= maxChains) return;
    throw new PgenrmError(
      'INVALID_OPTION',
      `individual and prototypes together must be at most ${maxChains} (--max-chains); got ${individual + prototypes}`,
    );
  }
}

/** Without the fields that are undefined. */
function defined<T extends object>(value: T): Partial<T> {
  return Object.fromEntries(Object.entries(value).filter(([, one]) => one !== undefined)) as Partial<T>;
}

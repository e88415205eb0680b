// What a route is: an address, the schemas of its body and answer, and what it does.
// Types only; `routes/` has them, `app.ts` calls them, `open-api.ts` describes them.

import type { z } from 'zod';
import type { User } from '../preference/preference.js';
import type { UserStore } from '../users/user-store.js';
import type { CompareOptions, Task } from './judging/compare.js';
import type { Judging } from './judging/judging.js';
import type { Verdict } from './judging/verdict.js';
import type { GivenOptions, GivenUser } from './shapes/common.js';
import type { HEALTH } from './shapes/others.js';

/** What a handler works with. */
export interface Call<B = undefined> {
  readonly body: B;
  readonly params: Readonly<Record<string, string>>;
  /** A header of the request. */
  header(name: string): string | undefined;
  readonly signal: AbortSignal;
  /** Adds to what the log says of the request; no texts. */
  note(facts: Readonly<Record<string, string | number | boolean>>): void;
  /** Keeps the request at work until a stream has ended. */
  keep(stream: Promise<void>): void;
  readonly server: ServerCalls;
}

/** For how long a comparison is worked on, and where it is noted. */
export type CompareScope = Pick<Call<unknown>, 'signal' | 'note'>;

/** What the server does for handlers. */
export interface ServerCalls {
  /** The judge. Errors: `LOADING` and `STOPPING`. */
  judging(): Judging;
  /** Lets `rows` in until what it gives is called. Errors: `QUEUE_FULL`, `TOO_MANY_ROWS`, `LOADING`. */
  enter(rows: readonly { readonly candidates: number }[]): () => void;
  /** Does work for a request's user. Errors: `USER_NOT_FOUND`. */
  withUser<R>(
    call: Call<unknown>,
    user: GivenUser | undefined,
    work: (user: User | undefined, scope: CompareScope) => Promise<R>,
  ): Promise<R>;
  /** Compares candidates. */
  compare(
    task: Task,
    scope: CompareScope,
    options?: GivenOptions,
    onEvent?: CompareOptions['onEvent'],
  ): Promise<Verdict>;
  readonly users: UserStore;
  forget(id: string): Promise<void>;
  health(): z.infer<typeof HEALTH>;
  metrics(): Promise<{ readonly body: string; readonly type: string }>;
}

/** An address of the server. */
export interface Route<B = unknown> {
  readonly method: 'get' | 'post' | 'put' | 'delete';
  /** Parameters as `:name`. */
  readonly path: string;
  readonly summary: string;
  readonly body?: z.ZodType<B>;
  readonly answer: z.ZodType | 'text' | 'openapi';
  /** Whether it needs no token. */
  readonly open?: true;
  readonly run: (call: Call<B>) => Promise<object | Response>;
}

/** Keeps the type of a route's body. */
export function route<B>(one: Route<B>): Route {
  return one as unknown as Route;
}

/** Does work while its rows are let in; see {@link ServerCalls.enter}. */
export async function admitted<R>(
  server: ServerCalls,
  rows: readonly { readonly candidates: number }[],
  work: () => Promise<R>,
): Promise<R> {
  const leave = server.enter(rows);
  try {
    return await work();
  } finally {
    leave();
  }
}

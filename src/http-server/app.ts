// From a request to its answer: who may ask, how much, in which form; the log and the figures of it.
// Knows HTTP and routes; what a route does is its own.

import { createHash, randomUUID, timingSafeEqual } from 'node:crypto';
import { type Context, Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { failureAnswer, failureOf, misfit, refusal } from './failures.js';
import type { Metrics } from './metrics.js';
import { isLoopback } from './options.js';
import type { RequestScope, Scopes } from './request-scope.js';
import type { Call, Route, ServerCalls } from './route.js';

/** What is said of a request when it ends. */
export interface RequestRecord {
  readonly id: string;
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly ms: number;
  readonly code?: string;
  readonly [fact: string]: string | number | boolean | undefined;
}

/** What the app is made of. */
export interface AppParts {
  readonly routes: readonly Route[];
  readonly calls: ServerCalls;
  readonly scopes: Scopes;
  readonly metrics: Metrics;
  readonly token: string | null;
  readonly maxBodyBytes: number;
  readonly log: (record: RequestRecord) => void;
  readonly logTexts: boolean;
  readonly stopping: () => boolean;
}

/** Makes the app. */
export function createApp(parts: AppParts): Hono {
  const app = new Hono();
  const limit = bodyLimit({
    maxSize: parts.maxBodyBytes,
    onError: () => {
      throw refusal(
        'BODY_TOO_LARGE',
        `the body has more than ${parts.maxBodyBytes} bytes (--max-body-mb); send fewer rows a request`,
      );
    },
  });
  const byPath = new Map<string, Route[]>();
  for (const one of parts.routes) byPath.set(one.path, [...(byPath.get(one.path) ?? []), one]);
  for (const [path, routes] of byPath) {
    for (const one of routes) {
      const handle = (context: Context): Promise<Response> => answer(parts, one, context);
      if (one.body === undefined) app.on(one.method.toUpperCase(), path, handle);
      else app.on(one.method.toUpperCase(), path, limit, handle);
    }
    const allow = routes.map(({ method }) => method.toUpperCase()).join(', ');
    app.all(path, (context) => {
      throw refusal('METHOD_NOT_ALLOWED', `${path} takes ${allow}; got ${context.req.method}`);
    });
  }
  app.notFound((context) =>
    failed(
      parts,
      context,
      refusal('NOT_FOUND', `there is nothing at ${context.req.path}; GET /openapi.json lists what there is`),
    ),
  );
  app.onError((error, context) => failed(parts, context, error));
  return app;
}

/** What failed before or outside of a route's own work: logged and counted all the same. */
function failed(parts: AppParts, { req }: Context, error: unknown): Response {
  const failure = failureOf(error);
  const { status, code } = failure;
  // No names of users in the log, also where nothing is at the address.
  const path = req.path.replace(/^\/v1\/users\/[^/]+/, '/v1/users/:id');
  parts.log({ id: randomUUID(), method: req.method, path, status, ms: 0, code });
  parts.metrics.answered('other', status, 0);
  return failureAnswer(failure);
}

async function answer(parts: AppParts, one: Route, context: Context): Promise<Response> {
  const began = performance.now();
  const { req } = context;
  const id =
    req
      .header('x-request-id')
      ?.replace(/[^\x21-\x7e]/g, '')
      .slice(0, 100) || randomUUID();
  const facts: Record<string, string | number | boolean> = {};
  const scope = parts.scopes.open(req.raw.signal);
  let kept: Promise<void> | null = null;
  let response: Response;
  try {
    checkMayAsk(parts, one, context);
    const call = callOf(parts, one, context, scope, facts, (stream) => {
      kept = stream;
    });
    const body = one.body === undefined ? undefined : await readBody(parts, one, context, facts);
    const given = await untilAborted(one.run({ ...call, body }), scope.signal);
    response = given instanceof Response ? given : Response.json(given);
  } catch (error) {
    const failure = failureOf(scope.signal.aborted ? scope.signal.reason : error);
    facts.code = failure.code;
    if (failure.status >= 500) facts.message = failure.message;
    response = failureAnswer(failure);
  }
  response.headers.set('x-request-id', id);
  if (parts.stopping()) response.headers.set('connection', 'close');
  const end = (): void => {
    scope[Symbol.dispose]();
    const ms = performance.now() - began;
    parts.metrics.answered(one.path, response.status, ms);
    // The name of a user is no text, but it is a name: the route stands for it.
    parts.log({
      id,
      method: req.method,
      path: one.path,
      status: response.status,
      ms: Math.round(ms * 10) / 10,
      ...facts,
    });
  };
  if (kept === null) end();
  else void (kept as Promise<void>).finally(end);
  return response;
}

function callOf(
  parts: AppParts,
  { path }: Route,
  { req }: Context,
  scope: RequestScope,
  facts: Record<string, string | number | boolean>,
  keep: (stream: Promise<void>) => void,
): Omit<Call<unknown>, 'body'> {
  return {
    params: path.includes(':') ? req.param() : {},
    header: (name) => req.header(name),
    signal: scope.signal,
    note: (more) => {
      // Several comparisons of one request add up.
      for (const [name, value] of Object.entries(more)) {
        const before = facts[name];
        facts[name] = typeof value === 'number' && typeof before === 'number' ? before + value : value;
      }
    },
    keep,
    server: parts.calls,
  };
}

/** Work that does not look at its signal ends for the client all the same. */
async function untilAborted<R>(work: Promise<R>, signal: AbortSignal): Promise<R> {
  let onAbort = (): void => {};
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason);
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
    work.catch(() => {});
  }
}

function checkMayAsk({ token, stopping }: AppParts, { open }: Route, { req }: Context): void {
  if (open === true) return;
  if (stopping()) throw refusal('STOPPING', 'the server was asked to stop', { retryAfter: 5 });
  if (token !== null) {
    const given = /^Bearer (\S+)$/i.exec(req.header('authorization') ?? '')?.[1] ?? '';
    if (timingSafeEqual(digest(given), digest(token))) return;
    throw refusal('UNAUTHORIZED', 'this server needs its token: Authorization: Bearer TOKEN');
  }
  // Without a token only programs of this machine may ask, and the page of this very server: not one of another host or
  // port, nor one that has this machine's address under another name.
  const host = req.header('host') ?? '';
  const origin = req.header('origin');
  const own = origin === undefined || origin === `http://${host}`;
  if (!isLoopback(host.replace(/:\d+$/, '')) || !own) {
    throw refusal(
      'FORBIDDEN_HOST',
      'without a token this server answers programs of this machine and its own page only: no other web pages, and no other names than localhost and 127.0.0.1',
    );
  }
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

async function readBody(
  { logTexts }: AppParts,
  { body: schema }: Route,
  { req }: Context,
  facts: Record<string, string | number | boolean>,
): Promise<unknown> {
  const type = req.header('content-type') ?? '';
  if (!/^application\/(?:[\w.-]+\+)?json\b/i.test(type)) {
    throw refusal(
      'BODY_NOT_JSON',
      `the body must be JSON with content-type: application/json; got ${type.slice(0, 80) || 'none'}`,
    );
  }
  const text = await req.text();
  if (logTexts) facts.body = text;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // The parser's own message would quote the text.
    throw refusal(
      'BODY_NOT_JSON',
      `the body of ${text.length} characters is no JSON: it is cut off or malformed`,
    );
  }
  const { data, error } = schema!.safeParse(value);
  if (error !== undefined) throw misfit(error);
  return data;
}

// Which HTTP status an error gets, and the body that says it. A failure is never a score.
// Knows codes; nothing of who failed.

import { HTTPException } from 'hono/http-exception';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import type { z } from 'zod';
import { type ErrorCode, messageOf, PgenrmError } from '../errors.js';

/** Codes of answers that the server gives by itself, beside those of {@link PgenrmError}. */
export const SERVER_CODES = [
  'UNAUTHORIZED', // no token, or a wrong one
  'FORBIDDEN_HOST', // a name that is not this machine's, without a token: a web page that asks for somebody else
  'NOT_FOUND', // no such address
  'METHOD_NOT_ALLOWED', // the address is there, with another method
  'BODY_TOO_LARGE', // more bytes than --max-body-mb
  'BODY_NOT_JSON', // no JSON, or cut off
  'TOO_MANY_ROWS', // more rows or candidates than --max-rows
  'TIMED_OUT', // not done within --timeout
  'CLIENT_GONE', // the client closed the connection
  'LOADING', // the model is not loaded yet
  'STOPPING', // the server was asked to stop
] as const;

export type ServerCode = (typeof SERVER_CODES)[number];

/** What an answer that failed says. */
export interface Failure {
  readonly status: ContentfulStatusCode;
  readonly code: ErrorCode | ServerCode;
  readonly message: string;
  readonly param: string | null;
  /** Seconds after which to ask again. */
  readonly retryAfter: number | null;
}

const SERVER_STATUS: Readonly<Record<ServerCode, ContentfulStatusCode>> = {
  UNAUTHORIZED: 401,
  FORBIDDEN_HOST: 403,
  NOT_FOUND: 404,
  METHOD_NOT_ALLOWED: 405,
  BODY_TOO_LARGE: 413,
  BODY_NOT_JSON: 400,
  TOO_MANY_ROWS: 413,
  TIMED_OUT: 504,
  // Nobody reads it; the log does.
  CLIENT_GONE: 400,
  LOADING: 503,
  STOPPING: 503,
};

/** Errors of the package that are no fault of the server: all others are 500. */
const STATUS: Partial<Record<ErrorCode, ContentfulStatusCode>> = {
  INVALID_OPTION: 400,
  INPUT_MALFORMED: 400,
  CONTEXT_OVERFLOW: 400,
  USER_NOT_FOUND: 404,
  USER_CHANGED: 412,
  NO_ANCHORS: 422,
  PACKAGE_MISSING: 501,
  USERS_LOCKED: 503,
  WORKER_LOST: 503,
  OUT_OF_MEMORY: 503,
  DISPOSED: 503,
  OUTPUT_FAILED: 507,
  QUEUE_FULL: 429,
};

/** An error that is answered with the code's status. */
export function refusal(
  code: ServerCode | 'QUEUE_FULL',
  message: string,
  extra: { readonly param?: string; readonly retryAfter?: number } = {},
): HTTPException {
  const { param = null, retryAfter = null } = extra;
  const status = code === 'QUEUE_FULL' ? 429 : SERVER_STATUS[code];
  return new HTTPException(status, { message, cause: { status, code, message, param, retryAfter } });
}

/** The first of what a schema found wrong, as an error. */
export function misfit(error: z.ZodError): HTTPException {
  const [issue] = flat(error.issues);
  const param = issue === undefined ? '' : pathOf(issue.path);
  const message = `${param === '' ? 'the body' : param}: ${issue?.message ?? 'does not fit'}`;
  const cause = {
    status: 400,
    code: 'INVALID_OPTION',
    message,
    param: param === '' ? null : param,
    retryAfter: null,
  };
  return new HTTPException(400, { message, cause });
}

/** Of a union the branch that came farthest, which is the one that was meant. */
function flat(issues: readonly z.core.$ZodIssue[]): readonly z.core.$ZodIssue[] {
  return issues.flatMap((issue) => {
    if (issue.code !== 'invalid_union') return [issue];
    const branches = issue.errors.map((branch) => flat(branch));
    const [best] = branches.sort((a, b) => depth(b) - depth(a));
    if (best === undefined || depth(best) === 0) return [{ ...issue, message: 'is of a wrong type' }];
    return best.map((inner) => ({ ...inner, path: [...issue.path, ...inner.path] }));
  });
}

function depth(issues: readonly z.core.$ZodIssue[]): number {
  return Math.max(0, ...issues.map(({ path, code }) => path.length + (code === 'unrecognized_keys' ? 1 : 0)));
}

function pathOf(path: readonly PropertyKey[]): string {
  return path
    .map((part, at) => (typeof part === 'number' ? `[${part}]` : `${at === 0 ? '' : '.'}${String(part)}`))
    .join('');
}

/** What an error is answered with. */
export function failureOf(error: unknown): Failure {
  if (error instanceof HTTPException && error.cause !== undefined) return error.cause as Failure;
  if (error instanceof HTTPException) {
    return {
      status: error.status as ContentfulStatusCode,
      code: 'INTERNAL',
      message: error.message,
      param: null,
      retryAfter: null,
    };
  }
  const known = error instanceof PgenrmError ? error : null;
  const code = known?.code ?? 'INTERNAL';
  const status = STATUS[code] ?? 500;
  return {
    status,
    code,
    message: known === null ? `an error that is a defect of pgenrm: ${messageOf(error)}` : known.message,
    param: null,
    retryAfter: status === 503 || status === 429 ? 1 : null,
  };
}

/** The body of a failure. */
export function failureBody({ code, message, param }: Failure): object {
  return { error: { code, message, param }, message };
}

/** The answer that a failure is. */
export function failureAnswer(failure: Failure): Response {
  const { status, retryAfter } = failure;
  return Response.json(failureBody(failure), {
    status,
    headers: {
      ...(retryAfter === null ? {} : { 'retry-after': `${Math.ceil(retryAfter)}` }),
      ...(status === 401 ? { 'www-authenticate': 'Bearer' } : {}),
    },
  });
}

// `/v1/users/ID`: store, read, append a choice, forget.
// Versions travel as ETags, so that two who change one user at once do not undo each other.

import type { z } from 'zod';
import { PgenrmError } from '../../errors.js';
import { misfit } from '../failures.js';
import { eventOf, notFound } from '../judging/known-users.js';
import { type Call, type Route, route } from '../route.js';
import { CHOICE, USER_BODY, USER_ID } from '../shapes/common.js';
import { STORED_USER, USER_FORGOTTEN, USER_WRITTEN } from '../shapes/others.js';

function idOf(call: Call<unknown>): string {
  const { data, error } = USER_ID.safeParse(call.params.id);
  if (error !== undefined) throw misfit(error);
  return data;
}

/** The version that `If-Match` names. Errors: `INVALID_OPTION`. */
function expectedOf(call: Call<unknown>): { expected?: number } {
  if (call.header('if-none-match') === '*') return { expected: 0 };
  const match = call.header('if-match');
  if (match === undefined || match === '*') return {};
  const version = /^"(\d{1,15})"$/.exec(match)?.[1];
  if (version !== undefined) return { expected: Number(version) };
  throw new PgenrmError(
    'INVALID_OPTION',
    `If-Match must be the ETag of a user, such as "3"; got ${match.slice(0, 80)}`,
  );
}

function tagged(answer: { readonly version: number }): Response {
  return Response.json(answer, { headers: { etag: `"${answer.version}"` } });
}

async function read(call: Call<unknown>): Promise<Response> {
  const id = idOf(call);
  const stored = await call.server.users.read(id);
  if (stored === null) throw notFound(id);
  return tagged({ version: stored.version, ...stored.user });
}

async function put(call: Call<z.infer<typeof USER_BODY>>): Promise<Response> {
  const id = idOf(call);
  const { history, criteria } = call.body;
  const user = { history: history.map(eventOf), ...(criteria === undefined ? {} : { criteria }) };
  return tagged({ ...(await call.server.users.put(id, user, expectedOf(call))), ...{ id } });
}

async function append(call: Call<z.infer<typeof CHOICE>>): Promise<Response> {
  const id = idOf(call);
  return tagged({ ...(await call.server.users.append(id, eventOf(call.body), expectedOf(call))), ...{ id } });
}

async function forget(call: Call<unknown>): Promise<object> {
  const id = idOf(call);
  await call.server.forget(id);
  return { id, forgotten: true };
}

export const USER_ROUTES: readonly Route[] = [
  route({
    method: 'get',
    path: '/v1/users/:id',
    summary: 'Reads a stored user.',
    answer: STORED_USER,
    run: read,
  }),
  route({
    method: 'put',
    path: '/v1/users/:id',
    summary:
      'Stores a user in place of what was known; If-Match: "VERSION" refuses where another change came first.',
    body: USER_BODY,
    answer: USER_WRITTEN,
    run: put,
  }),
  route({
    method: 'post',
    path: '/v1/users/:id/choices',
    summary: "Appends a choice to a user's history; begins a user who is not stored.",
    body: CHOICE,
    answer: USER_WRITTEN,
    run: append,
  }),
  route({
    method: 'delete',
    path: '/v1/users/:id',
    summary: 'Forgets a user: every byte of theirs is gone from the file, and what is judged for them ends.',
    answer: USER_FORGOTTEN,
    run: forget,
  }),
];

// The header that names a stored user where a client sends no fields but its own.
// Knows the header; who the user is, the store says.

import { misfit } from '../failures.js';
import type { Call } from '../route.js';
import { type GivenUser, USER_ID } from '../shapes/common.js';

/** Holds the id of a stored user, percent-encoded where it is not ASCII. */
export const USER_HEADER = 'x-pgenrm-user';

/** The user of a request: of its body, else of its header. Errors: `INVALID_OPTION` for a header that is no id. */
export function userOf(call: Call<{ readonly user?: GivenUser | undefined }>): GivenUser | undefined {
  const header = call.header(USER_HEADER);
  if (call.body.user !== undefined || header === undefined) return call.body.user;
  const { data, error } = USER_ID.safeParse(decoded(header));
  if (error !== undefined) throw misfit(error);
  return data;
}

/** A text that is not percent-encoded stands for itself. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

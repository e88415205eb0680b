// The one sentence form for a server that cannot be used.

import { PgenrmError } from '../../errors.js';

/** `QUEUE_UNAVAILABLE` with the server's name and what to do. */
export function unavailable(name: string, why: string, remedy: string, cause?: unknown): PgenrmError {
  return new PgenrmError('QUEUE_UNAVAILABLE', `the queue ${name} ${why}; ${remedy}`, { cause });
}

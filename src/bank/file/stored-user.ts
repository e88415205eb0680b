// Users and members as a bank stores them, and the keys that find a user by id.
// Knows their JSON form; not where it lies.

import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { Criterion } from '../../chain/rubric.js';
import type { HistoryEvent, User } from '../../preference/preference.js';
import { damaged } from './damage.js';

/** A user of a bank. A training row without a user id makes a user of its own, named `row:ID`. */
export interface StoredUser {
  readonly id: string;
  readonly anonymous?: boolean;
  /** All choices of the training data, oldest first; those of the user's own rows too. */
  readonly history: readonly HistoryEvent[];
  readonly criteria?: string;
}

/** A member of a prototype: one training row with a usable chain. */
export interface StoredMember {
  /** Id of the row. */
  readonly row: string;
  /** Id of its user as {@link StoredUser.id}. */
  readonly user: string;
  /** What the chain says of the user, and its rubric. */
  readonly persona: string;
  readonly rubric: readonly Criterion[];
}

const TURN = z.object({ role: z.enum(['system', 'user', 'assistant']), content: z.string() });
const EVENT = z.object({
  context: z.array(TURN).min(1),
  chosen: z.string(),
  rejected: z.string(),
  chosenScore: z.number().exactOptional(),
  rejectedScore: z.number().exactOptional(),
});
const USER = z.object({
  id: z.string(),
  anonymous: z.boolean().exactOptional(),
  history: z.array(EVENT),
  criteria: z.string().exactOptional(),
});
const MEMBER = z.object({
  row: z.string(),
  user: z.string(),
  persona: z.string(),
  rubric: z.array(z.object({ name: z.string(), weight: z.number().nullable() })),
});

/** The record as a user. Errors: `BANK_DAMAGED`. */
export function asStoredUser(path: string, value: unknown): StoredUser {
  return parsed(path, USER, value);
}

/** The record as a member. Errors: `BANK_DAMAGED`. */
export function asStoredMember(path: string, value: unknown): StoredMember {
  return parsed(path, MEMBER, value);
}

/** Whether a value is an event of a history, and what is wrong where not. */
export function checkEvent(value: unknown): string | null {
  const checked = EVENT.safeParse(value);
  return checked.success ? null : z.prettifyError(checked.error);
}

/** Whether a value is a user's signals, and what is wrong where not. */
export function checkUserSignals(value: unknown): string | null {
  const checked = USER.omit({ id: true, anonymous: true }).safeParse(value);
  return checked.success ? null : z.prettifyError(checked.error);
}

function parsed<T>(path: string, schema: z.ZodType<T>, value: unknown): T {
  const checked = schema.safeParse(value);
  if (checked.success) return checked.data;
  throw damaged(
    path,
    `a record is not of the expected form (${z.prettifyError(checked.error).slice(0, 200)})`,
  );
}

/** The user as prompts take them; an anonymous one has no id. */
export function userOf({ id, anonymous, history, criteria }: StoredUser): User {
  return {
    ...(anonymous ? {} : { id }),
    history,
    ...(criteria === undefined ? {} : { criteria }),
  };
}

/** Two users are the same where their keys are; a user may be called as an anonymous one is. */
export function userKey(id: string, anonymous = false): string {
  return `${anonymous ? 'row' : 'user'}\n${id}`;
}

/** First eight bytes of the SHA-256 of a key, by which users are found. */
export function keyHash(key: string): bigint {
  return createHash('sha256').update(key, 'utf8').digest().readBigUInt64LE(0);
}

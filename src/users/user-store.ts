// What it means to store users: read, put, append a choice, forget, each with the user's version.
// Types and checks only; `sqlite-store.ts` keeps them in a file.

import type { HistoryEvent, User } from '../preference/preference.js';

/** A user as stored. */
export interface StoredUser {
  readonly user: User & { readonly id: string };
  /** 1 when the user came, and one more with every change. */
  readonly version: number;
}

/** How a change is made. */
export interface ChangeOptions {
  /** The version that the user must have; 0: the user must not be there yet. Absent: whatever it is. */
  readonly expected?: number;
}

/**
 * Users by id. What a call has answered is on the disk. Every call rejects with `USERS_LOCKED` where another process
 * holds the file, `USERS_DAMAGED` where it cannot be read, `OUTPUT_FAILED` where it cannot be written (disk full), and
 * `DISPOSED` after `close`.
 */
export interface UserStore extends AsyncDisposable {
  /** Null where there is no such user. */
  read(id: string): Promise<StoredUser | null>;
  /** Stores a user in place of what was known. Errors: `USER_CHANGED` where `expected` is not the version. */
  put(id: string, user: Omit<User, 'id'>, options?: ChangeOptions): Promise<StoredVersion>;
  /**
   * Adds a choice as the latest event of the user's history; a user who is not there yet begins with it.
   * Errors: `USER_CHANGED` where `expected` is not the version.
   */
  append(id: string, event: HistoryEvent, options?: ChangeOptions): Promise<StoredVersion>;
  /**
   * Removes a user and every byte of theirs from the file and from what lies beside it. Errors: `USERS_LOCKED` also
   * where the user is removed and another process still reads older pages: ask again then. False: there was none.
   */
  forget(id: string): Promise<boolean>;
  count(): Promise<number>;
  /** Safe to call twice. */
  close(): Promise<void>;
}

/** A user's version after a change, and how many events their history has. */
export interface StoredVersion {
  readonly version: number;
  readonly events: number;
}

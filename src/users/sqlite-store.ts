// Users in one SQLite file: every answered change is on the disk, and what was forgotten is gone from it.
// Knows SQL; how errors are named is `sqlite.ts`.

import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { PgenrmError } from '../errors.js';
import type { HistoryEvent, User } from '../preference/preference.js';
import { type Database, isBusy, openDatabase, storeError } from './sqlite.js';
import type { ChangeOptions, StoredUser, StoredVersion, UserStore } from './user-store.js';

/** Marks a file as ours: `pgrm` as a number. */
const APPLICATION_ID = 0x7067726d;
const SCHEMA_VERSION = 1;

const SCHEMA = `
  CREATE TABLE users (id TEXT PRIMARY KEY, criteria TEXT, version INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE events (
    user TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE, number INTEGER NOT NULL, event TEXT NOT NULL,
    PRIMARY KEY (user, number)
  ) STRICT;
  PRAGMA application_id = ${APPLICATION_ID};
  PRAGMA user_version = ${SCHEMA_VERSION};
`;

/** How a store waits for a file that another process holds. */
export interface StoreOptions {
  /** Milliseconds, default 2,000. */
  readonly lockedMs?: number;
}

/**
 * Opens a file of users, or makes it. Errors: `PACKAGE_MISSING`, `USERS_LOCKED`, `USERS_DAMAGED` (also for a database of
 * another program), `OUTPUT_FAILED`.
 */
export async function openUserStore(path: string, options: StoreOptions = {}): Promise<UserStore> {
  const isNew = !existsSync(path);
  const database = await openDatabase(path);
  const patient = new Patient(path, options.lockedMs ?? 2000);
  try {
    await patient.run(() => prepare(database, path, isNew));
  } catch (error) {
    database.close();
    throw error;
  }
  return new SqliteStore(database, path, patient);
}

function prepare(database: Database, path: string, isNew: boolean): void {
  const read = (name: string): unknown => database.pragma(name, { simple: true });
  const [id, version] = [read('application_id'), read('user_version')];
  const tables = database.prepare('SELECT count(*) AS n FROM sqlite_master').get() as { n: number };
  const empty = tables.n === 0 && (isNew || id === 0);
  if (!empty && id !== APPLICATION_ID) {
    throw new PgenrmError(
      'USERS_DAMAGED',
      `${path} is a database of another program; name another file for the users`,
    );
  }
  if (!empty && version !== SCHEMA_VERSION) {
    throw new PgenrmError(
      'USERS_DAMAGED',
      `${path} has version ${version} of the form of users; this pgenrm reads version ${SCHEMA_VERSION}`,
    );
  }
  database.pragma('journal_mode = WAL');
  database.pragma('synchronous = FULL');
  database.pragma('secure_delete = ON');
  database.pragma('foreign_keys = ON');
  database.pragma('temp_store = MEMORY');
  if (empty) database.transaction(() => database.exec(SCHEMA)).immediate();
  const [check] = database.pragma('quick_check(1)') as { readonly quick_check: string }[];
  if (check?.quick_check !== 'ok') {
    throw new PgenrmError(
      'USERS_DAMAGED',
      `${path} is damaged (${check?.quick_check}); put a copy in its place, or name another file`,
    );
  }
  // A process that was killed between removing a user and clearing the log left the user's pages there.
  database.pragma('wal_checkpoint(TRUNCATE)');
}

/** Tries again, without holding the event loop, while another process holds the file. */
class Patient {
  readonly #path: string;
  readonly #lockedMs: number;

  constructor(path: string, lockedMs: number) {
    this.#path = path;
    this.#lockedMs = lockedMs;
  }

  async run<R>(work: () => R): Promise<R> {
    const until = performance.now() + this.#lockedMs;
    for (let pause = 5; ; pause = Math.min(100, pause * 2)) {
      try {
        return work();
      } catch (error) {
        if (!isBusy(error) || performance.now() >= until) throw storeError(error, this.#path);
        await sleep(pause);
      }
    }
  }
}

class SqliteStore implements UserStore {
  readonly #database: Database;
  readonly #path: string;
  readonly #patient: Patient;
  #closed = false;

  constructor(database: Database, path: string, patient: Patient) {
    this.#database = database;
    this.#path = path;
    this.#patient = patient;
  }

  read(id: string): Promise<StoredUser | null> {
    return this.#run(() => {
      const row = this.#user(id);
      if (row === undefined) return null;
      const events = this.#database
        .prepare('SELECT event FROM events WHERE user = ? ORDER BY number')
        .all(id) as { readonly event: string }[];
      const history = events.map(({ event }) => JSON.parse(event) as HistoryEvent);
      const { criteria, version } = row;
      return { user: { id, history, ...(criteria === null ? {} : { criteria }) }, version };
    });
  }

  put(id: string, user: Omit<User, 'id'>, options: ChangeOptions = {}): Promise<StoredVersion> {
    return this.#change(id, options, (version) => {
      this.#database.prepare('DELETE FROM events WHERE user = ?').run(id);
      this.#database
        .prepare(
          'INSERT INTO users (id, criteria, version) VALUES (?, ?, ?) ON CONFLICT (id) DO UPDATE SET criteria = excluded.criteria, version = excluded.version',
        )
        .run(id, user.criteria ?? null, version);
      for (const event of user.history) this.#add(id, event);
    });
  }

  append(id: string, event: HistoryEvent, options: ChangeOptions = {}): Promise<StoredVersion> {
    return this.#change(id, options, (version) => {
      this.#database
        .prepare(
          'INSERT INTO users (id, criteria, version) VALUES (?, NULL, ?) ON CONFLICT (id) DO UPDATE SET version = excluded.version',
        )
        .run(id, version);
      this.#add(id, event);
    });
  }

  async forget(id: string): Promise<boolean> {
    const known = await this.#run(() =>
      this.#database
        .transaction(() => {
          this.#database.prepare('DELETE FROM events WHERE user = ?').run(id);
          return this.#database.prepare('DELETE FROM users WHERE id = ?').run(id).changes > 0;
        })
        .immediate(),
    );
    await this.#run(() => this.#clearLog());
    return known;
  }

  count(): Promise<number> {
    return this.#run(
      () => (this.#database.prepare('SELECT count(*) AS n FROM users').get() as { n: number }).n,
    );
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#database.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Pages of before the removal stand in the log until they are written over and it is cut off. */
  #clearLog(): void {
    const [row] = this.#database.pragma('wal_checkpoint(TRUNCATE)') as { readonly busy: number }[];
    if (row?.busy === 0) return;
    throw Object.assign(
      new Error('the user is removed; older pages stay in the log while another process reads'),
      { code: 'SQLITE_BUSY' },
    );
  }

  #change(id: string, { expected }: ChangeOptions, write: (version: number) => void): Promise<StoredVersion> {
    return this.#run(() =>
      this.#database
        .transaction(() => {
          const now = this.#user(id)?.version ?? 0;
          if (expected !== undefined && expected !== now) {
            throw new PgenrmError(
              'USER_CHANGED',
              `the change expects version ${expected} of the user, and version ${now} is stored; read the user and change that`,
            );
          }
          write(now + 1);
          const { n } = this.#database.prepare('SELECT count(*) AS n FROM events WHERE user = ?').get(id) as {
            readonly n: number;
          };
          return { version: now + 1, events: n };
        })
        .immediate(),
    );
  }

  #add(id: string, event: HistoryEvent): void {
    this.#database
      .prepare(
        'INSERT INTO events (user, number, event) SELECT ?, coalesce(max(number), 0) + 1, ? FROM events WHERE user = ?',
      )
      .run(id, JSON.stringify(event), id);
  }

  #user(id: string): { readonly criteria: string | null; readonly version: number } | undefined {
    return this.#database.prepare('SELECT criteria, version FROM users WHERE id = ?').get(id) as
      | { readonly criteria: string | null; readonly version: number }
      | undefined;
  }

  #run<R>(work: () => R): Promise<R> {
    return this.#patient.run(() => {
      if (this.#closed) throw new PgenrmError('DISPOSED', `${this.#path} was closed`);
      return work();
    });
  }
}

// As much of better-sqlite3 as is used, how it is loaded, and what its errors mean.
// Knows nothing of users.

import { messageOf, PgenrmError } from '../errors.js';

/** A prepared statement. */
export interface Statement {
  run(...values: unknown[]): { readonly changes: number };
  get(...values: unknown[]): unknown;
  all(...values: unknown[]): unknown[];
}

/** An open database. */
export interface Database {
  prepare(sql: string): Statement;
  exec(sql: string): void;
  pragma(text: string, options?: { readonly simple: boolean }): unknown;
  transaction<A extends unknown[], R>(work: (...args: A) => R): { immediate(...args: A): R };
  close(): void;
}

type Open = new (path: string, options: { readonly timeout: number }) => Database;

/**
 * Opens a database file with better-sqlite3, an optional peer of the package.
 * Errors: `PACKAGE_MISSING` where it is not installed or its native part was not built; those of {@link storeError}.
 */
export async function openDatabase(path: string): Promise<Database> {
  const Sqlite = await loadSqlite();
  try {
    return new Sqlite(path, { timeout: 0 });
  } catch (error) {
    if (isBindingError(error)) throw missing(error);
    throw storeError(error, path);
  }
}

async function loadSqlite(): Promise<Open> {
  try {
    const name = 'better-sqlite3';
    return ((await import(name)) as { readonly default: Open }).default;
  } catch (error) {
    throw missing(error);
  }
}

/** better-sqlite3 loads its native part only when a database is opened. */
function isBindingError(error: unknown): boolean {
  return (
    error instanceof Error &&
    /bindings file|ERR_DLOPEN_FAILED|NODE_MODULE_VERSION/.test(
      `${error.message} ${(error as NodeJS.ErrnoException).code ?? ''}`,
    )
  );
}

function missing(cause: unknown): PgenrmError {
  const [reason] = messageOf(cause).split('\n');
  return new PgenrmError(
    'PACKAGE_MISSING',
    `stored users need the package better-sqlite3, whose install script builds it; it cannot be loaded (${reason}): npm install better-sqlite3, or npm rebuild better-sqlite3 where scripts were blocked (npm 12: npm install-scripts approve better-sqlite3 first)`,
    { cause },
  );
}

/** Whether SQLite says that another connection is at work. */
export function isBusy(error: unknown): boolean {
  return codeOf(error).startsWith('SQLITE_BUSY') || codeOf(error).startsWith('SQLITE_LOCKED');
}

/** An error of SQLite as one of the package's. */
export function storeError(error: unknown, path: string): unknown {
  const code = codeOf(error);
  const said = messageOf(error);
  if (isBusy(error)) {
    return new PgenrmError(
      'USERS_LOCKED',
      `${path} is held by another process (${said}); stop it, or ask again`,
      { cause: error },
    );
  }
  if (/^SQLITE_(CORRUPT|NOTADB|FORMAT|SCHEMA)/.test(code)) {
    return new PgenrmError(
      'USERS_DAMAGED',
      `${path} is damaged or no file of users (${said}); put a copy in its place, or name another file`,
      { cause: error },
    );
  }
  if (/^SQLITE_(FULL|IOERR|READONLY|PERM|CANTOPEN|NOLFS)/.test(code) || error instanceof TypeError) {
    return new PgenrmError(
      'OUTPUT_FAILED',
      `${path} cannot be written (${said}); nothing was changed. Look at the free space and the permissions of its folder`,
      { cause: error },
    );
  }
  return error;
}

function codeOf(error: unknown): string {
  const code = (error as { readonly code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : '';
}

// What a PostgreSQL server is asked before jobs are put into it: whether it answers.
// Knows as much of pg as that takes.

import { messageOf } from '../../errors.js';
import { unavailable } from './unavailable.js';

/** As much of pg as is used. */
export interface PostgresPackage {
  readonly default: {
    readonly Client: new (
      options: object,
    ) => {
      on(event: 'error', listener: (error: Error) => void): unknown;
      connect(): Promise<unknown>;
      end(): Promise<void>;
    };
  };
}

const CONNECT_MS = 5000;
/** SQLSTATE of class 28: invalid authorization. */
const NOT_ALLOWED = /^28/;

/** Errors: `QUEUE_UNAVAILABLE`. */
export async function checkPostgres(
  url: string,
  name: string,
  { default: { Client } }: PostgresPackage,
): Promise<void> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: CONNECT_MS });
  client.on('error', () => undefined);
  try {
    await client.connect();
  } catch (error) {
    const said = messageOf(error);
    if (NOT_ALLOWED.test((error as { code?: string }).code ?? ''))
      throw unavailable(
        name,
        `refuses the user or the password (${said})`,
        'write them into the address: postgres://USER:PASSWORD@HOST/DATABASE',
        error,
      );
    throw unavailable(
      name,
      `does not answer (${said})`,
      'start it, or name the right address with --queue',
      error,
    );
  } finally {
    await client.end().catch(() => undefined);
  }
}

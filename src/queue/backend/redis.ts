// What a Redis server is asked before jobs are put into it: whether it answers, and whether it keeps them.
// Knows as much of ioredis as that takes.

import { messageOf } from '../../errors.js';
import { unavailable } from './unavailable.js';

/** As much of ioredis as is used. */
export interface RedisPackage {
  readonly Redis: new (
    url: string,
    options: object,
  ) => {
    on(event: 'error', listener: (error: Error) => void): unknown;
    connect(): Promise<unknown>;
    info(): Promise<string>;
    disconnect(): void;
  };
}

const CONNECT_MS = 5000;

/** Errors: `QUEUE_UNAVAILABLE`, with the setting that is wrong. */
export async function checkRedis(url: string, name: string, { Redis }: RedisPackage): Promise<void> {
  const client = new Redis(url, {
    lazyConnect: true,
    connectTimeout: CONNECT_MS,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
  });
  let last: Error | undefined;
  client.on('error', (error) => {
    last = error;
  });
  let info: string;
  try {
    await client.connect();
    info = await client.info();
  } catch (error) {
    throw refused(name, last ?? error);
  } finally {
    client.disconnect();
  }
  const policy = /^maxmemory_policy:(.*?)\r?$/m.exec(info)?.[1];
  if (policy !== undefined && policy !== 'noeviction')
    throw unavailable(
      name,
      `may evict jobs when memory is short (maxmemory-policy ${policy})`,
      'set maxmemory-policy noeviction (redis-cli config set maxmemory-policy noeviction, and in redis.conf), or name another server',
    );
}

function refused(name: string, error: unknown): Error {
  const said = messageOf(error);
  if (/NOAUTH|WRONGPASS|invalid password|AUTH/.test(said))
    return unavailable(
      name,
      `refuses the user or the password (${said})`,
      'write them into the address: redis://USER:PASSWORD@HOST:PORT/DB',
      error,
    );
  return unavailable(
    name,
    `does not answer (${said})`,
    'start it, or name the right address with --queue',
    error,
  );
}

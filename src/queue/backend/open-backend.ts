// Opens the server behind an address, checked before anything is put into it, with BullMQ over it.
// Knows addresses and packages; what Redis and PostgreSQL are asked first is in files of their own.

import type { Processor, Queue, Worker } from 'bullmq';
import { messageOf, PgenrmError } from '../../errors.js';
import { invalidOption } from '../../options/option-range.js';
import type { JobQueue, JobWorker, QueueBackend } from './backend.js';
import { checkPostgres } from './postgres.js';
import { checkRedis } from './redis.js';

/** Keys begin with it, and so does the schema of PostgreSQL. */
const PREFIX = 'pgenrm';
/** Events of a queue that are kept: nobody reads them, and each holds an answer. */
const EVENTS_KEPT = 16;
/** Longest pause between two tries to connect, in milliseconds. */
const RECONNECT_MS = 2000;

const KINDS: Readonly<Record<string, 'redis' | 'postgres'>> = {
  'redis:': 'redis',
  'rediss:': 'redis',
  'postgres:': 'postgres',
  'postgresql:': 'postgres',
};

type BullMq = typeof import('bullmq');

interface Constructors {
  readonly Queue: new (name: string, options: object) => Queue;
  readonly Worker: new (name: string, process: Processor, options: object) => Worker;
}

/**
 * Opens `redis://`, `rediss://`, `postgres://` or `postgresql://`. Errors: `INVALID_OPTION` for another address,
 * `PACKAGE_MISSING`, `QUEUE_UNAVAILABLE` where nothing answers, the password is wrong, or jobs would be evicted.
 */
export async function openBackend(address: string): Promise<QueueBackend> {
  const url = URL.canParse(address) ? new URL(address) : null;
  const kind = url === null ? undefined : KINDS[url.protocol];
  if (url === null || kind === undefined)
    throw invalidOption(
      '--queue',
      'an address such as redis://HOST:6379/0 or postgres://HOST/DATABASE',
      url === null ? address : nameOf(url),
    );
  const name = nameOf(url);
  const bullmq = await load<BullMq>('bullmq');
  if (kind === 'redis') {
    await checkRedis(address, name, await load('ioredis'));
    const connection = {
      url: address,
      maxRetriesPerRequest: null,
      retryStrategy: (times: number) => Math.min(100 * times, RECONNECT_MS),
    };
    return backendOf(name, bullmq, bullmq as unknown as Constructors, connection);
  }
  await checkPostgres(address, name, await load('pg'));
  const over = bullmq.withBackend(bullmq.createPostgresBackend) as unknown as Constructors;
  // The first to come makes the tables; keep-alive tells of a network that is gone.
  const connection = { connectionString: address, schema: PREFIX, migrate: true, keepAlive: true };
  return backendOf(name, bullmq, over, connection);
}

/** An address as it may be shown. */
export function nameOf(url: URL): string {
  const shown = new URL(url);
  shown.password = '';
  shown.username = '';
  return shown.href;
}

function backendOf(
  name: string,
  bullmq: BullMq,
  { Queue: MakeQueue, Worker: MakeWorker }: Constructors,
  connection: object,
): QueueBackend {
  const opened: { close(): Promise<void> }[] = [];
  const keep = <T extends { close(): Promise<void> }>(one: T): T => {
    opened.push(one);
    return one;
  };
  const common = { connection, prefix: PREFIX };
  return {
    name,
    queue: (queue) =>
      keep(
        new MakeQueue(queue, {
          ...common,
          streams: { events: { maxLen: EVENTS_KEPT } },
        }) as unknown as JobQueue,
      ),
    worker: (queue, process, { name: worker, concurrency, lockMs, checkMs }) =>
      keep(
        new MakeWorker(queue, async (job, token) => process(job as never, token!), {
          ...common,
          name: worker,
          concurrency,
          lockDuration: lockMs,
          stalledInterval: checkMs,
          // The side that shares out decides what becomes of a job whose worker was lost.
          maxStalledCount: 0,
          runRetryDelay: RECONNECT_MS,
        }) as unknown as JobWorker,
      ),
    givenBack: () => new bullmq.WaitingError(),
    async [Symbol.asyncDispose]() {
      await Promise.all(opened.map(closeSoon));
    },
  };
}

/** A server that does not answer is not waited for. */
async function closeSoon(one: { close(): Promise<void> }): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, RECONNECT_MS);
  });
  await Promise.race([one.close().catch(() => undefined), late]);
  clearTimeout(timer);
}

async function load<T>(name: string): Promise<T> {
  try {
    return (await import(name)) as T;
  } catch (error) {
    throw new PgenrmError(
      'PACKAGE_MISSING',
      `--queue needs the packages bullmq and ioredis (Redis) or pg (PostgreSQL); ${name} cannot be loaded (${messageOf(error).split('\n')[0]}): npm install bullmq ioredis, or npm install bullmq pg`,
      { cause: error },
    );
  }
}

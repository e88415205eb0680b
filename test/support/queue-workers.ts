// Starts a Redis server of its own for a test, and workers of its queue as processes.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { onTestFinished } from 'vitest';
import { DIST, NOT_BUILT } from './cli-process.js';

/** Why tests with a queue cannot run; null where they can. */
export const NO_QUEUE =
  NOT_BUILT ??
  (spawnSync('redis-server', ['--version']).status === 0
    ? null
    : 'redis-server is not installed (Debian: apt-get install redis-server)');

/** A server that a test began. */
export interface TestRedis {
  readonly address: string;
  /** Ends it at once and begins it anew at the same port, with nothing in it. */
  restart(): Promise<void>;
  stop(): Promise<void>;
  start(): Promise<void>;
}

/** Starts a server without persistence on a free port of this machine; it ends with the test. */
export async function startRedis(...settings: string[]): Promise<TestRedis> {
  const port = await freePort();
  let child: ChildProcess;
  const start = async (): Promise<void> => {
    child = spawn(
      'redis-server',
      ['--port', `${port}`, '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', ...settings],
      { stdio: ['ignore', 'pipe', 'pipe'] },
    );
    const { stdout } = child;
    await new Promise<void>((resolve, reject) => {
      let said = '';
      stdout!.on('data', (bytes) => {
        said += bytes;
        if (said.includes('Ready to accept connections')) resolve();
      });
      child.on('exit', () => reject(new Error(`redis-server ended: ${said}`)));
    });
  };
  const stop = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.on('exit', resolve));
    child.kill('SIGKILL');
    await gone;
  };
  await start();
  onTestFinished(stop);
  return {
    address: `redis://127.0.0.1:${port}/0`,
    start,
    stop,
    async restart() {
      await stop();
      await start();
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** How a worker behaves; rows are named by the number in `query N end`. */
export interface WorkerBehaviour {
  /** Milliseconds a request; default 5. */
  readonly delayMs?: number;
  readonly concurrency?: number;
  readonly timeout?: number;
  /** Rows that end the worker at once, that never end, that make the generator throw what it never should. */
  readonly killRows?: readonly number[];
  readonly hangRows?: readonly number[];
  readonly brokenRows?: readonly number[];
  /** How wrong its clock is. */
  readonly clockMs?: number;
  readonly model?: string;
  readonly template?: string;
  readonly contextTokens?: number;
  /** Of the generator. */
  readonly version?: string;
}

/** A worker that runs. */
export interface TestWorker {
  readonly child: ChildProcess;
  /** Its exit code or signal, and what it said. */
  readonly ended: Promise<{ readonly how: number | NodeJS.Signals | null; readonly events: WorkerWord[] }>;
  readonly events: WorkerWord[];
}

/** One line of a worker. */
export interface WorkerWord {
  readonly type: string;
  readonly code?: string;
  readonly message?: string;
  readonly rows?: number;
}

/** Starts a worker, which counts as lost a second or two after its last sign. */
export function startWorker(address: string, behaviour: WorkerBehaviour = {}): TestWorker {
  const module = (path: string): string => pathToFileURL(join(DIST, path)).href;
  const child = spawn(process.execPath, [fileURLToPath(new URL('./queue-worker.mjs', import.meta.url))], {
    env: {
      ...process.env,
      PGENRM_WORKER: JSON.stringify({
        address,
        delayMs: 5,
        lostAfter: { lockMs: 1000, checkMs: 400 },
        modules: [
          'queue/worker.js',
          'reward-model/reward-model.js',
          'testing/fake-generator.js',
          'testing/fake-chains.js',
        ].map(module),
        ...behaviour,
      }),
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const events: WorkerWord[] = [];
  let rest = '';
  child.stdout!.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop()!;
    events.push(...lines.map((line) => JSON.parse(line) as WorkerWord));
  });
  const ended = new Promise<{ how: number | NodeJS.Signals | null; events: WorkerWord[] }>((resolve) => {
    child.on('close', (code, signal) => resolve({ how: signal ?? code, events }));
  });
  onTestFinished(async () => {
    child.kill('SIGCONT');
    child.kill('SIGKILL');
    await ended;
  });
  return { child, ended, events };
}

/** Waits until something holds. */
export async function until(holds: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const end = performance.now() + 120_000;
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`it never came to this: ${what}`);
    await pause(10);
  }
}

// The application's side of the channel: begins a worker of each kind and sends it messages.
// Knows messages as such, not what they say.

import { fork } from 'node:child_process';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { packageRoot } from '../package.js';
import type { FromWorker, ToWorker } from './protocol.js';

/** What of Electron's `utilityProcess` a worker needs. */
export interface UtilityProcess {
  fork(modulePath: string, args?: string[], options?: UtilityForkOptions): UtilityChild;
}

/** Options of `utilityProcess.fork`. */
export interface UtilityForkOptions {
  readonly serviceName?: string;
  readonly stdio?: 'inherit';
}

/** A child of Electron's `utilityProcess`. */
export interface UtilityChild {
  readonly pid: number | undefined;
  postMessage(message: unknown): void;
  kill(): boolean;
  on(event: 'message', listener: (message: unknown) => void): unknown;
  on(event: 'exit', listener: (code: number) => void): unknown;
}

/**
 * Where a judge runs: `process` (a child process, which may crash and take nothing with it), `thread` (a worker thread:
 * the event loop stays free, but a crash of native code ends all), or Electron's `utilityProcess`.
 */
export type WorkerKind = 'process' | 'thread' | UtilityProcess;

/** A worker that runs. */
export interface WorkerChannel {
  /** Null of a thread. */
  readonly pid: number | null;
  /** Sends; silently in vain where the worker is gone. Throws where the message cannot be copied. */
  post(message: ToWorker): void;
  /** Ends the worker at once. */
  kill(): void;
  /** Whether the worker keeps the application alive. */
  hold(held: boolean): void;
}

/** What comes of a worker. */
export interface WorkerListeners {
  readonly onMessage: (message: FromWorker) => void;
  /** Called once, in the end; `how` says how it ended. */
  readonly onEnd: (how: string) => void;
}

/** Begins a worker. */
export function openChannel(
  kind: WorkerKind,
  assetRoot: string | undefined,
  given: WorkerListeners,
): WorkerChannel {
  // Inside an archive of Electron, where the packages lie that it imports; what is native finds its unpacked copy.
  const file = join(assetRoot ?? packageRoot(), 'dist', 'worker-host', 'host.js');
  let ended = false;
  const listeners: WorkerListeners = {
    onMessage: (message) => {
      if (!ended) given.onMessage(message);
    },
    onEnd: (how) => {
      if (ended) return;
      ended = true;
      given.onEnd(how);
    },
  };
  if (kind === 'process') return forkChannel(file, listeners);
  if (kind === 'thread') return threadChannel(file, listeners);
  return utilityChannel(kind, file, listeners);
}

function forkChannel(file: string, { onMessage, onEnd }: WorkerListeners): WorkerChannel {
  const child = fork(file, [], {
    serialization: 'advanced',
    // What native libraries print is no output of the application.
    stdio: ['ignore', 2, 2, 'ipc'],
    // Flags of the application, such as a debugger's port, are not the worker's.
    execArgv: [],
    env: {
      ...process.env,
      ...(process.versions.electron === undefined ? {} : { ELECTRON_RUN_AS_NODE: '1' }),
    },
  });
  child.on('message', (message) => onMessage(message as FromWorker));
  child.on('exit', (code, signal) => onEnd(signal === null ? `exit code ${code}` : `signal ${signal}`));
  child.on('error', (error) => {
    if (child.pid === undefined) onEnd(error.message);
  });
  return {
    pid: child.pid ?? null,
    post: (message) => {
      if (child.connected) child.send(message, () => undefined);
    },
    kill: () => child.kill('SIGKILL'),
    hold: (held) => {
      child[held ? 'ref' : 'unref']();
      child.channel?.[held ? 'ref' : 'unref']();
    },
  };
}

function threadChannel(file: string, { onMessage, onEnd }: WorkerListeners): WorkerChannel {
  const worker = new Worker(file, { execArgv: [] });
  let how: string | null = null;
  worker.on('message', (message) => onMessage(message as FromWorker));
  worker.on('error', (error: unknown) => {
    how = error instanceof Error ? error.message : String(error);
  });
  worker.on('exit', (code) => onEnd(how ?? `exit code ${code}`));
  return {
    pid: null,
    post: (message) => worker.postMessage(message),
    kill: () => {
      worker.terminate().catch(() => undefined);
    },
    hold: (held) => worker[held ? 'ref' : 'unref'](),
  };
}

function utilityChannel(
  utility: UtilityProcess,
  file: string,
  { onMessage, onEnd }: WorkerListeners,
): WorkerChannel {
  const child = utility.fork(file, [], { serviceName: 'pgenrm', stdio: 'inherit' });
  child.on('message', (message) => onMessage(message as FromWorker));
  child.on('exit', (code) => onEnd(`exit code ${code}`));
  return {
    pid: child.pid ?? null,
    post: (message) => child.postMessage(message),
    kill: () => {
      child.kill();
    },
    // Electron's windows keep the application alive, never its utility processes.
    hold: () => undefined,
  };
}

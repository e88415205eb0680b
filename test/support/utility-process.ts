// A stand-in for Electron's `utilityProcess` over child_process.fork.

import { fork } from 'node:child_process';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { UtilityProcess } from '../../src/worker-host/worker-channel.js';

/** Forks as Electron does once the app is ready. */
export const utilityStandIn: UtilityProcess = {
  fork(modulePath, args = [], options = {}) {
    const bootstrap = resolve('test/support/utility-bootstrap.mjs');
    const child = fork(bootstrap, [pathToFileURL(modulePath).href, ...args], {
      serialization: 'advanced',
      execArgv: [],
      stdio: ['ignore', options.stdio ?? 'inherit', 'inherit', 'ipc'],
    });
    return {
      pid: child.pid,
      postMessage: (message) => {
        if (child.connected) child.send(message as object, () => undefined);
      },
      kill: () => child.kill(),
      on: (event: string, listener: (value: never) => void) =>
        child.on(event, listener as (...values: unknown[]) => void),
    };
  },
};

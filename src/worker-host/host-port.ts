// The worker's side of the channel: one adapter over child_process.fork, worker_threads and Electron's utilityProcess.
// Knows messages as such, not what they say.

import { isMainThread, parentPort } from 'node:worker_threads';
import { PgenrmError } from '../errors.js';

/** A worker's way to its application. */
export interface HostPort {
  /** Sends; silently in vain where nobody is there any more. */
  post(message: unknown): void;
  onMessage(listener: (message: unknown) => void): void;
  /** Called once the application is gone. */
  onLost(listener: () => void): void;
}

/** What Electron gives a utility process as `process.parentPort`. */
interface ElectronPort {
  postMessage(message: unknown): void;
  on(event: 'message', listener: (event: { readonly data: unknown }) => void): unknown;
  on(event: 'close', listener: () => void): unknown;
}

/** The port of the process or thread that this is. Errors: `INVALID_OPTION` where nobody began it as a worker. */
export function hostPort(): HostPort {
  const { parentPort: electronPort } = process as { readonly parentPort?: ElectronPort };
  if (electronPort !== undefined) {
    return {
      post: (message) => electronPort.postMessage(message),
      onMessage: (listener) => electronPort.on('message', ({ data }) => listener(data)),
      onLost: (listener) => electronPort.on('close', listener),
    };
  }
  if (!isMainThread && parentPort !== null) {
    const port = parentPort;
    return {
      post: (message) => port.postMessage(message),
      onMessage: (listener) => port.on('message', listener),
      onLost: (listener) => port.on('close', listener),
    };
  }
  if (process.send === undefined) {
    throw new PgenrmError(
      'INVALID_OPTION',
      'this file is the worker of createJudge of pgenrm/worker, which begins it; it is no program of its own',
    );
  }
  return {
    // A channel that closes meanwhile tells the callback: without one it would end the process.
    post: (message) => {
      if (process.connected) process.send?.(message, undefined, undefined, () => undefined);
    },
    onMessage: (listener) => process.on('message', listener),
    onLost: (listener) => process.on('disconnect', listener),
  };
}

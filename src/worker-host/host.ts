// The file that a worker runs: as a child process, a worker thread, or a utility process of Electron.

import { isMainThread } from 'node:worker_threads';
import { hostPort } from './host-port.js';
import { servePort } from './serve-port.js';

// Ctrl-C goes to all processes of a terminal: the application decides when its worker ends.
if (isMainThread) process.on('SIGINT', () => undefined);
servePort(hostPort(), () => process.exit(0));

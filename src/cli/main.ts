#!/usr/bin/env node
// The program `pgenrm`: hands the command line to the commands and their exit code to the system.

import { runCli } from './run-cli.js';

// A reader that goes away (as in `| head`) is told to the command by its write, and is no crash.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE' && error.code !== 'ERR_STREAM_DESTROYED') throw error;
  });
}

process.exitCode = await runCli(process.argv.slice(2));

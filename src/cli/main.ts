#!/usr/bin/env node
// The program `pgenrm`: hands the command line to the commands and their exit code to the system.

import { outputFailed, STANDARD_OUTPUT } from '../output/output-error.js';
import { runCli } from './run-cli.js';
import { EXIT } from './terminal/exit-code.js';

let unwritten: Error | undefined;
let ended = false;

/** Says once that standard output took no more, unless the command has failed and said why. */
function tellUnwritten(): void {
  if (unwritten === undefined || !ended || process.exitCode !== EXIT.ok) return;
  process.exitCode = EXIT.error;
  process.stderr.write(`pgenrm: OUTPUT_FAILED: ${outputFailed(STANDARD_OUTPUT, unwritten).message}\n`);
}

// A full disk or a reader that goes away (as in `| head`) is told in words, and is no crash.
process.stdout.on('error', (error) => {
  unwritten ??= error;
  tellUnwritten();
});
// Nobody is left to be told.
process.stderr.on('error', () => undefined);

process.exitCode = await runCli(process.argv.slice(2));
ended = true;
tellUnwritten();

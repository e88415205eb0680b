// `pgenrm work`: judges rows of a queue with a model of this machine until it is asked to stop.
// Knows the command line; the worker is src/queue/worker.ts.

import type { Command } from 'commander';
import { PgenrmError } from '../../errors.js';
import { printable } from '../../output/printable.js';
import type { WorkEvent } from '../../queue/worker.js';
import type { CommandContext } from '../command-context.js';
import { addFlags } from '../options/add-flags.js';
import { loadOptions } from '../options/model-options.js';
import { type FlagName, type FlagValues, MODEL } from '../options/table/table.js';
import { createLog } from '../terminal/console-streams.js';
import { EXIT } from '../terminal/exit-code.js';
import { InterruptWatch } from '../terminal/interrupt.js';
import { createProgress } from '../terminal/progress.js';
import { checkQueue } from './share-out.js';

const WORK_FLAGS = [
  'work:queue',
  ...MODEL,
  ...(['bank', 'embedder', 'concurrency', 'work:timeout', 'quiet'] as const),
] as const satisfies readonly FlagName[];
type WorkFlags = FlagValues<typeof WORK_FLAGS> & FlagValues<readonly ['logLevel']>;

/** Milliseconds between two lines of what was judged. */
const LINE_MS = 10_000;
const STOPPING_TEXT = '\nstopping: rows at work go back to the queue; once more quits at once\n';

/** Adds `pgenrm work`. It ends with 0 when it was asked to stop and did. */
export function workCommand(program: Command, context: CommandContext): void {
  const command = addFlags(
    program.command('work').description('Judges rows of data sets that score shares out with --queue.'),
    WORK_FLAGS,
  );
  command.action(async () => {
    await workUntilStopped(command.optsWithGlobals<WorkFlags>(), context);
    context.end(EXIT.ok);
  });
}

async function workUntilStopped(flags: WorkFlags, context: CommandContext): Promise<void> {
  const { err } = context;
  if (flags.embedder !== undefined && flags.bank === undefined)
    throw new PgenrmError('INVALID_OPTION', '--embedder is that of a bank; name the bank with --bank');
  using watch = new InterruptWatch(() => void err.write(STOPPING_TEXT));
  const { signal } = watch;
  const log = createLog(flags.logLevel, err);
  await checkQueue(flags.queue);
  const progress = createProgress(err, flags.quiet ? 'none' : 'lines');
  const [{ work }, model] = await Promise.all([
    import('../../queue/worker.js'),
    context.loadModel({ ...loadOptions(flags), signal, onProgress: progress.loading }),
  ]);
  await using _loaded = model;
  const said = flags.quiet ? () => undefined : workLines((text) => void err.write(`${text}\n`));
  await work({
    address: flags.queue,
    model,
    timeout: flags.timeout,
    ...(flags.concurrency === undefined ? {} : { concurrency: flags.concurrency }),
    signal,
    onEvent(event) {
      log.info(event, 'work');
      said(event);
    },
  });
}

function workLines(say: (text: string) => void): (event: WorkEvent) => void {
  let rows = 0;
  let failed = 0;
  let spoke = performance.now();
  let troubled = false;
  return (event) => {
    if (event.type === 'ready') say(`${event.worker} takes rows from ${printable(event.queue)}`);
    else if (event.type === 'trouble') {
      if (!troubled) say(`the queue does not answer (${printable(event.reason)}); trying again`);
      troubled = true;
    } else {
      troubled = false;
      rows += event.rows;
      failed += event.failed;
      if (performance.now() - spoke < LINE_MS) return;
      spoke = performance.now();
      say(`judged ${rows} rows${failed > 0 ? `, ${failed} of them failed` : ''}`);
    }
  };
}

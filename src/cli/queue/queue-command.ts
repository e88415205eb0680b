// `pgenrm queue status`: how the runs of a queue are.
// Knows the command line; what is told is src/queue's.

import type { Command } from 'commander';
import { printableJson } from '../../output/printable.js';
import type { CommandContext } from '../command-context.js';
import { addFlags } from '../options/add-flags.js';
import type { FlagName, FlagValues } from '../options/table/table.js';
import { EXIT } from '../terminal/exit-code.js';
import { statusText } from './status-text.js';

const STATUS_FLAGS = ['work:queue', 'json'] as const satisfies readonly FlagName[];

/** Adds `pgenrm queue`. */
export function queueCommand(program: Command, context: CommandContext): void {
  const queue = program.command('queue').description('Looks at a queue that machines share.');
  const status = addFlags(
    queue
      .command('status')
      .description('Rows done, in flight and failed, what each worker does, and the time to go.'),
    STATUS_FLAGS,
  );
  status.action(async () => {
    const options = status.opts<FlagValues<typeof STATUS_FLAGS>>();
    const [{ openBackend }, { queueStatus }] = await Promise.all([
      import('../../queue/backend/open-backend.js'),
      import('../../queue/queue-status.js'),
    ]);
    await using backend = await openBackend(options.queue);
    const found = await queueStatus(backend);
    context.out.write(
      options.json ? `${printableJson(found, 2)}\n` : statusText(found.queue, found.runs, found.waiting),
    );
    context.end(EXIT.ok);
  });
}

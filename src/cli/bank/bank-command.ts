// `pgenrm bank`: builds a prototype bank, adds to it, shows what is in one, draws a map of it.
// Knows the command line; the work is `src/bank`.

import type { Command } from 'commander';
import { PrototypeBank } from '../../bank/bank.js';
import { inspectBank } from '../../bank/inspect-bank.js';
import { mapBank } from '../../bank/map-bank.js';
import { writeAtomically } from '../../output/atomic-file.js';
import { printable, printableJson } from '../../output/printable.js';
import { refuseSameFile } from '../../output/same-file.js';
import type { CommandContext } from '../command-context.js';
import { numberOption } from '../options/option-parsers.js';
import { InterruptWatch, STOPPING_TEXT } from '../terminal/interrupt.js';
import { addAddCommand } from './bank-add.js';
import { addBuildCommand } from './bank-build.js';
import { type BankHost, MODELS } from './bank-models.js';
import { inspectionText } from './bank-text.js';

/** Adds `pgenrm bank build`, `add`, `inspect` and `map`. */
export function bankCommand(program: Command, context: CommandContext, host: BankHost = MODELS): void {
  const commands = program
    .command('bank')
    .description('Builds, extends, shows and draws prototype banks: groups of similar users.');
  addBuildCommand(commands, context, host);
  addAddCommand(commands, context, host);
  commands
    .command('inspect')
    .description("Shows each prototype's size, cohesion, nearest members and what its members value.")
    .argument('<bank>', 'the folder of a bank')
    .addOption(
      numberOption('--nearest <n>', 'members listed a prototype', {
        integer: true,
        min: 0,
        max: 1000,
      }).default(3),
    )
    .addOption(
      numberOption('--criteria <n>', 'criteria listed a prototype', {
        integer: true,
        min: 0,
        max: 1000,
      }).default(5),
    )
    .option('--json', 'as one JSON object')
    .action(async (path: string, options: { nearest: number; criteria: number; json?: true }) => {
      using watch = new InterruptWatch(() => context.err.write(STOPPING_TEXT));
      await using bank = await PrototypeBank.open(path);
      const { nearest, criteria } = options;
      const described = await inspectBank(bank, { nearest, criteria, signal: watch.signal });
      const { manifest, additions } = bank;
      context.out.write(
        options.json
          ? `${printableJson({ manifest, additions, prototypes: described }, 2)}\n`
          : printable(inspectionText(bank, described)),
      );
    });
  commands
    .command('map')
    .description('Draws users and prototypes in the plane in which they differ most, as SVG.')
    .argument('<bank>', 'the folder of a bank')
    .requiredOption('--out <file>', 'where the picture goes')
    .addOption(
      numberOption('--limit <n>', 'most users drawn', { integer: true, min: 1, max: 100_000 }).default(2000),
    )
    .action(async (path: string, { out, limit }: { out: string; limit: number }) => {
      using watch = new InterruptWatch(() => context.err.write(STOPPING_TEXT));
      await refuseSameFile([out], { bank: path });
      await using bank = await PrototypeBank.open(path);
      await writeAtomically(out, await mapBank(bank, { users: limit, signal: watch.signal }));
      context.out.write(printable(`wrote ${out}\n`));
    });
}

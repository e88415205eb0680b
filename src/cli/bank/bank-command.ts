// `pgenrm bank`: builds a prototype bank, adds to it, shows what is in one, draws a map of it.
// Knows the command line; the work is `src/bank`.

import type { Command } from 'commander';
import { PrototypeBank } from '../../bank/bank.js';
import { inspectBank } from '../../bank/inspect-bank.js';
import { mapBank } from '../../bank/map-bank.js';
import { exportBank, importBank } from '../../bank-build/bank-parquet.js';
import { loadKernels } from '../../native/choose-kernels.js';
import { writeAtomically } from '../../output/atomic-file.js';
import { printable, printableJson } from '../../output/printable.js';
import { refuseSameFile } from '../../output/same-file.js';
import type { CommandContext } from '../command-context.js';
import { addFlags } from '../options/add-flags.js';
import type { FlagValues } from '../options/table/table.js';
import { InterruptWatch, STOPPING_TEXT } from '../terminal/interrupt.js';
import { addAddCommand } from './bank-add.js';
import { addBuildCommand } from './bank-build.js';
import { type BankHost, MODELS } from './bank-models.js';
import { inspectionText } from './bank-text.js';

const INSPECT_FLAGS = ['nearest', 'inspect:criteria', 'json'] as const;
const MAP_FLAGS = ['map:out', 'map:limit'] as const;
const EXPORT_FLAGS = ['export:to', 'export:out'] as const;
const IMPORT_FLAGS = ['import:out'] as const;

/** Adds `pgenrm bank build`, `add`, `inspect`, `map`, `export` and `import`. */
export function bankCommand(program: Command, context: CommandContext, host: BankHost = MODELS): void {
  const commands = program
    .command('bank')
    .description('Builds, extends, shows and draws prototype banks: groups of similar users.');
  addBuildCommand(commands, context, host);
  addAddCommand(commands, context, host);
  const inspect = commands
    .command('inspect')
    .description("Shows each prototype's size, cohesion, nearest members and what its members value.")
    .argument('<bank>', 'the folder of a bank');
  addFlags(inspect, INSPECT_FLAGS).action(async (path: string, options: FlagValues<typeof INSPECT_FLAGS>) => {
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
  const map = commands
    .command('map')
    .description('Draws users and prototypes in the plane in which they differ most, as SVG.')
    .argument('<bank>', 'the folder of a bank');
  addFlags(map, MAP_FLAGS).action(async (path: string, { out, limit }: FlagValues<typeof MAP_FLAGS>) => {
    using watch = new InterruptWatch(() => context.err.write(STOPPING_TEXT));
    await refuseSameFile([out], { bank: path });
    await using bank = await PrototypeBank.open(path);
    await writeAtomically(out, await mapBank(bank, { users: limit, signal: watch.signal }));
    context.out.write(printable(`wrote ${out}\n`));
  });
  const exporting = commands
    .command('export')
    .description('Writes members, users and prototypes as parquet for other tools.')
    .argument('<bank>', 'the folder of a bank');
  addFlags(exporting, EXPORT_FLAGS).action(async (path: string, { out }: FlagValues<typeof EXPORT_FLAGS>) => {
    using watch = new InterruptWatch(() => context.err.write(STOPPING_TEXT));
    const { counts } = await exportBank(path, out, { kernels: await loadKernels(), signal: watch.signal });
    context.out.write(printable(`wrote ${counts.members} members and ${counts.users} users into ${out}\n`));
  });
  const importing = commands
    .command('import')
    .description('Makes a bank of the parquet files that bank export wrote.')
    .argument('<folder>', 'the folder of the parquet files');
  addFlags(importing, IMPORT_FLAGS).action(
    async (folder: string, { out }: FlagValues<typeof IMPORT_FLAGS>) => {
      using watch = new InterruptWatch(() => context.err.write(STOPPING_TEXT));
      const { checksum } = await importBank(folder, out, {
        kernels: await loadKernels(),
        signal: watch.signal,
      });
      context.out.write(printable(`wrote the bank ${checksum.slice(0, 12)} into ${out}\n`));
    },
  );
}

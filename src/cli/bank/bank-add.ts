// `pgenrm bank add`: users and events that came after a bank was built.
// Knows the command line; the work is `src/bank-build`.

import { join } from 'node:path';
import type { Command } from 'commander';
import { PrototypeBank } from '../../bank/bank.js';
import { BANK_FILES } from '../../bank/file/manifest.js';
import { addRows } from '../../bank-build/add-rows.js';
import { openPreferenceData } from '../../data/preference-data.js';
import { printable, printableJson } from '../../output/printable.js';
import { refuseSameFile } from '../../output/same-file.js';
import type { CommandContext } from '../command-context.js';
import { addFlags } from '../options/add-flags.js';
import { lookAtSignals, openOptions } from '../options/judged-data.js';
import { modelInputs } from '../options/model-options.js';
import { POOLING_CHOICES } from '../options/table/bank-flags.js';
import { type FlagName, type FlagValues, READING } from '../options/table/table.js';
import { EXIT } from '../terminal/exit-code.js';
import { InterruptWatch } from '../terminal/interrupt.js';
import { BANK_MODEL_FLAGS, type BankHost, modelSources } from './bank-models.js';
import { additionText, buildProgress, progressKind, tellSignals } from './bank-text.js';

const ADD_FLAGS = [
  ...(['users', 'split', 'format'] as const),
  ...READING,
  ...BANK_MODEL_FLAGS,
  ...(['concurrency', 'quiet', 'jsonProgress'] as const),
] as const satisfies readonly FlagName[];

type AddCommandOptions = FlagValues<typeof ADD_FLAGS>;

/** Adds `add` to the bank commands. */
export function addAddCommand(bank: Command, context: CommandContext, host: BankHost): void {
  const command = bank
    .command('add')
    .description(
      'Adds users and events to a bank without building it anew: a chain for each user that it does not have, the new choices of those it has.',
    )
    .argument('<bank>', 'the folder of a bank')
    .argument('<data>', 'preference data (.jsonl, .jsonl.gz, .json, .parquet)');
  addFlags(command, ADD_FLAGS).action(async (bank: string, data: string, options: AddCommandOptions) => {
    context.end(await add(bank, data, options, context, host));
  });
}

async function add(
  path: string,
  rows: string,
  options: AddCommandOptions,
  context: CommandContext,
  host: BankHost,
): Promise<number> {
  const progress = buildProgress(context.err, progressKind(options, context.err));
  using watch = new InterruptWatch(progress.stopping);
  const { signal } = watch;
  try {
    await refuseSameFile(
      Object.values(BANK_FILES).map((name) => join(path, name)),
      { data: rows, 'users file': options.users, ...modelInputs(options) },
    );
    await using bank = await PrototypeBank.open(path);
    const { concurrency } = options;
    const data = await openPreferenceData(rows, openOptions(options, signal));
    tellSignals(await lookAtSignals(data, options, context, signal), options, context.err);
    const { pooling, sha256 } = bank.manifest.madeWith.embedder;
    const known = POOLING_CHOICES.find((choice) => choice === pooling);
    const added = await addRows(bank, {
      data,
      ...(await modelSources(options, host, signal, known, sha256)),
      ...(concurrency === undefined ? {} : { concurrency }),
      signal,
      onEvent: progress.onEvent,
    });
    progress.close();
    if (options.jsonProgress) context.err.write(`${printableJson({ event: 'added', ...added })}\n`);
    else if (!options.quiet) context.err.write(printable(additionText(path, added)));
    return added.failedRows.length === 0 ? EXIT.ok : EXIT.incomplete;
  } finally {
    progress.close();
  }
}

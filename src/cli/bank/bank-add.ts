// `pgenrm bank add`: users and events that came after a bank was built.
// Knows the command line; the work is `src/bank-build`.

import { join } from 'node:path';
import type { Command } from 'commander';
import { PrototypeBank } from '../../bank/bank.js';
import { BANK_FILES } from '../../bank/file/manifest.js';
import { addRows } from '../../bank-build/add-rows.js';
import { BUILD_RANGES } from '../../bank-build/build-bank.js';
import { FORMAT_NAMES, type FormatName, openPreferenceData } from '../../data/preference-data.js';
import { printable, printableJson } from '../../output/printable.js';
import { refuseSameFile } from '../../output/same-file.js';
import type { CommandContext } from '../command-context.js';
import { modelInputs } from '../options/model-options.js';
import { choiceOption, numberOption } from '../options/option-parsers.js';
import { EXIT } from '../terminal/exit-code.js';
import { InterruptWatch } from '../terminal/interrupt.js';
import {
  type BankHost,
  type ModelOptions,
  modelSources,
  POOLING_CHOICES,
  withModelOptions,
} from './bank-models.js';
import { additionText, buildProgress, type ProgressOptions, progressKind } from './bank-text.js';

interface AddCommandOptions extends ModelOptions, ProgressOptions {
  readonly users?: string;
  readonly split?: string;
  readonly format?: FormatName;
  readonly concurrency?: number;
}

/** Adds `add` to the bank commands. */
export function addAddCommand(bank: Command, context: CommandContext, host: BankHost): void {
  const command = bank
    .command('add')
    .description(
      'Adds users and events to a bank without building it anew: a chain for each user that it does not have, the new choices of those it has.',
    )
    .argument('<bank>', 'the folder of a bank')
    .argument('<data>', 'preference data (.jsonl, .jsonl.gz, .json, .parquet)')
    .option('--users <file>', "users' stated criteria and histories")
    .option('--split <name>', 'only the rows of this split')
    .addOption(choiceOption('--format <name>', 'shape of the rows; detected by default', FORMAT_NAMES));
  withModelOptions(command)
    .addOption(numberOption('--concurrency <n>', 'rows in flight', BUILD_RANGES.concurrency))
    .option('--quiet', 'no progress and no summary')
    .option('--json-progress', 'progress as JSON lines on standard error')
    .action(async (bank: string, data: string, options: AddCommandOptions) => {
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
    const { users, split, format, concurrency } = options;
    const data = await openPreferenceData(rows, {
      ...(users === undefined ? {} : { users }),
      ...(split === undefined ? {} : { split }),
      ...(format === undefined ? {} : { format }),
    });
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

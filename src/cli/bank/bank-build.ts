// `pgenrm bank build`: a prototype bank of preference data.
// Knows the command line; the work is `src/bank-build`.

import { join } from 'node:path';
import type { Command } from 'commander';
import { BANK_FILES } from '../../bank/file/manifest.js';
import { buildBank } from '../../bank-build/build-bank.js';
import { printable } from '../../output/printable.js';
import { refuseSameFile } from '../../output/same-file.js';
import type { CommandContext } from '../command-context.js';
import { addFlags } from '../options/add-flags.js';
import { lookAtSignals, openTrainingRows } from '../options/judged-data.js';
import { modelInputs } from '../options/model-options.js';
import { type FlagName, type FlagValues, READING } from '../options/table/table.js';
import { EXIT } from '../terminal/exit-code.js';
import { InterruptWatch } from '../terminal/interrupt.js';
import { BANK_MODEL_FLAGS, type BankHost, modelSources } from './bank-models.js';
import { buildProgress, buildText, progressKind, tellSignals } from './bank-text.js';

const BUILD_FLAGS = [
  ...(['users', 'train:split', 'format', 'build:out', 'k', 'seed'] as const),
  ...(['group', 'rowsPerUser', 'limit'] as const),
  ...READING,
  ...BANK_MODEL_FLAGS,
  ...(['refine', 'temperature', 'maxTokens', 'historyEvents', 'refineEvents'] as const),
  ...(['attempts', 'restarts', 'concurrency', 'build:force', 'quiet', 'jsonProgress'] as const),
] as const satisfies readonly FlagName[];

type BuildCommandOptions = FlagValues<typeof BUILD_FLAGS>;

/** Adds `build` to the bank commands. */
export function addBuildCommand(bank: Command, context: CommandContext, host: BankHost): void {
  const command = bank
    .command('build')
    .description(
      'Builds a bank: a chain a training row, embedded, clustered, refined. Run again, it goes on where it was stopped.',
    )
    .argument('<train>', 'preference data (.jsonl, .jsonl.gz, .json, .parquet)');
  addFlags(command, BUILD_FLAGS).action(async (train: string, options: BuildCommandOptions) => {
    context.end(await build(train, options, context, host));
  });
}

async function build(
  train: string,
  options: BuildCommandOptions,
  context: CommandContext,
  host: BankHost,
): Promise<number> {
  const progress = buildProgress(context.err, progressKind(options, context.err));
  using watch = new InterruptWatch(progress.stopping);
  const { signal } = watch;
  await refuseSameFile(
    Object.values(BANK_FILES).map((name) => join(options.out, name)),
    { data: train, 'users file': options.users, ...modelInputs(options) },
  );
  const data = await openTrainingRows(train, options, signal);
  tellSignals(await lookAtSignals(data, options, context, signal), options, context.err);
  const { judge, embedder } = await modelSources(options, host, signal);
  try {
    const { manifest, built } = await buildBank({
      data,
      out: options.out,
      judge,
      embedder,
      k: options.k,
      seed: options.seed,
      refine: options.refine,
      temperature: options.temperature,
      ...(options.limit === undefined ? {} : { limit: options.limit }),
      ...(options.maxTokens === undefined ? {} : { maxTokens: options.maxTokens }),
      ...(options.historyEvents === undefined ? {} : { historyEvents: options.historyEvents }),
      ...(options.refineEvents === undefined ? {} : { refineEvents: options.refineEvents }),
      ...(options.attempts === undefined ? {} : { attempts: options.attempts }),
      ...(options.restarts === undefined ? {} : { restarts: options.restarts }),
      ...(options.concurrency === undefined ? {} : { concurrency: options.concurrency }),
      force: options.force === true,
      signal,
      onEvent: progress.onEvent,
    });
    progress.close();
    if (!options.quiet && !options.jsonProgress)
      context.err.write(printable(buildText(options.out, manifest, built)));
    return manifest.failedRows.length === 0 ? EXIT.ok : EXIT.incomplete;
  } finally {
    progress.close();
  }
}

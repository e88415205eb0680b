// `pgenrm bank build`: a prototype bank of preference data.
// Knows the command line; the work is `src/bank-build`.

import { join } from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { BANK_FILES } from '../../bank/file/manifest.js';
import { BUILD_RANGES, buildBank } from '../../bank-build/build-bank.js';
import { isSplit } from '../../data/formats/format.js';
import {
  FORMAT_NAMES,
  type FormatName,
  openPreferenceData,
  type PreferenceData,
} from '../../data/preference-data.js';
import { selectRows } from '../../data/select-rows.js';
import { printable } from '../../output/printable.js';
import { refuseSameFile } from '../../output/same-file.js';
import type { CommandContext } from '../command-context.js';
import { modelInputs } from '../options/model-options.js';
import { choiceOption, numberIn, numberOption } from '../options/option-parsers.js';
import { EXIT } from '../terminal/exit-code.js';
import { InterruptWatch } from '../terminal/interrupt.js';
import { type BankHost, type ModelOptions, modelSources, withModelOptions } from './bank-models.js';
import { buildProgress, buildText, type ProgressOptions, progressKind } from './bank-text.js';

interface BuildCommandOptions extends ModelOptions, ProgressOptions {
  readonly users?: string;
  readonly split?: string;
  readonly format?: FormatName;
  readonly out: string;
  readonly k: number | 'auto';
  readonly seed: number;
  readonly group?: string;
  readonly rowsPerUser?: number;
  readonly limit?: number;
  readonly refine: boolean;
  readonly temperature: number;
  readonly maxTokens?: number;
  readonly historyEvents?: number;
  readonly refineEvents?: number;
  readonly attempts?: number;
  readonly restarts?: number;
  readonly concurrency?: number;
  readonly force?: true;
}

/** Adds `build` to the bank commands. */
export function addBuildCommand(bank: Command, context: CommandContext, host: BankHost): void {
  const command = bank
    .command('build')
    .description(
      'Builds a bank: a chain a training row, embedded, clustered, refined. Run again, it goes on where it was stopped.',
    )
    .argument('<train>', 'preference data (.jsonl, .jsonl.gz, .json, .parquet)')
    .option('--users <file>', "users' stated criteria and histories")
    .option('--split <name>', 'only the rows of this split; default train where the data has it')
    .addOption(choiceOption('--format <name>', 'shape of the rows; detected by default', FORMAT_NAMES))
    .requiredOption('--out <folder>', 'where the bank goes')
    .addOption(
      new Option('--k <n>', 'prototypes: auto picks by the silhouette')
        .argParser(numberOrAuto)
        .default('auto'),
    );
  withModelOptions(command)
    .addOption(numberOption('--seed <n>', 'seed of chains and clusters', BUILD_RANGES.seed).default(0))
    .option('--group <name>', "only rows of users whom the users file's field group puts here, such as train")
    .addOption(
      numberOption('--rows-per-user <n>', 'at most the first n rows of each user', BUILD_RANGES.limit),
    )
    .addOption(numberOption('--limit <n>', 'only the first n rows', BUILD_RANGES.limit))
    .option('--no-refine', 'keep the k-means centres as prototypes')
    .addOption(numberOption('--temperature <t>', '0 is greedy', BUILD_RANGES.temperature).default(1))
    .addOption(
      numberOption(
        '--max-tokens <n>',
        'new tokens a chain; default what the model says, else 3072, half the context at most',
        BUILD_RANGES.maxTokens,
      ),
    )
    .addOption(
      numberOption(
        '--history-events <n>',
        'most recent events in a prompt; default all that fit',
        BUILD_RANGES.historyEvents,
      ),
    )
    .addOption(
      numberOption(
        '--refine-events <n>',
        'most recent events a row in refinement; default 6',
        BUILD_RANGES.refineEvents,
      ),
    )
    .addOption(
      numberOption(
        '--attempts <n>',
        'tries of a chain that cannot be read; default 2',
        BUILD_RANGES.attempts,
      ),
    )
    .addOption(numberOption('--restarts <n>', 'starts of k-means; default 10', BUILD_RANGES.restarts))
    .addOption(numberOption('--concurrency <n>', 'rows in flight', BUILD_RANGES.concurrency))
    .option('--force', 'replace a bank, or an unfinished build, of other data or options')
    .option('--quiet', 'no progress and no summary')
    .option('--json-progress', 'progress as JSON lines on standard error')
    .action(async (train: string, options: BuildCommandOptions) => {
      context.end(await build(train, options, context, host));
    });
}

function numberOrAuto(word: string): number | 'auto' {
  if (word === 'auto') return 'auto';
  try {
    return numberIn(BUILD_RANGES.k)(word);
  } catch (error) {
    if (!(error instanceof InvalidArgumentError)) throw error;
    throw new InvalidArgumentError(error.message.replace(/\.$/, ', or auto.'));
  }
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
  const data = await openTraining(train, options);
  signal.throwIfAborted();
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

/** Rows of the split that is asked for, else of `train`, else all; of them what is selected. */
async function openTraining(path: string, options: BuildCommandOptions): Promise<PreferenceData> {
  const common = {
    ...(options.users === undefined ? {} : { users: options.users }),
    ...(options.format === undefined ? {} : { format: options.format }),
  };
  const open = async (): Promise<PreferenceData> => {
    if (options.split !== undefined) return openPreferenceData(path, { ...common, split: options.split });
    const all = await openPreferenceData(path, common);
    return all.splits.some((split) => isSplit(split, 'train')) && all.splits.length > 1
      ? openPreferenceData(path, { ...common, split: 'train' })
      : all;
  };
  const { group = null, rowsPerUser = null } = options;
  return selectRows(await open(), { group, rowsPerUser });
}

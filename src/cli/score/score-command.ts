// `pgenrm score`: its options, and the run from opened data to closing summary.
// Knows the command line and the parts of a run; not how rows are judged.

import { type Command, Option } from 'commander';
import { FORMAT_NAMES, openPreferenceData } from '../../data/preference-data.js';
import { PgenrmError } from '../../errors.js';
import { JUDGE_RANGES } from '../../options/option-range.js';
import { refuseSameFile } from '../../output/same-file.js';
import { GRAMMAR_CHOICES, RETRIEVAL_CHOICES, SCORE_PREFERENCES } from '../../reward-model/judgment.js';
import { GENERATOR_CHOICES } from '../../reward-model/reward-model.js';
import { LIMIT_RANGE } from '../../run/rows.js';
import { retryPath } from '../../run/scoring/retry-file.js';
import type { RunSummary } from '../../run/scoring/run-journal.js';
import { manifestPath } from '../../run/scoring/run-manifest.js';
import {
  type OutputMode,
  openRunOutput,
  type RunOutput,
  streamOutput,
} from '../../run/scoring/run-output.js';
import { runScoring } from '../../run/scoring/scoring-run.js';
import { AGGREGATE_METHOD_CHOICES } from '../../scaling/aggregate-levels.js';
import { NEIGHBOUR_WEIGHTS } from '../../scaling/neighbour-weights.js';
import type { CommandContext } from '../command-context.js';
import { guidedFlags } from '../options/guided-flags.js';
import { dataReadingFlags, lookAtSignals, openOptions } from '../options/judged-data.js';
import { CHAT_TEMPLATE_HELP, loadOptions, modelInputs, runFlags } from '../options/model-options.js';
import { choiceOption, numberOption } from '../options/option-parsers.js';
import { oldOption } from '../options/renamed.js';
import { createLog } from '../terminal/console-streams.js';
import { EXIT } from '../terminal/exit-code.js';
import { Interruption, InterruptWatch } from '../terminal/interrupt.js';
import { createProgress } from '../terminal/progress.js';
import { checkTogether, judgeOptions, type ScoreOptions } from './score-options.js';
import { summaryText } from './summary-text.js';

/** Adds `pgenrm score`. */
export function scoreCommand(program: Command, context: CommandContext): void {
  const command = program
    .command('score')
    .description(
      'Scores the rows of a file of preference data: one JSON line a row, and a manifest beside it.',
    )
    .argument('<data>', 'preference data (.jsonl, .jsonl.gz, .json, .parquet)')
    .option('--users <file>', "users' stated criteria and histories")
    .option('--split <name>', 'only the rows of this split')
    .addOption(choiceOption('--format <name>', 'shape of the rows; detected by default', FORMAT_NAMES))
    .addOption(numberOption('--limit <n>', 'only the first n rows', LIMIT_RANGE));
  dataReadingFlags(command)
    .addOption(numberOption('--ind <m>', 'chains a row', JUDGE_RANGES.individual).default(1))
    .addOption(numberOption('--pro <n>', 'chains a row as similar users', JUDGE_RANGES.prototypes).default(0))
    .option('--bank <folder>', 'the prototype bank in which similar users are sought')
    .addOption(oldOption('--prototypes', '--bank'))
    .option(
      '--embedder <model>',
      'the model that embedded the bank; default: the one that the judge names, else itself',
    )
    .addOption(
      choiceOption(
        '--retrieve-by <what>',
        'by what similar users are sought; cached: part 1 of a chain for an earlier row of the user with the same history, else the first own chain by number',
        RETRIEVAL_CHOICES,
      ).default('chain'),
    )
    .addOption(
      numberOption(
        '--adaptive [risk]',
        'stop a row as soon as more chains would change the winner with this probability at most; 0.05 without a number',
        JUDGE_RANGES.adaptive,
      ).preset('0.05'),
    )
    .addOption(
      choiceOption('--aggregate <method>', 'how chains become one score', AGGREGATE_METHOD_CHOICES).default(
        'mean',
      ),
    )
    .addOption(
      choiceOption(
        '--neighbour-weights <kind>',
        'how much the chain of each similar user counts; cosine: by its cosine, and all of them less where they are less alike',
        NEIGHBOUR_WEIGHTS,
      ).default('equal'),
    )
    .addOption(
      numberOption(
        '--individual-share <w>',
        'weight of the own chains beside those as similar users; default 0.5',
        JUDGE_RANGES.individualShare,
      ),
    )
    .addOption(numberOption('--seed <n>', 'seed of the run', JUDGE_RANGES.seed).default(0))
    .addOption(numberOption('--temperature <t>', '0 is greedy', JUDGE_RANGES.temperature).default(1))
    .addOption(numberOption('--top-p <p>', 'nucleus sampling, 1 is off', JUDGE_RANGES.topP).default(1))
    .addOption(
      numberOption('--min-p <p>', 'least share of the best probability', JUDGE_RANGES.minP).default(0),
    )
    .addOption(
      numberOption(
        '--max-tokens <n>',
        'new tokens a chain; default: the model says, else 3072, at most half the context',
        JUDGE_RANGES.maxTokens,
      ),
    )
    .addOption(
      numberOption(
        '--history-events <n>',
        'most recent history events; default all that fit',
        JUDGE_RANGES.historyEvents,
      ),
    )
    .addOption(
      choiceOption('--grammar <where>', 'force the form of the chain', GRAMMAR_CHOICES).default('off'),
    )
    .addOption(
      choiceOption('--prefer <score>', 'which score of a chain counts', SCORE_PREFERENCES).default(
        'recomputed',
      ),
    )
    .option('--model <model>', 'nano (bundled), a path, or an hf: address', 'nano')
    .option('--template <template>', "a template's name or file; default: the model's own, else standard")
    .option('--chat-template <file>', CHAT_TEMPLATE_HELP)
    .addOption(
      choiceOption(
        '--generator <kind>',
        'force a generator; default: native where it runs',
        GENERATOR_CHOICES,
      ),
    );
  guidedFlags(command);
  runFlags(command)
    .option('--out <file>', 'where the lines go; - is standard output, without manifest', '-')
    .option('--chains', "put the chains' texts into the lines")
    .addOption(new Option('--resume', 'go on with an output after its last row').conflicts('force'))
    .addOption(new Option('--force', 'replace an output that exists').conflicts(['resume', 'retryFailed']))
    .option('--retry-failed', 'judge failed rows again with new seeds, in place of their lines')
    .option('--quiet', 'no progress and no summary')
    .option('--json-progress', 'progress as JSON lines on standard error')
    .action(async (path: string) => {
      context.end(await score(path, command.optsWithGlobals<ScoreOptions>(), context));
    });
}

async function score(path: string, options: ScoreOptions, context: CommandContext): Promise<number> {
  checkTogether(options);
  const log = createLog(options.logLevel, context.err);
  const progress = createProgress(context.err, progressKind(options, context));
  using watch = new InterruptWatch(progress.stopping);
  const { signal } = watch;
  // What costs little is checked first: a wrong output shall not cost the loading of a model.
  if (options.out !== '-') {
    await refuseSameFile(
      [options.out, manifestPath(options.out), retryPath(options.out), `${options.out}.lock`],
      {
        data: path,
        'users file': options.users,
        ...modelInputs(options),
      },
    );
  }
  await using output = await openOutput(options, context);
  const data = await openPreferenceData(path, {
    ...openOptions(options, signal),
    ...(options.limit === undefined ? {} : { limit: options.limit }),
  });
  if (data.count === 0 && data.damage === undefined)
    throw new PgenrmError('INPUT_MALFORMED', `${path} holds no rows to score`);
  const signals = await lookAtSignals(data, options, context, signal);
  try {
    await using model = await context.loadModel({
      ...loadOptions(options),
      signal,
      onProgress: progress.loading,
    });
    signals.say();
    log.info({ generator: model.generatorInfo, template: model.template.name }, 'model loaded');
    const summary = await runScoring({
      data,
      model,
      output,
      judge: judgeOptions(options),
      rows: options.retryFailed ? (options.resume ? 'failedAndMissing' : 'failed') : 'missing',
      chains: options.chains === true,
      ...(options.split === undefined ? {} : { split: options.split }),
      ...(options.limit === undefined ? {} : { limit: options.limit }),
      ...(options.concurrency === undefined ? {} : { concurrency: options.concurrency }),
      reorder: options.reorder,
      signal,
      onEvent(event) {
        if (event.type === 'row' && event.record.status !== 'scored')
          log.warn(withoutChains(event.record), 'row');
        progress.onEvent(event.type === 'started' ? { ...event, ...signals.event } : event);
      },
    });
    progress.close();
    if (options.quiet !== true && options.jsonProgress !== true)
      context.err.write(summaryText(summary, output.path));
    return exitCodeFor(summary, signal);
  } finally {
    progress.close();
  }
}

async function openOutput(options: ScoreOptions, context: CommandContext): Promise<RunOutput> {
  if (options.out === '-') {
    const unfit = options.resume
      ? '--resume'
      : options.retryFailed
        ? '--retry-failed'
        : options.force
          ? '--force'
          : null;
    if (unfit !== null) {
      throw new PgenrmError('INVALID_OPTION', `${unfit} needs a file to work on; name it with --out FILE`);
    }
    return streamOutput(context.out);
  }
  const mode: OutputMode = options.force
    ? 'overwrite'
    : options.resume
      ? 'resume'
      : options.retryFailed
        ? 'existing'
        : 'new';
  return openRunOutput(options.out, mode);
}

function progressKind(options: ScoreOptions, context: CommandContext): 'none' | 'json' | 'bar' | 'lines' {
  if (options.jsonProgress) return 'json';
  if (options.quiet) return 'none';
  return context.err.isTTY === true ? 'bar' : 'lines';
}

function exitCodeFor(summary: RunSummary, signal: AbortSignal): number {
  if (summary.counts.scored === summary.rows) return EXIT.ok;
  return signal.reason instanceof Interruption ? signal.reason.exitCode : EXIT.incomplete;
}

function withoutChains<T extends { readonly chains?: unknown }>(record: T): Omit<T, 'chains'> {
  const { chains: _, ...rest } = record;
  return rest;
}

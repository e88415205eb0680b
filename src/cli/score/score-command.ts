// `pgenrm score`: its options, and the run from opened data to closing summary.
// Knows the command line and the parts of a run; not how rows are judged.

import type { Command } from 'commander';
import { openPreferenceData } from '../../data/preference-data.js';
import { PgenrmError } from '../../errors.js';
import { refuseSameFile } from '../../output/same-file.js';
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
import type { CommandContext } from '../command-context.js';
import { addFlags } from '../options/add-flags.js';
import { lookAtSignals, openOptions } from '../options/judged-data.js';
import { loadOptions, modelInputs } from '../options/model-options.js';
import { checkQueue, checkShared, shareOut } from '../queue/share-out.js';
import { createLog } from '../terminal/console-streams.js';
import { EXIT } from '../terminal/exit-code.js';
import { Interruption, InterruptWatch } from '../terminal/interrupt.js';
import { createProgress } from '../terminal/progress.js';
import { checkTogether, judgeOptions, SCORE_FLAGS, type ScoreOptions } from './score-options.js';
import { repeatedText, summaryText } from './summary-text.js';

/** Adds `pgenrm score`. */
export function scoreCommand(program: Command, context: CommandContext): void {
  const command = program
    .command('score')
    .description(
      'Scores the rows of a file of preference data: one JSON line a row, and a manifest beside it.',
    )
    .argument('<data>', 'preference data (.jsonl, .jsonl.gz, .json, .parquet)');
  addFlags(command, SCORE_FLAGS).action(async (path: string) => {
    const options = command.optsWithGlobals<ScoreOptions>();
    checkShared(options, command);
    context.end(await score(path, options, context));
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
  if (options.queue !== undefined) await checkQueue(options.queue);
  const data = await openPreferenceData(path, {
    ...openOptions(options, signal),
    ...(options.limit === undefined ? {} : { limit: options.limit }),
  });
  if (data.count === 0 && data.damage === undefined)
    throw new PgenrmError('INPUT_MALFORMED', `${path} holds no rows to score`);
  const signals = await lookAtSignals(data, options, context, signal);
  try {
    await using shared =
      options.queue === undefined
        ? null
        : await shareOut(
            { address: options.queue, output: options.out, withBank: options.pro > 0, signal },
            progress,
          );
    await using loaded =
      shared !== null
        ? null
        : await context.loadModel({ ...loadOptions(options), signal, onProgress: progress.loading });
    const model = shared?.judge ?? loaded!;
    signals.say();
    log.info({ generator: model.generatorInfo, template: model.template.name }, 'model loaded');
    const judge = judgeOptions(options);
    const guided = model.settings(judge).guided !== null;
    const summary = await runScoring({
      data,
      model,
      output,
      judge,
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
        shared?.follow(event);
        progress.onEvent(event.type === 'started' ? { ...event, ...signals.event } : event, shared?.note);
      },
    });
    progress.close();
    if (options.quiet !== true && options.jsonProgress !== true)
      context.err.write(summaryText(summary, output.path, guided) + repeatedText(model.generatorInfo));
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

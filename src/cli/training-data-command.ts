// `pgenrm training-data`: the data of a training stage for a trainer.
// Knows the command line; the work is `src/training-data`.

import type { Command } from 'commander';
import { printable } from '../output/printable.js';
import { refuseSameFile } from '../output/same-file.js';
import type { LineStatus } from '../training-data/stages.js';
import { type TrainingDataSummary, writeTrainingData } from '../training-data/training-data.js';
import { countsText, rowsPath } from '../training-data/training-rows.js';
import type { CommandContext } from './command-context.js';
import { addFlags } from './options/add-flags.js';
import { chainOptions } from './options/guided-options.js';
import { lookAtSignals, openTrainingRows } from './options/judged-data.js';
import { loadOptions, modelInputs } from './options/model-options.js';
import { type FlagName, type FlagValues, GUIDED, MODEL, READING, SAMPLING } from './options/table/table.js';
import { EXIT } from './terminal/exit-code.js';
import { Interruption, InterruptWatch } from './terminal/interrupt.js';

const TRAINING_FLAGS = [
  ...(['stage', 'trainer:format', 'training:out', 'license', 'allowNonCommercial', 'tries'] as const),
  ...(['users', 'train:split', 'dataFormat', 'group', 'rowsPerUser', 'limit'] as const),
  ...READING,
  ...SAMPLING,
  ...GUIDED,
  ...MODEL,
  ...(['concurrency', 'training:force', 'quiet', 'jsonProgress'] as const),
] as const satisfies readonly FlagName[];

type TrainingOptions = FlagValues<typeof TRAINING_FLAGS>;

/** Adds `pgenrm training-data`. */
export function trainingDataCommand(program: Command, context: CommandContext): void {
  const command = program
    .command('training-data')
    .description(
      'Writes the data of a training stage: chains to imitate (psi), prompts with criteria withheld (cre), pairs from easy to hard (curriculum). Run again, it goes on where it was stopped.',
    )
    .argument('<data>', 'preference data (.jsonl, .jsonl.gz, .json, .parquet)');
  addFlags(command, TRAINING_FLAGS).action(async (path: string, options: TrainingOptions) => {
    context.end(await write(path, options, context));
  });
}

async function write(path: string, options: TrainingOptions, context: CommandContext): Promise<number> {
  const { err } = context;
  const say =
    options.quiet === true || options.jsonProgress === true
      ? () => undefined
      : (text: string) => void err.write(text);
  using watch = new InterruptWatch(() =>
    say('pgenrm: stopping; what was done stays, and the same command goes on\n'),
  );
  const { signal } = watch;
  await refuseSameFile([options.out, rowsPath(options.out), `${rowsPath(options.out)}.lock`], {
    data: path,
    'users file': options.users,
    ...modelInputs(options),
  });
  const { dataFormat, format, ...reading } = options;
  const read = { ...reading, ...(dataFormat === undefined ? {} : { format: dataFormat }) };
  const data = await openTrainingRows(path, read, signal);
  const signals = await lookAtSignals(data, read, context, signal);
  await using model = await context.loadModel({ ...loadOptions(options), signal });
  signals.say();
  let tenth = -1;
  const summary = await writeTrainingData({
    data,
    model,
    stage: options.stage,
    format,
    out: options.out,
    tries: options.tries,
    judge: chainOptions(options),
    allowNonCommercial: options.allowNonCommercial === true,
    force: options.force === true,
    ...(options.split === undefined ? {} : { split: options.split }),
    ...(options.license === undefined ? {} : { license: options.license }),
    ...(options.limit === undefined ? {} : { limit: options.limit }),
    ...(options.concurrency === undefined ? {} : { concurrency: options.concurrency }),
    signal,
    onProgress(done, total) {
      if (options.jsonProgress === true) err.write(`${JSON.stringify({ event: 'progress', done, total })}\n`);
      const now = Math.floor((10 * done) / total);
      if (now !== tenth) say(`rows      ${done} of ${total}\n`);
      tenth = now;
    },
  });
  if (options.jsonProgress === true) err.write(`${JSON.stringify({ event: summary.status, ...summary })}\n`);
  say(printable(summaryText(summary)));
  if (summary.status === 'stopped')
    return signal.reason instanceof Interruption ? signal.reason.exitCode : EXIT.incomplete;
  // What a teacher refuses is the work itself; rows that could not be read or judged are missing.
  const missing: readonly LineStatus[] = ['invalid', 'failed'];
  return missing.some((status) => summary.counts[status] > 0) ? EXIT.incomplete : EXIT.ok;
}

function summaryText(summary: TrainingDataSummary): string {
  const { status, out, counts, examples, rewritten, withoutPair, license } = summary;
  const where = status === 'finished' ? `${out}: ${examples} examples` : `${out} is not written yet: stopped`;
  const mended = rewritten === 0 ? '' : `, ${rewritten} of them written anew from what was read`;
  const alone =
    withoutPair === 0 ? '' : `\n${withoutPair} examples are left out: no chain prefers another response`;
  return `rows      ${countsText(counts)}\nlicence   ${license}\n${where}${mended}${alone}\n`;
}

// `pgenrm demo`: judges the bundled examples and shows what a judgment is made of.
// Knows the examples' place and the facade; the display is `demo-text.ts`.

import type { Command } from 'commander';
import { openPreferenceData, type PreferenceRow } from '../../data/preference-data.js';
import { PgenrmError } from '../../errors.js';
import { JUDGE_RANGES } from '../../options/option-range.js';
import { packageFile } from '../../package.js';
import type { Judgment } from '../../reward-model/judgment.js';
import { GENERATOR_CHOICES, GPU_CHOICES, type LoadOptions } from '../../reward-model/reward-model.js';
import type { CommandContext } from '../command-context.js';
import { CHAT_TEMPLATE_HELP } from '../options/model-options.js';
import { choiceOption, numberOption } from '../options/option-parsers.js';
import { mayColour } from '../terminal/console-streams.js';
import { EXIT } from '../terminal/exit-code.js';
import { InterruptWatch, STOPPING_TEXT } from '../terminal/interrupt.js';
import { headingText, overviewText, portraitText } from './demo-text.js';

interface DemoOptions {
  readonly model: string;
  readonly user?: string;
  readonly chatTemplate?: string;
  readonly ind: number;
  readonly seed: number;
  readonly generator?: 'native' | 'portable';
  readonly gpu: NonNullable<LoadOptions['gpu']>;
}

/** Adds `pgenrm demo`. */
export function demoCommand(program: Command, context: CommandContext): void {
  program
    .command('demo')
    .description('Judges the bundled examples and shows persona, rubric, scores and winner.')
    .option('--user <id>', 'whose first comparison is shown in full')
    .option('--model <model>', 'nano (bundled), a path, or an hf: address', 'nano')
    .option('--chat-template <file>', CHAT_TEMPLATE_HELP)
    .addOption(numberOption('--ind <m>', 'chains a row', JUDGE_RANGES.individual).default(4))
    .addOption(numberOption('--seed <n>', 'seed', JUDGE_RANGES.seed).default(0))
    .addOption(choiceOption('--generator <kind>', 'force a generator', GENERATOR_CHOICES))
    .addOption(choiceOption('--gpu <backend>', 'where layers are computed', GPU_CHOICES).default('auto'))
    .action(async (options: DemoOptions) => context.end(await demo(options, context)));
}

async function demo(options: DemoOptions, context: CommandContext): Promise<number> {
  using watch = new InterruptWatch(() => context.err.write(STOPPING_TEXT));
  const { signal } = watch;
  const rows = await exampleRows();
  const shown = rowToShow(rows, options.user);
  await using model = await context.loadModel({
    model: options.model,
    gpu: options.gpu,
    ...(options.chatTemplate === undefined ? {} : { chatTemplate: options.chatTemplate }),
    ...(options.generator === undefined ? {} : { generator: options.generator }),
    signal,
  });
  const { individual, seed } = { individual: options.ind, seed: options.seed };
  const look = { colour: mayColour(context.out), columns: columnsOf(context.out) };
  const users = new Set(rows.map((row) => row.userId)).size;
  context.out.write(
    headingText(
      { rows: rows.length, users, individual, model: model.modelInfo, generator: model.generatorInfo },
      look,
    ),
  );
  const inputs = rows.map((row) => ({ id: row.id, user: row.user, ...row.item }));
  const judged: { row: PreferenceRow; judgment: Judgment }[] = [];
  const began = performance.now();
  for await (const outcome of model.judgeMany(inputs, { individual, seed, signal })) {
    if (outcome.error !== undefined) throw outcome.error;
    // Nobody reads any more.
    if (context.out.destroyed) return EXIT.error;
    const row = rows[outcome.index]!;
    judged.push({ row, judgment: outcome.judgment });
    if (row === shown) context.out.write(portraitText(row, outcome.judgment, look));
  }
  context.out.write(overviewText(judged, performance.now() - began, look));
  return judged.every(({ judgment }) => judgment.status === 'scored') ? EXIT.ok : EXIT.incomplete;
}

async function exampleRows(): Promise<PreferenceRow[]> {
  const place = (name: string): string => packageFile('examples', name);
  const data = await openPreferenceData(place('preferences.jsonl'), {
    users: place('users.jsonl'),
    split: 'test',
  });
  const rows: PreferenceRow[] = [];
  for await (const row of data.rows()) {
    if (row.kind === 'problem') {
      throw new PgenrmError(
        'INPUT_MALFORMED',
        `${data.path}, row ${row.number}: ${row.reason}; install the package again`,
      );
    }
    rows.push(row);
  }
  return rows;
}

function rowToShow(rows: readonly PreferenceRow[], user: string | undefined): PreferenceRow {
  const row = user === undefined ? rows[0] : rows.find((candidate) => candidate.userId === user);
  if (row !== undefined) return row;
  const users = [...new Set(rows.map((candidate) => candidate.userId))].join(', ');
  throw new PgenrmError('INVALID_OPTION', `--user must be one of ${users}; got '${user}'`);
}

function columnsOf(stream: object): number {
  const columns = 'columns' in stream && typeof stream.columns === 'number' ? stream.columns : 100;
  return Math.min(120, Math.max(60, columns));
}

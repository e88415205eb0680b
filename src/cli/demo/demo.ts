// `pgenrm demo`: judges the bundled examples and shows what a judgment is made of.
// Knows the examples' place and the facade; the display is `demo-text.ts`.

import type { Command } from 'commander';
import { openPreferenceData, type PreferenceRow } from '../../data/preference-data.js';
import { PgenrmError } from '../../errors.js';
import { packageFile } from '../../package.js';
import type { Judgment } from '../../reward-model/judgment.js';
import type { CommandContext } from '../command-context.js';
import { addFlags } from '../options/add-flags.js';
import { loadOptions } from '../options/model-options.js';
import type { FlagName, FlagValues } from '../options/table/table.js';
import { mayColour } from '../terminal/console-streams.js';
import { EXIT } from '../terminal/exit-code.js';
import { InterruptWatch, STOPPING_TEXT } from '../terminal/interrupt.js';
import { headingText, overviewText, portraitText } from './demo-text.js';

const DEMO_FLAGS = [
  'demo:user',
  'model',
  'engineUrl',
  'engineKind',
  'chatTemplate',
  'demo:ind',
  'seed',
  'generator',
  'gpu',
] as const satisfies readonly FlagName[];

type DemoOptions = FlagValues<typeof DEMO_FLAGS>;

/** Adds `pgenrm demo`. */
export function demoCommand(program: Command, context: CommandContext): void {
  const command = program
    .command('demo')
    .description('Judges the bundled examples and shows persona, rubric, scores and winner.');
  addFlags(command, DEMO_FLAGS).action(async (options: DemoOptions) =>
    context.end(await demo(options, context)),
  );
}

async function demo(options: DemoOptions, context: CommandContext): Promise<number> {
  using watch = new InterruptWatch(() => context.err.write(STOPPING_TEXT));
  const { signal } = watch;
  const rows = await exampleRows();
  const shown = rowToShow(rows, options.user);
  await using model = await context.loadModel({
    ...loadOptions(options),
    signal,
  });
  const { individual, seed } = { individual: options.ind, seed: options.seed };
  const look = { colour: mayColour(context.out), columns: columnsOf(context.out) };
  const users = new Set(rows.map((row) => row.userId)).size;
  context.out.write(
    headingText(
      {
        rows: rows.length,
        users,
        individual,
        model: model.modelInfo,
        generator: model.generatorInfo,
        decoding: model.decoding,
      },
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
  context.out.write(overviewText(judged, { ms: performance.now() - began, peakBytes: peakBytes() }, look));
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

/** Most memory that this process has had; `maxRSS` is in KiB. */
function peakBytes(): number {
  return process.resourceUsage().maxRSS * 1024;
}

function columnsOf(stream: object): number {
  const columns = 'columns' in stream && typeof stream.columns === 'number' ? stream.columns : 80;
  return Math.min(120, Math.max(60, columns));
}

// The flags of `pgenrm bench scaling`, as commander takes them and as the parts of a bench do.
// Knows names, ranges and defaults; nothing of what the options do.

import { type Command, Option } from 'commander';
import type { Variant } from '../../cost/measure/bench-plan.js';
import type { Prices } from '../../cost/result/result.js';
import { FORMAT_NAMES, type FormatName } from '../../data/preference-data.js';
import { PgenrmError } from '../../errors.js';
import { OVERLAP_CHOICES, type OverlapChoice } from '../../evaluation/chains/bank-overlap.js';
import { stoppingLevels } from '../../evaluation/figures/adaptive-replay.js';
import { JUDGE_RANGES, type NumberRange } from '../../options/option-range.js';
import { GRAMMAR_CHOICES, type GrammarChoice } from '../../reward-model/judgment.js';
import { GENERATOR_CHOICES, GPU_CHOICES, type LoadOptions } from '../../reward-model/reward-model.js';
import { LIMIT_RANGE } from '../../run/rows.js';
import { levelName, type ScalingLevel } from '../../scaling/level.js';
import { type EngineFlags, engineFlags } from '../options/engine-flags.js';
import { CHAT_TEMPLATE_HELP } from '../options/model-options.js';
import { choiceOption, numberIn, numberOption } from '../options/option-parsers.js';
import { oldOption } from '../options/renamed.js';

/** The options as commander reads them. */
export interface BenchOptions extends EngineFlags {
  readonly data: string;
  readonly users?: string;
  readonly split?: string;
  readonly format?: FormatName;
  readonly group?: string;
  readonly limit: number;
  readonly bank?: string;
  readonly embedder?: string;
  readonly bankOverlap: OverlapChoice;
  readonly levels?: string;
  readonly adaptive: number | 'off';
  readonly adaptiveLevels?: string;
  readonly rounds?: number;
  readonly minutes?: number;
  readonly rows?: number;
  readonly fullChains?: number;
  readonly quick?: true;
  readonly checkMeasuring?: true;
  readonly accuracy?: string;
  readonly pricePerHour?: number;
  readonly priceInput?: number;
  readonly priceCachedInput?: number;
  readonly priceOutput?: number;
  readonly seed: number;
  readonly temperature: number;
  readonly maxTokens?: number;
  readonly historyEvents?: number;
  readonly grammar: GrammarChoice;
  readonly model: string;
  readonly modelNote?: string;
  readonly template?: string;
  readonly chatTemplate?: string;
  readonly generator?: 'native' | 'portable';
  readonly gpu: NonNullable<LoadOptions['gpu']>;
  readonly out: string;
  readonly resume?: true;
  readonly force?: true;
  readonly json?: true;
  readonly quiet?: true;
}

/** Where results go, and are sought, where nothing else is said. */
export const DEFAULT_FOLDER = 'bench-scaling';

const ROUNDS: NumberRange = { integer: true, min: 1, max: 1000 };
const MINUTES: NumberRange = { integer: false, min: 0, max: 100_000, aboveMin: true };
const ROWS: NumberRange = { integer: true, min: 1, max: 10_000 };
const CHAINS: NumberRange = { integer: true, min: 1, max: 100_000 };
const PRICE: NumberRange = { integer: false, min: 0, max: 1e9 };

function adaptiveRisk(word: string): number | 'off' {
  return word === 'off' ? 'off' : numberIn(JUDGE_RANGES.adaptive)(word);
}

/** Adds the flags. */
export function benchFlags(command: Command): void {
  const number = (flags: string, text: string, range: NumberRange): Command =>
    command.addOption(numberOption(flags, text, range));
  command
    .requiredOption('--data <file>', 'preference data (.jsonl, .jsonl.gz, .json, .parquet)')
    .option('--users <file>', "users' stated criteria and histories")
    .option('--split <name>', 'only the rows of this split; default test where the data has it')
    .addOption(choiceOption('--format <name>', 'shape of the rows; detected by default', FORMAT_NAMES))
    .option(
      '--group <name>',
      "only rows of users whom the users file's field group puts here, such as unseen",
    )
    .addOption(numberOption('--limit <n>', 'rows to take judgments from', LIMIT_RANGE).default(256))
    .option('--bank <folder>', 'the prototype bank in which similar users are sought')
    .addOption(oldOption('--prototypes', '--bank'))
    .option(
      '--embedder <model>',
      'the model that embedded the bank; default: the one that the judge names, else itself',
    )
    .addOption(
      choiceOption(
        '--bank-overlap <what>',
        "bank users who are judged: exclude, nobody's neighbours; own, only not their own",
        OVERLAP_CHOICES,
      ).default('exclude'),
    )
    .option('--levels <list>', 'such as 1,ind-8,ind-8+pro-4')
    .addOption(
      new Option('--adaptive <risk>', 'risk of the rows with adaptive stopping, or off')
        .argParser(adaptiveRisk)
        .default(0.05),
    )
    .option(
      '--adaptive-levels <list>',
      'levels that are measured with adaptive stopping too; default: all that may stop early',
    );
  number('--rounds <n>', 'repetitions of everything; default 5, quick 3', ROUNDS);
  number('--minutes <n>', 'begin no round that would not end in time; two are made at least', MINUTES);
  number('--rows <n>', 'judgments one after another, each level and round; default 4, quick 2', ROWS);
  number(
    '--full-chains <n>',
    'chains each level is timed over with the generator full; default twice its rows, quick once',
    CHAINS,
  );
  command
    .option('--quick', 'fewer levels, rounds and judgments')
    .option('--check-measuring', 'time the smallest level without keeping accounts, too')
    .option(
      '--accuracy <file>',
      'report.json of pgenrm eval for the same model and template: its accuracies stand in the result',
    );
  number('--price-per-hour <p>', 'of this machine', PRICE);
  number('--price-input <p>', 'of a million prompt tokens at an API', PRICE);
  number('--price-cached-input <p>', 'of a million prompt tokens that were sent before', PRICE);
  number('--price-output <p>', 'of a million new tokens', PRICE);
  command
    .addOption(numberOption('--seed <n>', 'seed of chains and orders', JUDGE_RANGES.seed).default(0))
    .addOption(numberOption('--temperature <t>', '0 is greedy', JUDGE_RANGES.temperature).default(1));
  number(
    '--max-tokens <n>',
    'new tokens a chain; default: the model says, else 3072',
    JUDGE_RANGES.maxTokens,
  );
  number(
    '--history-events <n>',
    'most recent history events; default all that fit',
    JUDGE_RANGES.historyEvents,
  );
  command
    .addOption(
      choiceOption('--grammar <where>', 'force the form of the chain', GRAMMAR_CHOICES).default('off'),
    )
    .option('--model <model>', 'nano (bundled), a path, or an hf: address', 'nano')
    .option('--model-note <text>', 'said in every output, such as that the weights are random')
    .option('--template <template>', "a template's name or file; default: the model's own, else standard")
    .option('--chat-template <file>', CHAT_TEMPLATE_HELP)
    .addOption(choiceOption('--generator <kind>', 'force a generator', GENERATOR_CHOICES))
    .addOption(choiceOption('--gpu <backend>', 'where layers are computed', GPU_CHOICES).default('auto'));
  engineFlags(command);
  command
    .option('--out <folder>', 'where blocks.jsonl, result.json, .md and .html go', DEFAULT_FOLDER)
    .addOption(new Option('--resume', 'go on with a bench after its last block').conflicts('force'))
    .option('--force', 'replace a bench that exists')
    .option('--json', 'print the result as JSON in place of tables')
    .option('--quiet', 'no progress');
}

/** Sizes by rule; the quick ones end in a minute or two with the bundled model. */
export function benchSizes(options: BenchOptions, maxSequences: number) {
  const quick = options.quick === true;
  return {
    rounds: options.rounds ?? (quick ? 3 : 5),
    aloneRows: options.rows ?? (quick ? 2 : 4),
    fullChains: options.fullChains ?? (quick ? 1 : 2) * maxSequences,
  };
}

/** Levels where none are named. */
export function benchLevels(options: BenchOptions, similar: boolean): ScalingLevel[] {
  const level = (individual: number, prototype = 0): ScalingLevel => ({ individual, prototype });
  if (options.quick === true) return [level(1), level(4), level(8), ...(similar ? [level(4, 2)] : [])];
  return [level(1), level(8), level(16), level(32), ...(similar ? [level(8, 4), level(16, 8)] : [])];
}

/** Every level, with adaptive stopping beside it where it may stop early. Errors: `INVALID_OPTION` where one that is named may not. */
export function benchVariants(
  levels: readonly ScalingLevel[],
  adaptiveLevels: readonly ScalingLevel[] | null,
  risk: number | 'off',
): Variant[] {
  const plain = levels.map((level): Variant => ({ level, adaptive: null }));
  if (risk === 'off') return plain;
  const stopping = stoppingLevels(adaptiveLevels ?? levels);
  const never = adaptiveLevels?.find((level) => !stopping.includes(level));
  if (never !== undefined)
    throw refused(`${levelName(never)} has too few chains to stop early; leave it out of --adaptive-levels`);
  const adaptive = stopping.map((level): Variant => ({ level, adaptive: risk }));
  const named = (variant: Variant): string => levelName(variant.level);
  const beside = plain.flatMap((one) => [one, ...adaptive.filter((other) => named(other) === named(one))]);
  return [...beside, ...adaptive.filter((one) => !beside.includes(one))];
}

/** Refuses options that do not go together. Errors: `INVALID_OPTION`. */
export function checkBenchOptions(options: BenchOptions, levels: readonly ScalingLevel[]): void {
  const similar = levels.some(({ prototype }) => prototype > 0);
  if (similar && options.bank === undefined)
    throw refused('a level with pro-N needs a prototype bank; name it with --bank BANK');
  if (!similar && options.bank !== undefined)
    throw refused('--bank has no part where no level has pro-N; add one to --levels');
  if (options.bank === undefined && options.embedder !== undefined)
    throw refused('--embedder is that of a bank; name the bank with --bank');
  if ((options.priceInput === undefined) !== (options.priceOutput === undefined))
    throw refused('--price-input and --price-output go together; give both or none');
  if (options.priceCachedInput !== undefined && options.priceInput === undefined)
    throw refused('--price-cached-input goes with --price-input and --price-output');
  if (options.adaptive === 'off' && options.adaptiveLevels !== undefined)
    throw refused('--adaptive-levels has no part where --adaptive is off');
}

/** The prices that were given. */
export function pricesOf(options: BenchOptions): Prices {
  return {
    perHour: options.pricePerHour ?? null,
    input: options.priceInput ?? null,
    cachedInput: options.priceCachedInput ?? null,
    output: options.priceOutput ?? null,
  };
}

function refused(message: string): PgenrmError {
  return new PgenrmError('INVALID_OPTION', message);
}

// `pgenrm prototypes`: builds a prototype bank, shows what is in one, draws a map of it.
// Knows the command line and which models are loaded; the work is `src/prototypes`.

import { type Command, InvalidArgumentError, Option } from 'commander';
import {
  FORMAT_NAMES,
  type FormatName,
  openPreferenceData,
  type PreferenceData,
} from '../data/preference-data.js';
import type { Embedder } from '../generator/embedder.js';
import type { Generator } from '../generator/generator.js';
import { writeAtomically } from '../output/atomic-file.js';
import { resolveTemplate } from '../prompt/template.js';
import { PrototypeBank } from '../prototypes/bank.js';
import { BUILD_RANGES, buildBank } from '../prototypes/build-bank.js';
import { inspectBank } from '../prototypes/inspect-bank.js';
import { mapBank } from '../prototypes/map-bank.js';
import { GENERATOR_CHOICES, GPU_CHOICES, LOAD_RANGES } from '../reward-model/reward-model.js';
import { EXIT } from './exit-code.js';
import { InterruptWatch, STOPPING_TEXT } from './interrupt.js';
import { choiceOption, numberIn, numberOption } from './option-parsers.js';
import { buildProgress, buildText, inspectionText } from './prototypes-text.js';
import type { CommandContext } from './run-cli.js';

const POOLING_CHOICES = ['auto', 'mean', 'cls', 'last'] as const;

interface BuildCommandOptions {
  readonly users?: string;
  readonly split?: string;
  readonly format?: FormatName;
  readonly out: string;
  readonly k: number | 'auto';
  readonly model: string;
  readonly template?: string;
  readonly embedder?: string;
  readonly pooling?: (typeof POOLING_CHOICES)[number];
  readonly seed: number;
  readonly limit?: number;
  readonly refine: boolean;
  readonly temperature: number;
  readonly maxTokens?: number;
  readonly historyEvents?: number;
  readonly refineEvents?: number;
  readonly attempts?: number;
  readonly restarts?: number;
  readonly generator?: (typeof GENERATOR_CHOICES)[number];
  readonly gpu: (typeof GPU_CHOICES)[number];
  readonly threads?: number;
  readonly context?: number;
  readonly concurrency?: number;
  readonly force?: true;
  readonly quiet?: true;
  readonly jsonProgress?: true;
}

/** A model file that was found and checked. */
export interface FoundModel {
  readonly path: string;
  readonly sha256: string;
  /** GGUF metadata, which may name a template. */
  readonly metadata: ReadonlyMap<string, string>;
}

/** How the command gets at models; tests put their own in place. */
export interface PrototypesHost {
  findModel(spec: string, signal: AbortSignal): Promise<FoundModel>;
  loadGenerator(path: string, options: BuildCommandOptions, signal: AbortSignal): Promise<Generator>;
  loadEmbedder(
    path: string,
    pooling: (typeof POOLING_CHOICES)[number],
    options: BuildCommandOptions,
    signal: AbortSignal,
  ): Promise<Embedder>;
}

/** Adds `pgenrm prototypes build`, `inspect` and `map`. */
export function prototypesCommand(
  program: Command,
  context: CommandContext,
  host: PrototypesHost = MODELS,
): void {
  const prototypes = program
    .command('prototypes')
    .description('Builds, shows and draws prototype banks: groups of similar users.');
  prototypes
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
    )
    .option('--model <model>', 'nano (bundled), a path, or an hf: address', 'nano')
    .option('--template <template>', "a template's name or file; default: the model's own, else standard")
    .option('--embedder <model>', 'a GGUF that embeds; default: the model itself')
    .addOption(
      choiceOption(
        '--pooling <kind>',
        'how tokens become one vector; default mean for the model itself, else auto',
        POOLING_CHOICES,
      ),
    )
    .addOption(numberOption('--seed <n>', 'seed of chains and clusters', BUILD_RANGES.seed).default(0))
    .addOption(numberOption('--limit <n>', 'only the first n rows', BUILD_RANGES.limit))
    .option('--no-refine', 'keep the k-means centres as prototypes')
    .addOption(numberOption('--temperature <t>', '0 is greedy', BUILD_RANGES.temperature).default(1))
    .addOption(
      numberOption(
        '--max-tokens <n>',
        'new tokens a chain; default 3072 or half the context',
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
    .addOption(choiceOption('--generator <kind>', 'force a generator', GENERATOR_CHOICES))
    .addOption(choiceOption('--gpu <backend>', 'where layers are computed', GPU_CHOICES).default('auto'))
    .addOption(numberOption('--threads <n>', 'CPU threads', LOAD_RANGES.threads))
    .addOption(
      numberOption('--context <n>', 'tokens of prompt and answer together', LOAD_RANGES.contextTokens),
    )
    .addOption(numberOption('--concurrency <n>', 'rows in flight', BUILD_RANGES.concurrency))
    .option('--force', 'replace a bank, or an unfinished build, of other data or options')
    .option('--quiet', 'no progress and no summary')
    .option('--json-progress', 'progress as JSON lines on standard error')
    .action(async (train: string, options: BuildCommandOptions) => {
      context.end(await build(train, options, context, host));
    });
  prototypes
    .command('inspect')
    .description("Shows each prototype's size, cohesion, nearest members and what its members value.")
    .argument('<bank>', 'the folder of a bank')
    .addOption(
      numberOption('--nearest <n>', 'members listed a prototype', {
        integer: true,
        min: 0,
        max: 1000,
      }).default(3),
    )
    .addOption(
      numberOption('--criteria <n>', 'criteria listed a prototype', {
        integer: true,
        min: 0,
        max: 1000,
      }).default(5),
    )
    .option('--json', 'as one JSON object')
    .action(async (path: string, options: { nearest: number; criteria: number; json?: true }) => {
      using watch = new InterruptWatch(() => context.err.write(STOPPING_TEXT));
      await using bank = await PrototypeBank.open(path);
      const { nearest, criteria } = options;
      const described = await inspectBank(bank, { nearest, criteria, signal: watch.signal });
      const { manifest, additions } = bank;
      context.out.write(
        options.json
          ? `${JSON.stringify({ manifest, additions, prototypes: described }, null, 2)}\n`
          : inspectionText(bank, described),
      );
    });
  prototypes
    .command('map')
    .description('Draws users and prototypes in the plane in which they differ most, as SVG.')
    .argument('<bank>', 'the folder of a bank')
    .requiredOption('--out <file>', 'where the picture goes')
    .addOption(
      numberOption('--limit <n>', 'most users drawn', { integer: true, min: 1, max: 100_000 }).default(2000),
    )
    .action(async (path: string, { out, limit }: { out: string; limit: number }) => {
      using watch = new InterruptWatch(() => context.err.write(STOPPING_TEXT));
      await using bank = await PrototypeBank.open(path);
      await writeAtomically(out, await mapBank(bank, { users: limit, signal: watch.signal }));
      context.out.write(`wrote ${out}\n`);
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
  host: PrototypesHost,
): Promise<number> {
  const progress = buildProgress(context.err, progressKind(options, context));
  using watch = new InterruptWatch(progress.stopping);
  const { signal } = watch;
  const named = options.template === undefined ? undefined : await resolveTemplate(options.template);
  const data = await openTraining(train, options);
  signal.throwIfAborted();
  const model = await host.findModel(options.model, signal);
  const itself = options.embedder === undefined;
  const embedder = itself ? model : await host.findModel(options.embedder!, signal);
  const pooling = options.pooling ?? (itself ? 'mean' : 'auto');
  try {
    const { manifest, built } = await buildBank({
      data,
      out: options.out,
      judge: {
        sha256: model.sha256,
        template: named ?? (await resolveTemplate(undefined, model.metadata)),
        load: () => host.loadGenerator(model.path, options, signal),
      },
      embedder: {
        sha256: embedder.sha256,
        pooling,
        load: () => host.loadEmbedder(embedder.path, pooling, options, signal),
      },
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
    if (!options.quiet && !options.jsonProgress) context.err.write(buildText(options.out, manifest, built));
    return manifest.failedRows.length === 0 ? EXIT.ok : EXIT.incomplete;
  } finally {
    progress.close();
  }
}

/** Rows of the split that is asked for, else of `train`, else all. */
async function openTraining(path: string, options: BuildCommandOptions): Promise<PreferenceData> {
  const common = {
    ...(options.users === undefined ? {} : { users: options.users }),
    ...(options.format === undefined ? {} : { format: options.format }),
  };
  if (options.split !== undefined) return openPreferenceData(path, { ...common, split: options.split });
  const all = await openPreferenceData(path, common);
  return all.splits.includes('train') && all.splits.length > 1
    ? openPreferenceData(path, { ...common, split: 'train' })
    : all;
}

function progressKind(
  options: BuildCommandOptions,
  context: CommandContext,
): 'none' | 'json' | 'bar' | 'lines' {
  if (options.jsonProgress) return 'json';
  if (options.quiet) return 'none';
  return context.err.isTTY === true ? 'bar' : 'lines';
}

const MODELS: PrototypesHost = {
  async findModel(spec, signal) {
    const { resolveModel } = await import('../model-file/model-file.js');
    const { path, sha256, facts } = await resolveModel(spec, { signal });
    return { path, sha256, metadata: facts.metadata };
  },
  async loadGenerator(modelPath, { generator, gpu, threads, context }, signal) {
    const { loadGenerator } = await import('../generator/choose.js');
    return loadGenerator({
      modelPath,
      gpu,
      signal,
      ...(generator === undefined ? {} : { generator }),
      ...(threads === undefined ? {} : { threads }),
      ...(context === undefined ? {} : { contextTokens: context }),
    });
  },
  async loadEmbedder(modelPath, pooling, { gpu, threads }, signal) {
    const { loadNativeEmbedder } = await import('../generator/native-embedder.js');
    return loadNativeEmbedder({
      modelPath,
      pooling,
      gpu,
      signal,
      ...(threads === undefined ? {} : { threads }),
    });
  },
};

// `pgenrm bench scaling`: measures what each scaling level costs and writes the result.
// Knows the command line and the parts of a bench; not how anything is measured.

import { join } from 'node:path';
import type { Command } from 'commander';
import { type EnergyReading, readEnergy } from '../../cost/machine/energy.js';
import { GpuWatch, gpuFacts } from '../../cost/machine/gpu-watch.js';
import { load as machineLoad } from '../../cost/machine/machine.js';
import { type ModelCost, readModelCost } from '../../cost/machine/model-cost.js';
import { identityOf } from '../../cost/measure/bench-header.js';
import type {
  BenchBank,
  BenchEvent,
  OpenedModel,
  ScalingBenchOptions,
} from '../../cost/measure/bench-options.js';
import { BenchStore } from '../../cost/measure/bench-store.js';
import { MeteredGenerator } from '../../cost/measure/metered-generator.js';
import { benchRows, runScalingBench } from '../../cost/measure/scaling-bench.js';
import { readAccuracies } from '../../cost/result/eval-accuracies.js';
import { resultOf } from '../../cost/result/figures.js';
import { BENCH_FILES, resultText, writeResult } from '../../cost/result/write-result.js';
import type { PreferenceRow } from '../../data/preference-data.js';
import { messageOf } from '../../errors.js';
import { overlapWith, withoutUsers } from '../../evaluation/chains/bank-overlap.js';
import { loadKernels } from '../../native/choose-kernels.js';
import { printable, printableJson } from '../../output/printable.js';
import { refuseSameFile } from '../../output/same-file.js';
import { type LoadedParts, loadParts } from '../../reward-model/load/load-parts.js';
import { type LoadOptions, RewardModel } from '../../reward-model/reward-model.js';
import type { CommandContext } from '../command-context.js';
import { levelsOf } from '../eval/eval-options.js';
import { addFlags } from '../options/add-flags.js';
import { openJudgedData } from '../options/judged-data.js';
import { loadOptions, modelInputs } from '../options/model-options.js';
import { mayColour } from '../terminal/console-streams.js';
import { EXIT } from '../terminal/exit-code.js';
import { Interruption, InterruptWatch, STOPPING_TEXT } from '../terminal/interrupt.js';
import {
  BENCH_SCALING_FLAGS,
  type BenchOptions,
  benchLevels,
  benchSizes,
  benchVariants,
  checkBenchOptions,
  pricesOf,
} from './bench-options.js';

/** Where the command gets what it measures; tests put their own in place. */
export interface BenchHost {
  readonly loadParts: (options: LoadOptions) => Promise<LoadedParts>;
  readonly modelCost: (path: string) => Promise<ModelCost>;
  /** Counters of the processor's energy at this moment. */
  readonly energy: () => EnergyReading | null;
  /** Hash of the library that decodes; null where the generator brings its own. */
  readonly libraryHash: (options: BenchOptions) => Promise<string | null>;
}

/** Adds `bench scaling` to the group. */
export function benchScalingCommand(group: Command, context: CommandContext, host: BenchHost = MODELS): void {
  const command = group
    .command('scaling')
    .description(
      'What each scaling level costs on this machine: time, tokens, memory, energy, accuracy, with intervals from repeated runs in random order.',
    );
  addFlags(command, BENCH_SCALING_FLAGS).action(async (_: unknown, self: Command) => {
    const options = self.optsWithGlobals<BenchOptions>();
    context.end(await benchScaling(options, context, host));
  });
}

async function benchScaling(
  options: BenchOptions,
  context: CommandContext,
  host: BenchHost,
): Promise<number> {
  const levels = levelsOf(options.levels) ?? benchLevels(options, options.bank !== undefined);
  const adaptiveLevels = levelsOf(options.adaptiveLevels);
  checkBenchOptions(options, [...levels, ...(adaptiveLevels ?? [])]);
  using watch = new InterruptWatch(() => context.err.write(STOPPING_TEXT));
  const { signal } = watch;
  const loadAtStart = machineLoad();
  // What costs little is checked first: a wrong folder shall not cost the loading of a model.
  await refuseSameFile(
    Object.values(BENCH_FILES).map((name) => join(options.out, name)),
    { data: options.data, 'users file': options.users, ...modelInputs(options) },
  );
  await using store = await BenchStore.open(
    join(options.out, BENCH_FILES.blocks),
    options.force ? 'overwrite' : options.resume ? 'resume' : 'new',
  );
  const { data, split } = await openJudgedData(options.data, options);
  const rows = await benchRows(data, options.limit);
  await using models = new Models(() => openModel(options, rows, host, signal));
  const { bank, ...opened } = await models.next();
  const { model } = opened;
  const cost = await host.modelCost(model.modelInfo.name).catch((error: unknown) => {
    context.err.write(`no FLOPs and no bytes of KV: ${messageOf(error)}\n`);
    return null;
  });
  const sizes = benchSizes(options, model.generatorInfo.samplesAtOnce);
  const gpus = await GpuWatch.start();
  try {
    const bench: ScalingBenchOptions = {
      data,
      split: split ?? null,
      rows,
      opened,
      reopen: () => models.next(),
      store,
      variants: benchVariants(levels, adaptiveLevels, options.adaptive),
      bank,
      ...sizes,
      minutes: options.minutes ?? null,
      checksMeasuring: options.checkMeasuring === true,
      seed: options.seed,
      judge: {
        temperature: options.temperature,
        grammar: options.grammar,
        ...(options.maxTokens === undefined ? {} : { maxTokens: options.maxTokens }),
        ...(options.historyEvents === undefined ? {} : { historyEvents: options.historyEvents }),
      },
      cost,
      modelNote: options.modelNote ?? null,
      libraryHash: await host.libraryHash(options),
      gpuFacts: await gpuFacts(),
      gpus,
      energy: host.energy,
      signal,
      onEvent: options.quiet ? () => undefined : (event) => say(context, event),
    };
    const accuracies =
      options.accuracy === undefined ? undefined : await readAccuracies(options.accuracy, identityOf(bench));
    const outcome = await runScalingBench(bench);
    const result = await resultOf(outcome.stored, {
      kernels: await loadKernels(),
      status: outcome.status,
      rounds: sizes.rounds,
      load: loadAtStart,
      prices: pricesOf(options),
      ...(accuracies === undefined ? {} : { accuracies }),
      failedBlocks: outcome.failedBlocks,
    });
    const { files, withoutPictures } = await writeResult(options.out, result);
    context.out.write(
      options.json ? `${printableJson(result, 2)}\n` : resultText(result, mayColour(context.out)),
    );
    if (withoutPictures !== null) context.err.write(`no pictures: ${withoutPictures}\n`);
    if (!options.quiet) context.err.write(`wrote ${printable(files.join(', '))}\n`);
    if (outcome.status === 'stopped') {
      context.err.write('the same command with --resume goes on\n');
      return signal.reason instanceof Interruption ? signal.reason.exitCode : EXIT.incomplete;
    }
    const whole = result.header.skipped.length === 0 && result.failedBlocks.length === 0;
    return whole ? EXIT.ok : EXIT.incomplete;
  } finally {
    gpus?.close();
  }
}

interface ModelAndBank extends OpenedModel {
  readonly bank: BenchBank | null;
}

/** One model at a time: the next is loaded once the last is closed. */
class Models implements AsyncDisposable {
  readonly #open: () => Promise<ModelAndBank>;
  #opened: ModelAndBank | null = null;

  constructor(open: () => Promise<ModelAndBank>) {
    this.#open = open;
  }

  async next(): Promise<ModelAndBank> {
    await this[Symbol.asyncDispose]();
    this.#opened = await this.#open();
    return this.#opened;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const opened = this.#opened;
    this.#opened = null;
    await opened?.model[Symbol.asyncDispose]();
  }
}

/** Loads model and bank; users who are judged are nobody's neighbours, or not their own. Errors: `BANK_MISMATCH` and those of loading. */
async function openModel(
  options: BenchOptions,
  rows: readonly PreferenceRow[],
  host: BenchHost,
  signal: AbortSignal,
): Promise<ModelAndBank> {
  const {
    generator: inside,
    bank: whole,
    ...rest
  } = await host.loadParts({
    ...loadOptions(options),
    signal,
  });
  const generator = new MeteredGenerator(inside);
  try {
    if (whole === undefined) return { model: await RewardModel.over(generator, rest), generator, bank: null };
    const judged = await overlapWith({ rows: () => rows }, whole, signal);
    const overlap = options.bankOverlap;
    const model = await RewardModel.over(generator, {
      ...rest,
      bank: overlap === 'exclude' ? withoutUsers(whole, judged) : whole,
      ownsBank: true,
    });
    // Chains of similar users cost what they cost with this model and template: another one's bank is not this bench's.
    whole.checkMadeWith({ modelSha256: model.modelSha256, templateHash: model.template.hash });
    const { manifest, additions, userCount } = whole;
    // A user who is judged is at least not their own neighbour.
    const barred = overlap === 'exclude' ? judged.size : Math.min(1, judged.size);
    const bank = { checksum: manifest.checksum, additions, overlap, users: userCount - barred };
    return { model, generator, bank };
  } catch (error) {
    await generator[Symbol.asyncDispose]();
    await rest.embedder?.[Symbol.asyncDispose]();
    await whole?.close();
    throw error;
  }
}

function say(context: CommandContext, event: BenchEvent): void {
  if (event.type === 'warmUp') context.err.write('warming up\n');
  else if (event.type === 'reopened')
    context.err.write(`round ${event.round + 1}: the model was loaded anew\n`);
  else if (event.type === 'started')
    context.err.write(`${event.blocks} blocks${event.done > 0 ? `, ${event.done} done before` : ''}\n`);
  else {
    const { block, ms, judged } = event.block;
    const each = judged === 0 ? '' : `, ${(ms / judged).toFixed(0)} ms a judgment`;
    context.err.write(`${event.done}/${event.blocks} ${block}: ${(ms / 1000).toFixed(2)} s${each}\n`);
  }
}

const MODELS: BenchHost = {
  loadParts,
  modelCost: readModelCost,
  energy: readEnergy,
  async libraryHash({ gpu }) {
    const { chooseLlama } = await import('../../generator/llama/llama-library.js');
    const { files } = await chooseLlama(gpu);
    return files === null ? null : shortHash(files.llama);
  },
};

async function shortHash(path: string): Promise<string> {
  const { hashFiles } = await import('../../model-file/file-hash.js');
  return (await hashFiles([path], { cacheFolder: null })).slice(0, 16);
}

// `pgenrm eval`: samples chains once, or takes stored ones, and says how good each level is.
// Knows the command line and the parts of an evaluation; not how figures are computed.

import { dirname, join } from 'node:path';
import type { Command } from 'commander';
import type { PrototypeBank } from '../../bank/bank.js';
import type { PreferenceData } from '../../data/preference-data.js';
import { userGroups } from '../../data/select-rows.js';
import {
  baselinesOfRows,
  baselinesSource,
  readBaselines,
  writeBaselines,
} from '../../evaluation/baselines/row-baselines.js';
import { overlapWith, withoutUsers } from '../../evaluation/chains/bank-overlap.js';
import { ChainsWriter, openChains, type StoredChains } from '../../evaluation/chains/chains-file.js';
import {
  type BankRecord,
  type SampleEvent,
  type SampleSummary,
  sampleChains,
} from '../../evaluation/chains/sample-chains.js';
import type { Control } from '../../evaluation/controls/personal.js';
import { type EvaluateOptions, evaluate } from '../../evaluation/evaluate.js';
import { type LearnedShare, learnShare } from '../../evaluation/figures/learn-share.js';
import { protocolOf } from '../../evaluation/protocol.js';
import type { EvaluationReport } from '../../evaluation/report/report.js';
import { terminalText } from '../../evaluation/report/report-text.js';
import { EVALUATION_FILES, writeReport } from '../../evaluation/report/write-report.js';
import { loadKernels } from '../../native/choose-kernels.js';
import { printable, printableJson } from '../../output/printable.js';
import { refuseSameFile } from '../../output/same-file.js';
import type { RunEvent } from '../../run/scoring/scoring-run.js';
import type { ScalingLevel } from '../../scaling/level.js';
import type { CommandContext } from '../command-context.js';
import { addFlags } from '../options/add-flags.js';
import { lookAtSignals, openJudgedData, type Signals } from '../options/judged-data.js';
import { loadOptions, modelInputs } from '../options/model-options.js';
import { checkQueue, checkShared, shareOut } from '../queue/share-out.js';
import { mayColour } from '../terminal/console-streams.js';
import { EXIT } from '../terminal/exit-code.js';
import { Interruption, InterruptWatch } from '../terminal/interrupt.js';
import { createProgress, type Progress } from '../terminal/progress.js';
import { type EvalHost, MODELS } from './eval-models.js';
import {
  checkEvalOptions,
  controlsOf,
  EVAL_FLAGS,
  type EvalOptions,
  evalJudgeOptions,
  figureOptions,
  levelsOf,
  risksOf,
  usualLevels,
} from './eval-options.js';

/** Adds `pgenrm eval`. */
export function evalCommand(program: Command, context: CommandContext, host: EvalHost = MODELS): void {
  const command = program
    .command('eval')
    .description(
      'Accuracy of scaling levels with intervals: chains of the largest level are sampled once a row and kept, smaller levels are derived from them.',
    )
    .argument('[data]', 'preference data (.jsonl, .jsonl.gz, .json, .parquet)');
  addFlags(command, EVAL_FLAGS).action(async (path: string | undefined, _: unknown, self: Command) => {
    const options = self.optsWithGlobals<EvalOptions>();
    const levels = levelsOf(options.levels);
    risksOf(options.adaptive);
    checkEvalOptions(path, levels, options, self);
    checkShared(options, self);
    if (options.out !== undefined) {
      const { chains, baselines, ...figures } = EVALUATION_FILES;
      const sampled = path === undefined ? [] : [chains, baselines];
      const outputs = [...sampled, ...Object.values(figures)];
      await refuseSameFile(
        outputs.map((name) => join(options.out!, name)),
        {
          data: path,
          'users file': options.users,
          'chains file': options.from,
          'chains file of validation rows': options.learnShare,
          ...(path === undefined ? {} : modelInputs(options)),
        },
      );
    }
    // Opened for its errors: a wrong file shall not cost the sampling of a data set.
    if (options.learnShare !== undefined) await openChains(options.learnShare);
    context.end(
      path === undefined
        ? await fromStored(options, levels, context)
        : await fromData(path, options, levels, context, host),
    );
  });
}

async function fromStored(
  options: EvalOptions,
  levels: readonly ScalingLevel[] | null,
  context: CommandContext,
): Promise<number> {
  using watch = new InterruptWatch(createProgress(context.err, 'none').stopping);
  return tell(options.from!, options, levels, context, watch.signal);
}

async function fromData(
  path: string,
  options: EvalOptions,
  levels: readonly ScalingLevel[] | null,
  context: CommandContext,
  host: EvalHost,
): Promise<number> {
  const progress = createProgress(context.err, progressKind(options, context));
  using watch = new InterruptWatch(progress.stopping);
  const { signal } = watch;
  const asked = levels ?? usualLevels({ individual: 8, prototype: options.bank === undefined ? 0 : 4 });
  // What costs little is checked first: a wrong folder shall not cost the loading of a model.
  await using writer = await ChainsWriter.open(
    join(options.out!, EVALUATION_FILES.chains),
    options.force ? 'overwrite' : options.resume ? 'resume' : 'new',
  );
  if (options.queue !== undefined) await checkQueue(options.queue);
  const { data, whole, split } = await openJudgedData(path, options, { limit: options.limit, signal });
  const signals = await lookAtSignals(data, options, context, signal);
  try {
    const summary = await sample({
      data,
      whole,
      split,
      asked,
      options,
      writer,
      context,
      host,
      progress,
      signal,
      signals,
    });
    progress.close();
    if (summary.status === 'stopped') {
      context.err.write(
        `${summary.done} of ${summary.rows} rows are sampled; the same command with --resume goes on\n`,
      );
      return signal.reason instanceof Interruption ? signal.reason.exitCode : EXIT.incomplete;
    }
    return await tell(writer.path, options, asked, context, signal);
  } finally {
    progress.close();
  }
}

interface Sampling {
  readonly data: PreferenceData;
  readonly whole: PreferenceData;
  readonly split: string | undefined;
  readonly asked: readonly ScalingLevel[];
  readonly options: EvalOptions;
  readonly writer: ChainsWriter;
  readonly context: CommandContext;
  readonly host: EvalHost;
  readonly progress: Progress;
  readonly signal: AbortSignal;
  readonly signals: Signals;
}

async function sample(sampling: Sampling): Promise<SampleSummary> {
  const { data, whole, split, asked, options, writer, context, host, progress, signal, signals } = sampling;
  let bank: BankRecord | undefined;
  const load = { ...loadOptions(options), signal, onProgress: progress.loading };
  const view = async (opened: PrototypeBank): Promise<PrototypeBank> => {
    const shared = await overlapWith(data, opened, signal);
    const overlap = options.bankOverlap;
    bank = { checksum: opened.manifest.checksum, additions: opened.additions, overlap, shared };
    return overlap === 'exclude' ? withoutUsers(opened, shared) : opened;
  };
  const groups = data.users === undefined ? new Map<string, string>() : await userGroups(data.users.path);
  await using shared =
    options.queue === undefined
      ? null
      : await shareOut({ address: options.queue, output: writer.path, withBank: false, signal }, progress);
  const models =
    shared !== null
      ? { model: shared.judge }
      : options.bank === undefined
        ? { model: await context.loadModel(load) }
        : await host.loadWithBank(load, view, options.seed);
  await using _model = models.model;
  const embedder = options.historyBy === 'alike' ? await host.loadEmbedder(options, signal) : null;
  await using _embedder = embedder?.model ?? null;
  signals.say();
  const controls = controlsOf(options.control);
  await keepBaselines(sampling, controls);
  const inBank = (user: string): string | undefined =>
    bank === undefined ? undefined : bank.shared.has(user) ? 'seen' : 'unseen';
  return await sampleChains({
    data,
    whole,
    ...(split === undefined ? {} : { split }),
    ...models,
    writer,
    protocol: protocolOf(data.format, options.protocol),
    levels: asked,
    ...(bank === undefined ? {} : { bank }),
    judge: evalJudgeOptions(options),
    controls,
    donors: options.donors,
    shown: {
      by: options.historyBy,
      ...(options.historyBudget === undefined ? {} : { budget: options.historyBudget }),
      ...(embedder === null ? {} : { embedder }),
    },
    groupOf: (user) => groups.get(user) ?? inBank(user),
    texts: options.texts === true,
    ...(options.limit === undefined ? {} : { limit: options.limit }),
    ...(options.concurrency === undefined ? {} : { concurrency: options.concurrency }),
    reorder: options.reorder,
    signal,
    onEvent(event) {
      const told = runEvent(event);
      shared?.follow(told);
      progress.onEvent(event.type === 'started' ? { ...told, ...signals.event } : told, shared?.note);
    },
  });
}

/** Writes what needs no model beside the chains, where anybody asks whether the judge is personal. */
async function keepBaselines(
  { data, whole, split, writer, options, signal }: Sampling,
  controls: readonly Control[],
): Promise<void> {
  if (controls.length === 0) return;
  const rows = await baselinesOfRows(whole, options.seed, signal);
  const of = { ...baselinesSource(data), split: split ?? null };
  await writeBaselines(join(dirname(writer.path), EVALUATION_FILES.baselines), of, rows);
}

/** Computes, writes and prints the report of a chains file. */
async function tell(
  path: string,
  options: EvalOptions,
  levels: readonly ScalingLevel[] | null,
  context: CommandContext,
  signal: AbortSignal,
): Promise<number> {
  const stored = await openChains(path);
  const { sampling } = stored.header.identity;
  const asked = levels ?? usualLevels(sampling);
  const figures = { ...figureOptions(options), kernels: await loadKernels() };
  const besides = join(dirname(path), EVALUATION_FILES.baselines);
  const baselines = await readBaselines(besides, stored.header.identity.data);
  const learnedShare = await learned(stored, asked, figures, options, context, signal);
  const report = await evaluate(stored, {
    ...figures,
    ...(learnedShare === undefined ? {} : { learnedShare }),
    ...(baselines === null ? {} : { baselines }),
    levels: asked,
    signal,
  });
  const { read, asked: askedRows } = report.rows;
  if (stored.cutBytes > 0 || read < askedRows) {
    const cut =
      stored.cutBytes > 0 ? `, and its last line is cut off (${stored.cutBytes} bytes are left out)` : '';
    context.err.write(
      `pgenrm: warning: ${printable(path)} holds ${read} of ${askedRows} rows${cut}; the figures are of those\n`,
    );
  }
  context.out.write(
    options.json ? `${printableJson(report, 2)}\n` : terminalText(report, mayColour(context.out)),
  );
  if (options.out !== undefined) {
    const { files, withoutPictures } = await writeReport(options.out, report);
    if (withoutPictures !== null) context.err.write(`no pictures: ${withoutPictures}\n`);
    if (!options.quiet && !options.jsonProgress) context.err.write(`wrote ${printable(files.join(', '))}\n`);
  }
  return exitCode(report);
}

/** The individual share of `--learn-share`, learned at the largest level asked for that has similar users. */
async function learned(
  stored: StoredChains,
  levels: readonly ScalingLevel[],
  figures: Omit<EvaluateOptions, 'levels'>,
  { learnShare: path, quiet, jsonProgress }: EvalOptions,
  context: CommandContext,
  signal: AbortSignal,
): Promise<LearnedShare | undefined> {
  if (path === undefined) return undefined;
  const size = ({ individual, prototype }: ScalingLevel): number =>
    prototype === 0 ? 0 : individual + prototype;
  const largest = levels.reduce((one, other) => (size(other) > size(one) ? other : one));
  const settings = { ...figures, aggregate: figures.aggregate ?? {} };
  const share = await learnShare(await openChains(path), stored, largest, settings, signal);
  if (quiet !== true && jsonProgress !== true)
    context.err.write(
      `individual share ${share.individualShare}, learned on ${share.rows} rows of ${printable(path)} at ${share.level}\n`,
    );
  return share;
}

function exitCode({ rows }: EvaluationReport): number {
  const whole = rows.failed === 0 && rows.invalid === 0 && rows.read >= rows.asked;
  return whole ? EXIT.ok : EXIT.incomplete;
}

function progressKind(options: EvalOptions, context: CommandContext): 'none' | 'json' | 'bar' | 'lines' {
  if (options.jsonProgress) return 'json';
  if (options.quiet) return 'none';
  return context.err.isTTY === true ? 'bar' : 'lines';
}

/** Sampling as the display of a run's progress knows it. */
function runEvent(event: SampleEvent): RunEvent {
  if (event.type === 'started')
    return { type: 'started', output: event.path, rows: event.rows, done: event.done };
  if (event.type === 'progress') return event;
  const { row, id, status, usedEvents, droppedEvents, tokens, ms } = event.row;
  const record = {
    row,
    ...(id === undefined ? {} : { id }),
    status: status === 'judged' ? ('scored' as const) : status,
    winner: null,
    tie: false,
    scores: null,
    usable: 0,
    lost: {},
    usedEvents,
    droppedEvents,
    tokens,
    ms,
  };
  return { type: 'row', record, done: event.done, rows: event.rows };
}

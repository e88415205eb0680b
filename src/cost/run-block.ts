// Runs one block of a bench and writes down what it took: time, tokens, memory, energy, judgments.
// Knows a metered model and rows; which blocks run, and what is computed of them, is decided elsewhere.

import { setMaxListeners } from 'node:events';
import type { PreferenceRow } from '../data/preference-data.js';
import { PgenrmError } from '../errors.js';
import type { EngineCounters } from '../generator/generator.js';
import type { JudgeOptions, Judgment } from '../reward-model/judgment.js';
import type { RewardModel } from '../reward-model/reward-model.js';
import { isRowError } from '../scoring-run/row-record.js';
import {
  type Block,
  blockName,
  firstRow,
  fullCounts,
  inFlight,
  type PlanSizes,
  type Probe,
  type Variant,
  variantName,
} from './bench-plan.js';
import type { BlockRecord, CounterDifferences, JudgmentRecord } from './bench-record.js';
import { type EnergyReading, joulesBetween, readEnergy } from './energy.js';
import type { GpuWatch } from './gpu-watch.js';
import {
  type MachineTicks,
  machineTicks,
  peakMemory,
  processorSeconds,
  resetPeakMemory,
  ticksBetween,
} from './machine.js';
import { emptyAccount, type MeteredGenerator, type RequestAccount } from './metered-generator.js';

/** What blocks run on. */
export interface BlockParts {
  readonly model: RewardModel;
  /** The generator of `model`. */
  readonly generator: MeteredGenerator;
  readonly rows: readonly PreferenceRow[];
  readonly sizes: PlanSizes;
  /** Rounds that are planned: they begin at rows that lie apart. */
  readonly rounds: number;
  readonly judge: JudgeOptions;
  readonly gpus: GpuWatch | null;
  readonly session: number;
  readonly signal: AbortSignal;
}

/** Runs a block. Rejects with the signal's reason where it aborts, and with errors that are no row's own. */
export async function runBlock(parts: BlockParts, block: Block): Promise<BlockRecord> {
  const started = new Date().toISOString();
  const resets = resetPeakMemory();
  // What an earlier block left in the cache would be a present to this one.
  parts.generator.forget();
  const clock = new Clock(parts);
  const timed =
    block.kind === 'probe'
      ? await runProbe(parts, block.probe, block.round, clock)
      : block.kind === 'alone'
        ? await runAlone(parts, block.variant, block.round, clock)
        : await runFull(parts, block.variant, block.round, clock, block.kind === 'full');
  return {
    block: blockName(block),
    round: block.round,
    kind: block.kind,
    variant: block.kind === 'probe' ? null : variantName(block.variant),
    probe: block.kind === 'probe' ? block.probe : null,
    session: parts.session,
    started,
    ...clock.read(),
    peakMemoryBytes: resets ? peakMemory() : null,
    judged: timed.length,
    judgments: timed,
  };
}

/** Everything that is read at the begin and the end of what is timed. */
class Clock {
  readonly #parts: BlockParts;
  #before: Moment;
  #after: Moment | null = null;
  #gpu: ReturnType<GpuWatch['take']> = null;

  constructor(parts: BlockParts) {
    this.#parts = parts;
    this.#before = this.#look();
  }

  begin(): void {
    this.#parts.gpus?.take();
    this.#before = this.#look();
  }

  end(): void {
    this.#after = this.#look();
    this.#gpu = this.#parts.gpus?.take() ?? null;
  }

  read(): Omit<
    BlockRecord,
    | 'block'
    | 'round'
    | 'kind'
    | 'variant'
    | 'probe'
    | 'session'
    | 'started'
    | 'peakMemoryBytes'
    | 'judged'
    | 'judgments'
  > {
    const [before, after] = [this.#before, this.#after];
    if (after === null) throw new PgenrmError('INTERNAL', 'a block ended without its clock being stopped');
    const ticks = ticksBetween(before.ticks, after.ticks);
    return {
      ms: after.at - before.at,
      processorSeconds:
        before.processor === null || after.processor === null ? null : after.processor - before.processor,
      stealShare: ticks?.stealShare ?? null,
      busyShare: ticks?.busyShare ?? null,
      gpuMemoryBytes: this.#gpu?.peakMemoryBytes ?? null,
      cpuJoules: joulesBetween(before.energy, after.energy),
      gpuJoules: this.#gpu?.joules ?? null,
      counters: differences(before.counters, after.counters),
      measuringMs: after.spentMs - before.spentMs + before.lookMs,
    };
  }

  #look(): Moment {
    const began = performance.now();
    const { generator } = this.#parts;
    const look = {
      ticks: machineTicks(),
      processor: processorSeconds(),
      energy: readEnergy(),
      counters: generator.counters(),
      spentMs: generator.spentMs,
    };
    const at = performance.now();
    return { ...look, at, lookMs: at - began };
  }
}

interface Moment {
  readonly at: number;
  readonly lookMs: number;
  readonly ticks: MachineTicks | null;
  readonly processor: number | null;
  readonly energy: EnergyReading | null;
  readonly counters: EngineCounters | null;
  readonly spentMs: number;
}

function differences(before: EngineCounters | null, after: EngineCounters | null): CounterDifferences | null {
  if (before === null || after === null) return null;
  return {
    steps: after.steps - before.steps,
    promptRows: after.promptRows - before.promptRows,
    sampleRows: after.sampleRows - before.sampleRows,
    rowCells: after.rowCells - before.rowCells,
    generatedTokens: after.generatedTokens - before.generatedTokens,
    preempted: after.preempted - before.preempted,
    decodeMs: after.decodeMs - before.decodeMs,
    drawMs: after.drawMs - before.drawMs,
  };
}

async function runAlone(
  parts: BlockParts,
  variant: Variant,
  round: number,
  clock: Clock,
): Promise<JudgmentRecord[]> {
  const records: JudgmentRecord[] = [];
  const first = firstRow(round, parts.rows.length, parts.rounds);
  clock.begin();
  for (let index = 0; index < parts.sizes.aloneRows; index += 1) {
    records.push(
      await judgeRow(parts, variant, first + index, seedOf(parts, round, index), parts.signal, true),
    );
  }
  clock.end();
  return records;
}

/**
 * Keeps as many judgments in flight as fill the generator, and times the span between two ends of judgments, so that
 * what is half done at its begin and at its end cancels. What is in flight afterwards is cancelled.
 */
async function runFull(
  parts: BlockParts,
  variant: Variant,
  round: number,
  clock: Clock,
  metered: boolean,
): Promise<JudgmentRecord[]> {
  const { before, timed } = fullCounts(variant, parts.sizes);
  const first = firstRow(round, parts.rows.length, parts.rounds);
  const enough = new AbortController();
  const stop = AbortSignal.any([parts.signal, enough.signal]);
  setMaxListeners(0, stop);
  const records: JudgmentRecord[] = [];
  let begun = 0;
  let ended = 0;
  const work = async (): Promise<void> => {
    while (!stop.aborted) {
      const index = begun;
      begun += 1;
      let record: JudgmentRecord;
      try {
        record = await judgeRow(parts, variant, first + index, seedOf(parts, round, index), stop, metered);
      } catch (error) {
        if (enough.signal.aborted && !parts.signal.aborted) return;
        enough.abort(error);
        throw error;
      }
      if (enough.signal.aborted) return;
      ended += 1;
      if (ended > before) records.push(record);
      if (ended === before) clock.begin();
      if (ended === before + timed) {
        clock.end();
        enough.abort(ENOUGH);
      }
    }
  };
  const workers = Array.from({ length: inFlight(variant, parts.sizes) }, work);
  const outcomes = await Promise.allSettled(workers);
  parts.signal.throwIfAborted();
  const failed = outcomes.find((outcome) => outcome.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
  return records;
}

const ENOUGH = new DOMException('the block is done', 'AbortError');

/** Every round draws anew, and so does every judgment of a block; modes and levels of a round draw alike. */
function seedOf(parts: BlockParts, round: number, index: number): number {
  return ((parts.judge.seed ?? 0) + 1000003 * (round + 2) + index) >>> 0;
}

async function judgeRow(
  parts: BlockParts,
  { level, adaptive }: Variant,
  number: number,
  seed: number,
  signal: AbortSignal,
  metered: boolean,
): Promise<JudgmentRecord> {
  const row = parts.rows[number % parts.rows.length]!;
  const options: JudgeOptions = {
    ...parts.judge,
    individual: level.individual,
    ...(level.prototype === 0 ? {} : { prototypes: level.prototype }),
    ...(adaptive === null ? {} : { adaptive }),
    seed,
    signal,
  };
  const input = {
    id: row.id,
    user: row.user,
    context: row.item.context,
    candidates: row.item.candidates,
  };
  const began = performance.now();
  let firstChainMs: number | null = null;
  const onEvent: JudgeOptions['onEvent'] = ({ type }) => {
    if (type === 'chain') firstChainMs ??= performance.now() - began;
  };
  try {
    if (!metered) {
      const judgment = await parts.model.judge(input, options);
      return recordOf(row, performance.now() - began, null, emptyAccount(), judgment);
    }
    const { result, account } = await parts.generator.account(() =>
      parts.model.judge(input, { ...options, onEvent }),
    );
    return recordOf(row, performance.now() - began, firstChainMs, account, result);
  } catch (error) {
    if (signal.aborted || !isRowError(error)) throw error;
    return {
      ...recordOf(row, performance.now() - began, null, emptyAccount(), null),
      error: (error as PgenrmError).code,
    };
  }
}

function recordOf(
  row: PreferenceRow,
  ms: number,
  firstChainMs: number | null,
  account: RequestAccount,
  judgment: Judgment | null,
): JudgmentRecord {
  const lost = judgment === null ? 0 : judgment.chains.length - judgment.usable;
  return {
    row: row.number,
    user: row.userId ?? null,
    ms,
    firstChainMs,
    prompt: account.promptTokens,
    unshared: account.unsharedPromptTokens,
    decoded: account.decodedPromptTokens,
    distinct: account.distinctPromptTokens,
    // Of requests that adaptive stopping cancelled the judgment counts the chains that had ended.
    generated: judgment?.tokens.generated ?? 0,
    requests: account.requests,
    used: judgment?.usable ?? 0,
    lost,
    saved: judgment?.scaling.saved ?? 0,
    chainTokens: judgment?.chains.map(({ tokens }) => tokens) ?? [],
    correct: correctOf(row, judgment),
    error: null,
  };
}

function correctOf({ label }: PreferenceRow, judgment: Judgment | null): number | null {
  if (label === undefined) return null;
  if (judgment === null || judgment.status === 'failed') return 0;
  return judgment.tie ? 0.5 : judgment.winner === label ? 1 : 0;
}

async function runProbe(
  { generator, rows, signal }: BlockParts,
  probe: Probe,
  round: number,
  clock: Clock,
): Promise<JudgmentRecord[]> {
  const prompt = probePrompt(generator, rows, probe, round);
  const seeds = Array.from({ length: probe.samples }, (_, index) => index + 1);
  const { newTokens } = probe;
  clock.begin();
  const { usage } = await generator.generate({
    prompt,
    seeds,
    sampling: { temperature: 1, topP: 1, minP: 0 },
    minTokens: newTokens,
    maxTokens: newTokens,
    signal,
  });
  clock.end();
  if (usage.generatedTokens !== probe.samples * newTokens || usage.decodedPromptTokens > prompt.length) {
    throw new PgenrmError(
      'INTERNAL',
      `a request for ${probe.samples} x ${newTokens} tokens gave ${usage.generatedTokens}`,
    );
  }
  return [];
}

/** Tokens of the data's own texts, begun by a text that no other prompt begins with: nothing of it is shared. */
function probePrompt(
  { tokenizer }: MeteredGenerator,
  rows: readonly PreferenceRow[],
  { promptTokens, samples }: Probe,
  round: number,
): Int32Array {
  const texts = rows.flatMap(({ item }) => [
    ...item.context.map(({ content }) => content),
    ...item.candidates,
  ]);
  const own = tokenizer.tokenize(`${samples} of ${promptTokens} in ${round}: `);
  const tokens: number[] = [...own];
  for (let at = 0; tokens.length < promptTokens; at += 1) {
    const more = tokenizer.tokenize(` ${texts[at % texts.length]}`);
    for (const token of more) tokens.push(token);
  }
  return Int32Array.from(tokens.slice(0, promptTokens));
}

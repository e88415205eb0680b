// A bench of scaling levels from data and model to its file: warm-up, what fits, rounds of blocks, until done or stopped.
// Knows the order of things; blocks, figures and files each have their own.

import type { PreferenceData, PreferenceRow } from '../data/preference-data.js';
import { PgenrmError } from '../errors.js';
import { PACKAGE_VERSION } from '../package.js';
import type { JudgeOptions } from '../reward-model/judgment.js';
import type { RewardModel } from '../reward-model/reward-model.js';
import { isRowError } from '../scoring-run/row-record.js';
import {
  type Block,
  blockName,
  chainsOf,
  inFlight,
  type PlanSizes,
  roundBlocks,
  roundTasks,
  taskName,
  usualProbes,
  type Variant,
  variantName,
} from './bench-plan.js';
import type { BenchHeader, BlockRecord, SkippedVariant } from './bench-record.js';
import type { BenchStore, StoredBench } from './bench-store.js';
import type { GpuFacts, GpuWatch } from './gpu-watch.js';
import { machineFacts } from './machine.js';
import type { MeteredGenerator } from './metered-generator.js';
import { bytesOfCell, type ModelCost } from './model-cost.js';
import type { PeakShape } from './peak.js';
import { type BlockParts, runBlock } from './run-block.js';

/** The bank that similar users come from, as far as a bench records it. */
export interface BenchBank {
  readonly checksum: string;
  readonly additions: number;
  /** Users of the bank who may be neighbours. */
  readonly users: number;
}

/** What is measured, with what, and where it goes. */
export interface ScalingBenchOptions {
  readonly data: PreferenceData;
  readonly split: string | null;
  /** Most rows, from the first. */
  readonly rows: number;
  /** Over `generator`; holds the bank where a level has similar users. */
  readonly model: RewardModel;
  readonly generator: MeteredGenerator;
  readonly store: BenchStore;
  readonly variants: readonly Variant[];
  readonly bank: BenchBank | null;
  readonly rounds: number;
  /** No round begins that would not end within so many minutes; at least two are made. Null: all rounds. */
  readonly minutes: number | null;
  readonly aloneRows: number;
  readonly fullChains: number;
  readonly checksMeasuring: boolean;
  readonly seed: number;
  readonly judge: Omit<
    JudgeOptions,
    'individual' | 'prototypes' | 'adaptive' | 'seed' | 'signal' | 'onEvent'
  >;
  readonly peak: PeakShape;
  /** Null where the model file's header cannot be read. */
  readonly cost: ModelCost | null;
  readonly modelNote: string | null;
  readonly libraryHash: string | null;
  readonly gpuFacts: GpuFacts | null;
  readonly gpus: GpuWatch | null;
  readonly signal: AbortSignal;
  readonly onEvent?: (event: BenchEvent) => void;
}

/** What a bench reports while it goes on. */
export type BenchEvent =
  | { readonly type: 'warmUp' }
  | { readonly type: 'started'; readonly path: string; readonly blocks: number; readonly done: number }
  | { readonly type: 'block'; readonly block: BlockRecord; readonly done: number; readonly blocks: number };

/** How a bench ended. */
export interface BenchOutcome {
  readonly status: 'finished' | 'stopped' | 'outOfTime';
  readonly stored: StoredBench;
  readonly failedBlocks: readonly { readonly name: string; readonly reason: string }[];
}

/**
 * Runs a bench, or goes on with it, until all rounds are done, the time is used up or the signal aborts; what was measured
 * is kept in its file. Errors: `INPUT_MALFORMED` (no rows), `OUT_OF_MEMORY` (no level fits), `RUN_MISMATCH`,
 * `OUTPUT_FAILED`, the error of the first rows where none of them can be judged, and what ends a generator.
 */
export async function runScalingBench(options: ScalingBenchOptions): Promise<BenchOutcome> {
  const { store, signal, onEvent, seed } = options;
  const rows = await readRows(options);
  const info = options.generator.info;
  const sizes: PlanSizes = {
    aloneRows: options.aloneRows,
    fullChains: options.fullChains,
    maxSequences: info.maxSequences,
    contextTokens: info.contextTokens,
  };
  onEvent?.({ type: 'warmUp' });
  const parts: BlockParts = { ...options, rows, sizes, judge: { ...options.judge, seed }, session: 0 };
  const seen = await warmUp(parts, options.variants);
  const { fitting, skipped } = whatFits(options, seen);
  if (fitting.length === 0) {
    throw new PgenrmError(
      'OUT_OF_MEMORY',
      `no level fits: ${skipped.map(({ name, reason }) => `${name}: ${reason}`).join('; ')}; choose smaller levels or a smaller context`,
    );
  }
  const stored = await store.start(headerOf(options, rows.length, fitting, skipped));
  const done = new Map(stored.blocks.map((block) => [block.block, block]));
  const probes = options.generator.counters() === null ? [] : usualProbes(sizes);
  const tasks = roundTasks(fitting, probes, options.checksMeasuring);
  const session = stored.blocks.reduce((most, block) => Math.max(most, block.session + 1), 0);
  const run = new Rounds({ ...parts, session }, options, done, tasks.length * options.rounds);
  onEvent?.({ type: 'started', path: store.path, blocks: run.total, done: done.size });
  const status = await run.all((round) => roundBlocks(tasks, round, seed), signal);
  return {
    status,
    stored: { header: stored.header, blocks: [...done.values()] },
    failedBlocks: run.failed,
  };
}

/** Runs rounds of blocks and keeps what they give. */
class Rounds {
  readonly failed: { name: string; reason: string }[] = [];
  readonly total: number;
  readonly #parts: BlockParts;
  readonly #options: ScalingBenchOptions;
  readonly #done: Map<string, BlockRecord>;

  constructor(
    parts: BlockParts,
    options: ScalingBenchOptions,
    done: Map<string, BlockRecord>,
    total: number,
  ) {
    this.#parts = parts;
    this.#options = options;
    this.#done = done;
    this.total = total;
  }

  async all(blocksOf: (round: number) => Block[], signal: AbortSignal): Promise<BenchOutcome['status']> {
    const { rounds, minutes } = this.#options;
    const began = performance.now();
    let longest = 0;
    for (let round = 0; round < rounds; round += 1) {
      const elapsed = performance.now() - began;
      if (minutes !== null && round >= 2 && elapsed + longest > minutes * 60_000) return 'outOfTime';
      try {
        for (const block of blocksOf(round)) await this.#run(block);
      } catch (error) {
        if (!signal.aborted) throw error;
        return 'stopped';
      }
      longest = Math.max(longest, performance.now() - began - elapsed);
    }
    return 'finished';
  }

  async #run(block: Block): Promise<void> {
    const name = blockName(block);
    if (this.#done.has(name) || this.failed.some((one) => one.name === taskName(block))) return;
    const { store, onEvent, signal } = this.#options;
    signal.throwIfAborted();
    let record: BlockRecord;
    try {
      record = await runBlock(this.#parts, block);
    } catch (error) {
      signal.throwIfAborted();
      // Memory that runs short is a finding about this level; the others go on.
      if (!(error instanceof PgenrmError) || error.code !== 'OUT_OF_MEMORY') throw error;
      this.failed.push({ name: taskName(block), reason: error.message });
      return;
    }
    await store.append(record);
    this.#done.set(name, record);
    onEvent?.({ type: 'block', block: record, done: this.#done.size, blocks: this.total });
  }
}

async function readRows({ data, rows: most }: ScalingBenchOptions): Promise<PreferenceRow[]> {
  const rows: PreferenceRow[] = [];
  for await (const row of data.rows()) {
    if (row.kind === 'row') rows.push(row);
    if (rows.length >= most) break;
  }
  if (rows.length > 0) return rows;
  throw new PgenrmError('INPUT_MALFORMED', `${data.path} holds no rows that can be judged`);
}

/** What a judgment of the data is like. */
interface Seen {
  readonly longestChain: number;
  readonly promptTokens: number;
  /** Prompt tokens of one user's orders together. */
  readonly distinctTokens: number;
}

/** Rows that are tried before the error of the last one is taken for that of all. */
const TRIED_ROWS = 5;

/** Judges once or twice, not timed: threads start, pages come in, chains show their length. */
async function warmUp(parts: BlockParts, variants: readonly Variant[]): Promise<Seen> {
  const { generator, model, rows, judge, signal } = parts;
  const prototypes = variants.some(({ level }) => level.prototype > 0) ? 1 : 0;
  let last: unknown;
  for (const row of rows.slice(0, TRIED_ROWS)) {
    const input = { id: row.id, user: row.user, context: row.item.context, candidates: row.item.candidates };
    try {
      const { account } = await generator.account(() =>
        model.judge(input, {
          ...judge,
          individual: Math.max(2, row.item.candidates.length),
          ...(prototypes === 0 ? {} : { prototypes }),
          signal,
        }),
      );
      return {
        longestChain: Math.max(1, ...account.chainTokens),
        promptTokens: Math.max(...account.prompts.map(({ length }) => length)),
        distinctTokens: account.distinctPromptTokens,
      };
    } catch (error) {
      if (signal.aborted || !isRowError(error)) throw error;
      last = error;
    }
  }
  throw last;
}

/** Levels whose judgments have room, and what the others would need. */
function whatFits(
  { variants, generator, bank, cost }: ScalingBenchOptions,
  seen: Seen,
): { readonly fitting: Variant[]; readonly skipped: SkippedVariant[] } {
  const { kvCache, maxSequences } = generator.info;
  const fitting: Variant[] = [];
  const skipped: SkippedVariant[] = [];
  const megabytes = (cells: number): string =>
    cost === null ? '' : ` (${((cells * bytesOfCell(cost, kvCache)) / 1e6).toFixed(0)} MB)`;
  for (const variant of variants) {
    const { prototype } = variant.level;
    const chains = Math.min(chainsOf(variant), maxSequences);
    const need = seen.distinctTokens + prototype * seen.promptTokens + chains * seen.longestChain;
    const name = variantName(variant);
    if (kvCache !== undefined && need > kvCache.cells) {
      skipped.push({
        name,
        reason: `a judgment needs ${need} KV cells${megabytes(need)}, there are ${kvCache.cells}${megabytes(kvCache.cells)}`,
      });
    } else if (bank !== null && prototype > bank.users) {
      skipped.push({
        name,
        reason: `it needs ${prototype} similar users, the bank has ${bank.users} who are not judged themselves`,
      });
    } else fitting.push(variant);
  }
  return { fitting, skipped };
}

function headerOf(
  options: ScalingBenchOptions,
  rows: number,
  fitting: readonly Variant[],
  skipped: readonly SkippedVariant[],
): BenchHeader {
  const { data, split, model, generator, bank, judge, seed, gpuFacts } = options;
  const { info, model: modelInfo } = generator;
  const machine = machineFacts();
  const settings = model.settings({ ...judge, seed });
  const { kvCache } = info;
  return {
    pgenrmBench: 1,
    pgenrm: PACKAGE_VERSION,
    created: new Date().toISOString(),
    identity: {
      machine: { cpu: machine.cpu, cores: machine.cores, gpus: gpuFacts?.names.join(', ') ?? 'none' },
      model: { sha256: model.modelSha256 },
      template: { name: model.template.name, hash: model.template.hash },
      data: {
        fingerprint: data.fingerprint,
        format: data.format,
        split,
        users: data.users?.fingerprint ?? null,
        rows,
      },
      bank: { checksum: bank?.checksum ?? null, additions: bank?.additions ?? null },
      generator: {
        kind: info.kind,
        llamaRelease: info.llamaRelease,
        backend: info.backend,
        contextTokens: info.contextTokens,
        maxSequences: info.maxSequences,
        threads: info.threads,
        kv: kvCache === undefined ? null : `${kvCache.layout} ${kvCache.type}`,
      },
      options: {
        levels: options.variants.map(variantName).join('; '),
        rows: options.aloneRows,
        fullChains: options.fullChains,
        checkMeasuring: options.checksMeasuring,
        seed,
        ...settings.sampling,
        maxTokens: settings.maxTokens,
        historyEvents: settings.historyEvents,
        grammar: settings.grammar,
        prefer: settings.prefer,
        retrieveBy: bank === null ? null : settings.retrieveBy,
      },
    },
    machine,
    driver: gpuFacts?.driver ?? null,
    libraryHash: options.libraryHash,
    model: {
      description: modelInfo.description,
      parameters: modelInfo.parameters,
      sizeBytes: modelInfo.sizeBytes,
      note: options.modelNote,
      cost: options.cost,
    },
    kvCache: kvCache ?? null,
    engine: { batch: info.batch ?? 512, prefillChunk: info.prefillChunk ?? 256 },
    peak: options.peak,
    variants: fitting.map((variant) => ({
      name: variantName(variant),
      ...variant.level,
      adaptive: variant.adaptive,
      inFlight: inFlight(variant, info),
    })),
    skipped,
    choices: info.choices,
  };
}

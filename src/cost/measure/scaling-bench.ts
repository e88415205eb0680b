// A bench of scaling levels from data and model to its file: warm-up, what fits, rounds of blocks, until done or stopped.
// Knows the order of things; blocks, figures and files each have their own.

import type { PreferenceData, PreferenceRow } from '../../data/preference-data.js';
import { PgenrmError } from '../../errors.js';
import { headerOf } from './bench-header.js';
import type { ScalingBenchOptions } from './bench-options.js';
import { type Block, blockName, type PlanSizes, roundBlocks, roundTasks, taskName } from './bench-plan.js';
import type { BlockRecord } from './bench-record.js';
import { warmUp, whatFits } from './bench-room.js';
import type { StoredBench } from './bench-store.js';
import { type BlockParts, runBlock } from './run-block.js';

/** How a bench ended. */
export interface BenchOutcome {
  readonly status: 'finished' | 'stopped' | 'outOfTime';
  readonly stored: StoredBench;
  readonly failedBlocks: readonly { readonly name: string; readonly reason: string }[];
}

/**
 * Runs a bench, or goes on with it, until all rounds are done, the time is used up or the signal aborts; what was measured
 * is kept in its file. Errors: `OUT_OF_MEMORY` (no level fits), `RUN_MISMATCH`,
 * `OUTPUT_FAILED`, the error of the first rows where none of them can be judged, and what ends a generator.
 */
export async function runScalingBench(options: ScalingBenchOptions): Promise<BenchOutcome> {
  const { store, signal, onEvent, seed, opened } = options;
  const { info } = opened.generator;
  const sizes: PlanSizes = {
    aloneRows: options.aloneRows,
    fullChains: options.fullChains,
    samplesAtOnce: info.samplesAtOnce,
  };
  onEvent?.({ type: 'warmUp' });
  const parts: BlockParts = { ...options, ...opened, sizes, judge: { ...options.judge, seed }, session: 0 };
  const seen = await warmUp(parts, options.variants);
  const { fitting, skipped } = whatFits(options, seen);
  if (fitting.length === 0) {
    throw new PgenrmError(
      'OUT_OF_MEMORY',
      `no level fits: ${skipped.map(({ name, reason }) => `${name}: ${reason}`).join('; ')}; choose smaller levels or a smaller context`,
    );
  }
  const stored = await store.start(headerOf(options, fitting, skipped));
  const done = new Map(stored.blocks.map((block) => [block.block, block]));
  const tasks = roundTasks(fitting, options.checksMeasuring);
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
  #parts: BlockParts;
  /** Whether a round has run since the model was loaded. */
  #used = false;
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
        const blocks = blocksOf(round).filter((block) => this.#isToDo(block));
        if (blocks.length > 0) await this.#begin(round);
        for (const block of blocks) await this.#run(block);
      } catch (error) {
        if (!signal.aborted) throw error;
        return 'stopped';
      }
      longest = Math.max(longest, performance.now() - began - elapsed);
    }
    return 'finished';
  }

  #isToDo(block: Block): boolean {
    return !this.#done.has(blockName(block)) && !this.failed.some(({ name }) => name === taskName(block));
  }

  /** Every round has a model of its own, as every run has. */
  async #begin(round: number): Promise<void> {
    const { reopen, variants, onEvent, signal } = this.#options;
    if (this.#used) {
      signal.throwIfAborted();
      this.#parts = { ...this.#parts, ...(await reopen()) };
      onEvent?.({ type: 'reopened', round });
      await warmUp(this.#parts, variants);
    }
    this.#used = true;
  }

  async #run(block: Block): Promise<void> {
    const name = blockName(block);
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

/** The first rows of the data that fit its format, at most so many. Errors: `INPUT_MALFORMED` where there are none. */
export async function benchRows(data: PreferenceData, most: number): Promise<PreferenceRow[]> {
  const rows: PreferenceRow[] = [];
  for await (const row of data.rows()) {
    if (row.kind === 'row') rows.push(row);
    if (rows.length >= most) break;
  }
  if (rows.length > 0) return rows;
  throw new PgenrmError('INPUT_MALFORMED', `${data.path} holds no rows that can be judged`);
}

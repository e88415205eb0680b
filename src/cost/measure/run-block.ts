// Runs one block of a bench and writes down what it took: time, tokens, memory, energy, judgments.
// Knows a metered model and rows; which blocks run, and what is computed of them, is decided elsewhere.

import { setMaxListeners } from 'node:events';
import type { PreferenceRow } from '../../data/preference-data.js';
import { peakMemory, resetPeakMemory } from '../machine/machine.js';
import {
  type Block,
  blockName,
  firstRow,
  fullCounts,
  inFlight,
  type PlanSizes,
  type Variant,
  variantName,
} from './bench-plan.js';
import type { BlockRecord, JudgmentRecord } from './bench-record.js';
import { BlockClock, type ClockParts } from './block-clock.js';
import { judgeRow, type RowJudge } from './judge-row.js';

/** What blocks run on. */
export interface BlockParts extends RowJudge, ClockParts {
  readonly rows: readonly PreferenceRow[];
  readonly sizes: PlanSizes;
  /** Rounds that are planned: they begin at rows that lie apart. */
  readonly rounds: number;
  readonly session: number;
  readonly signal: AbortSignal;
}

/** Runs a block. Rejects with the signal's reason where it aborts, and with errors that are no row's own. */
export async function runBlock(parts: BlockParts, block: Block): Promise<BlockRecord> {
  const started = new Date().toISOString();
  const resets = resetPeakMemory();
  // What an earlier block left in the cache would be a present to this one.
  parts.generator.forget();
  const clock = new BlockClock(parts);
  const timed =
    block.kind === 'alone'
      ? await runAlone(parts, block.variant, block.round, clock)
      : await runFull(parts, block.variant, block.round, clock, block.kind === 'full');
  return {
    block: blockName(block),
    round: block.round,
    kind: block.kind,
    variant: variantName(block.variant),
    session: parts.session,
    started,
    ...clock.read(),
    peakMemoryBytes: resets ? peakMemory() : null,
    judged: timed.length,
    judgments: timed,
  };
}

async function runAlone(
  parts: BlockParts,
  variant: Variant,
  round: number,
  clock: BlockClock,
): Promise<JudgmentRecord[]> {
  const records: JudgmentRecord[] = [];
  const first = firstRow(round, parts.rows.length, parts.rounds);
  clock.begin();
  for (let index = 0; index < parts.sizes.aloneRows; index += 1) {
    const task = { ...variant, seed: seedOf(parts, round, index), signal: parts.signal, metered: true };
    records.push(await judgeRow(parts, rowAt(parts, first + index), task));
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
  clock: BlockClock,
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
        const task = { ...variant, seed: seedOf(parts, round, index), signal: stop, metered };
        record = await judgeRow(parts, rowAt(parts, first + index), task);
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

const rowAt = ({ rows }: BlockParts, number: number): PreferenceRow => rows[number % rows.length]!;

/** Every round draws anew, and so does every judgment of a block; modes and levels of a round draw alike. */
function seedOf(parts: BlockParts, round: number, index: number): number {
  return ((parts.judge.seed ?? 0) + 1000003 * (round + 2) + index) >>> 0;
}

// Reads stored rows once and adds up what every figure is made of.
// Keeps numbers, never chains or texts.

import type { Readout } from '../guided/decoding.js';
import type { IntervalSettings } from '../statistics/cluster-interval.js';
import type { BaselinesByRow } from './baselines/row-baselines.js';
import { rowKey, type StoredChains } from './chains/chains-file.js';
import type { ChainsRow } from './chains/chains-record.js';
import { readAgain } from './chains/read-again.js';
import { PersonalTally } from './controls/personal.js';
import type { AdaptiveContender } from './figures/adaptive-replay.js';
import { type Contender, LevelContender } from './figures/contenders.js';
import type { AggregateSettings } from './figures/level-outcome.js';
import { OutcomeTable } from './figures/outcome-table.js';
import { type ChainReport, PositionTally } from './figures/position-tally.js';
import type { EvaluationReport, RowCounts } from './report/report.js';

/** How rows are read. */
export interface ReadOptions {
  readonly settings: AggregateSettings;
  readonly readout?: Readout;
  readonly baselines?: BaselinesByRow;
  readonly signal?: AbortSignal;
}

/** Errors: those of {@link StoredChains.rows}. */
export async function readRows(
  stored: StoredChains,
  contenders: readonly Contender[],
  adaptive: readonly AdaptiveContender[],
  { settings, readout, baselines, signal }: ReadOptions,
): Promise<{
  table: OutcomeTable;
  /** Outcomes of adaptive stopping on the same rows. */
  stopped: OutcomeTable;
  rows: Omit<RowCounts, 'evaluated' | 'users'>;
  /** Null without controls. */
  personal: PersonalTally | null;
  positions: (settings: IntervalSettings) => Promise<EvaluationReport['singleChains']>;
}> {
  const { identity } = stored.header;
  const table = new OutcomeTable(contenders.map(({ name }) => name));
  const stopped = new OutcomeTable(adaptive.map(({ name }) => name));
  const byChain = identity.sampling.retrieveBy === 'chain';
  const kinds = {
    individual: new PositionTally(),
    prototype: new PositionTally(),
    noHistory: new PositionTally(),
    swapped: new PositionTally(),
  };
  const personal = PersonalTally.of(stored.header, baselines);
  const rows = { asked: 0, read: 0, failed: 0, invalid: 0, unlabelled: 0, withHistory: 0, withCriteria: 0 };
  const noted = { fewerNeighbours: 0, droppedEvents: 0, withoutBaselines: 0 };
  for await (const kept of stored.rows()) {
    const row = readout === undefined ? kept : readAgain(kept, readout);
    signal?.throwIfAborted();
    rows.read += 1;
    if (row.history > 0) rows.withHistory += 1;
    if (row.criteria) rows.withCriteria += 1;
    if (row.status === 'failed') rows.failed += 1;
    if (row.status === 'invalid') rows.invalid += 1;
    else if (row.label === undefined) rows.unlabelled += 1;
    if (row.status === 'invalid' || row.label === undefined) continue;
    const { label } = row;
    const outcomes = new Map(contenders.map((one) => [one.name, one.outcome(settings, row, label)]));
    const user = table.add(traitsOf(row), outcomes);
    stopped.add(
      traitsOf(row),
      new Map(
        adaptive.map((one) => [one.name, one.outcome(settings, row, label, waitsForChain(row, byChain))]),
      ),
    );
    for (const contender of contenders)
      if (contender instanceof LevelContender) contender.calibrate(settings.aggregate, label, user);
    const similar = row.chains.filter(({ level }) => level === 'prototype');
    kinds.individual.add(
      row.chains.filter(({ level }) => level === 'individual'),
      row,
      user,
    );
    kinds.prototype.add(similar, row, user);
    kinds.noHistory.add(row.noHistory ?? [], row, user);
    kinds.swapped.add(row.swapped?.flatMap(({ chains }) => chains) ?? [], row, user);
    personal?.add(settings, row, label, traitsOf(row));
    if (row.status === 'judged' && similar.length < identity.sampling.prototype) noted.fewerNeighbours += 1;
    if (row.droppedEvents > 0) noted.droppedEvents += 1;
    if (baselines !== undefined && !baselines.has(rowKey(row.row, row.id))) noted.withoutBaselines += 1;
  }
  rows.asked = stored.asked;
  const positions = async (intervals: IntervalSettings): Promise<EvaluationReport['singleChains']> => {
    const reported = async (tally: PositionTally): Promise<ChainReport | null> =>
      tally.chains === 0 ? null : tally.report(intervals);
    return {
      individual: await reported(kinds.individual),
      prototype: await reported(kinds.prototype),
      noHistory: await reported(kinds.noHistory),
      swapped: await reported(kinds.swapped),
    };
  };
  return { table, stopped, rows: { ...rows, ...noted }, positions, personal };
}

/** Whether a row's similar users were sought by a chain of its own. */
function waitsForChain({ retrieval }: ChainsRow, byChain: boolean): boolean {
  return retrieval === undefined ? byChain : retrieval.by === 'chain';
}

function traitsOf({ user, history, criteria, group, subset }: ChainsRow) {
  return {
    ...(user === undefined ? {} : { user }),
    history,
    criteria,
    ...(group === undefined ? {} : { group }),
    ...(subset === undefined ? {} : { subset }),
  };
}

// From a chains file to a report: levels, differences, position, calibration, breakdowns. Needs no model.
// Reads rows one by one and keeps numbers only; knows nothing of how a report looks.

import { basename } from 'node:path';
import { PgenrmError } from '../errors.js';
import { READOUT_CHOICES, type Readout } from '../guided/decoding.js';
import type { Kernels } from '../kernels/kernels.js';
import { checkChoice, checkRange, JUDGE_RANGES } from '../options/option-range.js';
import { PACKAGE_VERSION } from '../package.js';
import type { AggregateOptions } from '../scaling/aggregate-levels.js';
import { levelName, type ScalingLevel } from '../scaling/level.js';
import { NEIGHBOUR_WEIGHTS, type NeighbourWeights } from '../scaling/neighbour-weights.js';
import type { IntervalSettings } from '../statistics/cluster-interval.js';
import { figureOf } from '../statistics/cluster-interval.js';
import type { BaselinesByRow } from './baselines/row-baselines.js';
import type { StoredChains } from './chains/chains-file.js';
import type { ChainsHeader } from './chains/chains-record.js';
import { AdaptiveContender, stoppingLevels } from './figures/adaptive-replay.js';
import { alikeTraits, breakdown } from './figures/breakdown.js';
import { checkLevels } from './figures/check-levels.js';
import { allPairs, compare } from './figures/comparisons.js';
import { type Contender, LevelContender, LONGEST, NO_HISTORY, rowContenders } from './figures/contenders.js';
import type { LearnedShare } from './figures/learn-share.js';
import { type OutcomeTable, TIE_CHOICES, type TieChoice } from './figures/outcome-table.js';
import { protocolNamed } from './protocol.js';
import { readRows } from './read-rows.js';
import { adaptiveReports } from './report/adaptive-report.js';
import type { ContenderReport, EvaluationReport } from './report/report.js';

/** What is computed. */
export interface EvaluateOptions {
  readonly kernels: Kernels;
  /** Levels in the order of the table, each at most as large as what is stored. */
  readonly levels: readonly ScalingLevel[];
  /** How ties count in the accuracy that stands first, is compared and broken down; default: the protocol's. */
  readonly ties?: TieChoice;
  /** How chains become scores; the paper's rule by default. */
  readonly aggregate?: AggregateOptions;
  /** Where the individual share was learned on other rows; takes the place of `aggregate.individualShare`. */
  readonly learnedShare?: LearnedShare;
  /** How much the chain of each similar user counts; default `equal`. */
  readonly neighbourWeights?: NeighbourWeights;
  /**
   * Scores of guided chains are taken anew from their stored distributions: `expected`, or `sampled` by the chains' seeds;
   * default: as they are stored.
   */
  readonly readout?: Readout;
  /** What is told of each row without a model; see `baselinesOfRows`. */
  readonly baselines?: BaselinesByRow;
  /** Risks, from 0 to 0.5, at which adaptive stopping is replayed for every level that can stop early; default none. */
  readonly adaptive?: readonly number[];
  /** Resamples and permutations of each interval and test; 100 to 1,000,000, default 10,000. */
  readonly resamples?: number;
  /** Seed of resampling, default 0. */
  readonly seed?: number;
  readonly signal?: AbortSignal;
}

/** Ranges of the numbers in {@link EvaluateOptions}. */
export const EVALUATE_RANGES = {
  resamples: { integer: true, min: 100, max: 1_000_000 },
  seed: { integer: true, min: 0, max: 4294967295 },
} as const;

/**
 * Computes every figure of an evaluation from stored chains.
 *
 * Memory: some numbers a row and level. Errors: `INVALID_OPTION` (no level, one twice, one larger than what is
 * stored, options out of range); `INPUT_MALFORMED` where no row has a label; those of {@link StoredChains.rows}.
 * Rejects with the signal's reason where it aborts.
 */
export async function evaluate(stored: StoredChains, options: EvaluateOptions): Promise<EvaluationReport> {
  const { kernels, learnedShare, resamples = 10_000, seed = 0, signal } = options;
  const aggregate = withShare(options);
  const { header, path } = stored;
  const neighbourWeights = options.neighbourWeights ?? 'equal';
  const protocol = protocolNamed(header.protocol);
  const ties = options.ties ?? protocol.ties;
  checkChoice('ties', ties, TIE_CHOICES);
  if (options.readout !== undefined) checkChoice('readout', options.readout, READOUT_CHOICES);
  checkChoice('neighbourWeights', neighbourWeights, NEIGHBOUR_WEIGHTS);
  checkRange('resamples', resamples, EVALUATE_RANGES.resamples);
  checkRange('seed', seed, EVALUATE_RANGES.seed);
  checkLevels(path, header, options.levels);

  const levels = options.levels.map((level) => new LevelContender(level));
  const withRows = options.baselines === undefined ? [] : rowContenders(options.baselines);
  const contenders: readonly Contender[] = [...levels, ...baselinesOf(header, options.levels), ...withRows];
  const adaptive = adaptiveContenders({ ...options, aggregate });
  const settings: IntervalSettings = { kernels, resamples, seed };
  const tallies = await readRows(stored, contenders, adaptive, {
    settings: { kernels, aggregate, neighbourWeights },
    ...(options.readout === undefined ? {} : { readout: options.readout }),
    ...(options.baselines === undefined ? {} : { baselines: options.baselines }),
    ...(signal === undefined ? {} : { signal }),
  });
  // A figure over some of the rows would stand beside figures over all of them.
  const partial = tallies.rows.withoutBaselines > 0;
  const baselines = contenders.slice(levels.length).filter((one) => !partial || !withRows.includes(one));
  const { table, stopped, positions, personal, rows } = tallies;
  if (table.rows === 0) {
    throw new PgenrmError(
      'INPUT_MALFORMED',
      `${path} has ${rows.read} rows and none of them says which candidate was chosen: accuracy needs labelled rows`,
    );
  }

  const all = table.select();
  const users = table.usersOf(all);
  const valuesOf = ({ name }: Contender) => {
    // Differences pair rows, so each needs one value a row: left out is not one, and counts as half here.
    const { numerators } = table.accuracy(name, ties === 'excluded' ? 'half' : ties, all);
    return { name, values: numerators };
  };
  const report = async (contender: Contender): Promise<ContenderReport> => {
    signal?.throwIfAborted();
    return contenderReport(settings, table, contender, ties);
  };
  const inTurn = async (list: readonly Contender[]): Promise<ContenderReport[]> => {
    const reports: ContenderReport[] = [];
    for (const contender of list) reports.push(await report(contender));
    return reports;
  };
  return {
    pgenrmEvaluation: 1,
    pgenrm: PACKAGE_VERSION,
    created: new Date().toISOString(),
    chains: {
      path: basename(path),
      run: header.run,
      created: header.created,
      model: header.model,
      identity: header.identity,
    },
    protocol: { name: protocol.name, rules: protocol.rules },
    settings: {
      ties,
      resamples,
      seed,
      kernels: kernels.name,
      aggregate: { ...aggregate, neighbourWeights },
      ...(options.readout === undefined ? {} : { readout: options.readout }),
      ...(learnedShare === undefined
        ? {}
        : { learnedShare: { ...learnedShare, path: basename(learnedShare.path) } }),
    },
    rows: { ...rows, evaluated: table.rows, users: table.users },
    overlap: header.overlap,
    personal: (await personal?.report(settings, ties)) ?? null,
    levels: await inTurn(levels),
    baselines: await inTurn(baselines),
    differences: await compare(settings, allPairs(levels.map(valuesOf)), users),
    againstBaselines: await compare(
      settings,
      levels.flatMap((level) =>
        baselines
          .filter(({ name }) => name !== level.name)
          .map((baseline) => [valuesOf(level), valuesOf(baseline)] as const),
      ),
      users,
    ),
    adaptive: await adaptiveReports(settings, adaptive, stopped, table, ties),
    breakdown: (await breakdown(settings, table, ties)).filter(
      ({ name }) => !partial || withRows.every((one) => one.name !== name),
    ),
    alike: alikeTraits(table),
    singleChains: await positions(settings),
  };
}

function withShare({ aggregate = {}, learnedShare }: EvaluateOptions): AggregateOptions {
  return learnedShare === undefined
    ? aggregate
    : { ...aggregate, individualShare: learnedShare.individualShare };
}

function adaptiveContenders({ adaptive = [], levels, aggregate }: EvaluateOptions): AdaptiveContender[] {
  for (const risk of adaptive) checkRange('adaptive', risk, JUDGE_RANGES.adaptive);
  const method = aggregate?.method ?? 'mean';
  if (adaptive.length > 0 && method !== 'mean' && method !== 'wins')
    throw new PgenrmError(
      'INVALID_OPTION',
      `adaptive scaling needs the method mean or wins, whose outcome can be foreseen; got ${method}`,
    );
  return stoppingLevels(levels).flatMap((level) =>
    adaptive.map((risk) => new AdaptiveContender(level, risk)),
  );
}

function baselinesOf({ identity }: ChainsHeader, levels: readonly ScalingLevel[]): Contender[] {
  const one = { individual: 1, prototype: 0 };
  const listed = levels.some((level) => levelName(level) === levelName(one));
  return [
    ...(listed ? [] : [new LevelContender(one)]),
    ...(identity.sampling.noHistory > 0 ? [NO_HISTORY] : []),
    LONGEST,
  ];
}

async function contenderReport(
  settings: IntervalSettings,
  table: OutcomeTable,
  contender: Contender,
  ties: TieChoice,
): Promise<ContenderReport> {
  const { name, meaning, level } = contender;
  const rows = table.select();
  const users = table.usersOf(rows);
  const accuracy = (how: TieChoice) => figureOf(settings, { ...table.accuracy(name, how, rows), users });
  const own = contender instanceof LevelContender ? contender : null;
  const calibration = (await own?.calibration(settings)) ?? null;
  const recalibration = (await own?.recalibration(settings)) ?? null;
  return {
    name,
    meaning,
    level,
    counts: table.counts(name, rows),
    accuracy: {
      half: await accuracy('half'),
      wrong: await accuracy('wrong'),
      excluded: await accuracy('excluded'),
    },
    perUser: await figureOf(settings, perUser(table.accuracy(name, ties, rows), users)),
    cost: own?.cost ?? null,
    calibration: calibration === null || calibration.judgments === 0 ? null : calibration,
    recalibration,
    withoutProbability: own?.withoutProbability ?? 0,
  };
}

/** Values weighted so that each user counts the same (macro accuracy). */
function perUser(
  { numerators, denominators }: { numerators: Float64Array; denominators?: Float64Array },
  users: Uint32Array,
): { numerators: Float64Array; denominators: Float64Array; users: Uint32Array } {
  const weights = denominators ?? new Float64Array(numerators.length).fill(1);
  const totals = new Map<number, number>();
  users.forEach((user, row) => {
    totals.set(user, (totals.get(user) ?? 0) + weights[row]!);
  });
  const scaled = (values: Float64Array): Float64Array =>
    values.map((value, row) => (weights[row] === 0 ? 0 : value / totals.get(users[row]!)!));
  return { numerators: scaled(numerators), denominators: scaled(weights), users };
}

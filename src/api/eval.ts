/**
 * Whole data sets: read, scored into files that can be resumed, evaluated with intervals.
 * @module pgenrm/eval
 */

export { type ChainIdentity, type ChainLevel, chainSeed } from '../chain/chain-seed.js';
export type { SignalFacts } from '../data/first-pass.js';
export type {
  FormatName,
  OpenOptions,
  PreferenceData,
  PreferenceRow,
  RowProblem,
  RowSelection,
  UsersFile,
} from '../data/preference-data.js';
export { FORMAT_NAMES, openPreferenceData } from '../data/preference-data.js';
export {
  type Choice,
  RATER_BASELINES,
  type RaterBaseline,
  type RaterBaselines,
  raterBaselines,
} from '../evaluation/baselines/rater-baselines.js';
export {
  type BaselinesByRow,
  baselinesOfRows,
  type RowBaselines,
} from '../evaluation/baselines/row-baselines.js';
export {
  type JudgedRows,
  overlapWith,
  withoutUsers,
  withRandomUsers,
} from '../evaluation/chains/bank-overlap.js';
export { ChainsWriter, openChains, type StoredChains } from '../evaluation/chains/chains-file.js';
export type {
  ChainsHeader,
  ChainsIdentity,
  ChainsRow,
  StoredChain,
  StoredKvCache,
  SwappedChains,
} from '../evaluation/chains/chains-types.js';
export {
  type BankRecord,
  type SampleEvent,
  type SampleOptions,
  type SampleSummary,
  type ShownHistoryOptions,
  sampleChains,
} from '../evaluation/chains/sample-chains.js';
export type { NoDonor } from '../evaluation/controls/donors.js';
export type {
  Control,
  ControlReport,
  PersonalComparison,
  PersonalReport,
} from '../evaluation/controls/personal.js';
export type { HistoryBy } from '../evaluation/controls/shown-history.js';
export { type EvaluateOptions, evaluate } from '../evaluation/evaluate.js';
export type { AlikeTrait, BreakdownEntry } from '../evaluation/figures/breakdown.js';
export type { Calibration, ReliabilityBin } from '../evaluation/figures/calibration.js';
export type { Comparison } from '../evaluation/figures/comparisons.js';
export { type LearnedShare, learnShare } from '../evaluation/figures/learn-share.js';
export type { AggregateSettings } from '../evaluation/figures/level-outcome.js';
export type { TieChoice } from '../evaluation/figures/outcome-table.js';
export type { ChainReport } from '../evaluation/figures/position-tally.js';
export type { Recalibration } from '../evaluation/figures/recalibration.js';
export { type Protocol, type ProtocolName, protocolOf } from '../evaluation/protocol.js';
export type {
  AdaptiveReport,
  ContenderReport,
  EvaluationReport,
  RowCounts,
} from '../evaluation/report/report.js';
export { type WrittenReport, writeReport } from '../evaluation/report/write-report.js';
export type { RunFileMode } from '../output/run-file.js';
export type { Draw } from '../report/draw.js';
export type { AnalysisRecord } from '../reward-model/analysis-cache.js';
export type { SharedIdentity } from '../run/identity.js';
export type { JudgedCounts } from '../run/judged-so-far.js';
export type { RunBank, RunModel } from '../run/run-model.js';
export type { ChainRecord, RowRecord } from '../run/scoring/row-record.js';
export type { RunSummary } from '../run/scoring/run-journal.js';
export type { RunIdentity, RunManifest, RunSession, RunStatus } from '../run/scoring/run-manifest.js';
export type { OutputMode, RunOutput } from '../run/scoring/run-output.js';
export { openRunOutput, streamOutput } from '../run/scoring/run-output.js';
export type { RunEvent, ScoringRunOptions } from '../run/scoring/scoring-run.js';
export { runScoring } from '../run/scoring/scoring-run.js';
export type { Accuracy, RunCounts } from '../run/scoring/tally.js';
export type { AggregateOptions, ChainScores, LevelOutcome, LevelScore } from '../scaling/aggregate-levels.js';
export { aggregateLevels } from '../scaling/aggregate-levels.js';
export { levelName, parseLevel, type ScalingLevel } from '../scaling/level.js';
export { type Uncertainty, winnerUncertainty } from '../scaling/uncertainty.js';
export type { Figure, Interval } from '../statistics/cluster-interval.js';

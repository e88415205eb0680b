// The public API of pgenrm.

export { PrototypeBank } from './bank/bank.js';
export { inspectBank } from './bank/inspect-bank.js';
export { mapBank } from './bank/map-bank.js';
export { type AddedRows, type AddRowsOptions, addRows } from './bank-build/add-rows.js';
export { buildBank } from './bank-build/build-bank.js';
export type { BuildBankOptions } from './bank-build/build-options.js';
export { chainSeed } from './chain/chain-seed.js';
export type { EvaluationChain, LostReason, ResponseScore } from './chain/read-chain.js';
export { LOST_REASONS, readChain } from './chain/read-chain.js';
export type { Criterion } from './chain/rubric.js';
export type {
  FormatName,
  OpenOptions,
  PreferenceData,
  PreferenceRow,
  RowProblem,
} from './data/preference-data.js';
export { FORMAT_NAMES, openPreferenceData } from './data/preference-data.js';
export type { ErrorCode, PgenrmErrorRecord } from './errors.js';
export { ERROR_CODES, PgenrmError } from './errors.js';
export { ChainsWriter, openChains, type StoredChains } from './evaluation/chains/chains-file.js';
export type { ChainsHeader, ChainsRow } from './evaluation/chains/chains-record.js';
export { type SampleOptions, type SampleSummary, sampleChains } from './evaluation/chains/sample-chains.js';
export { type EvaluateOptions, evaluate } from './evaluation/evaluate.js';
export type { Comparison } from './evaluation/figures/comparisons.js';
export type { ContenderReport, EvaluationReport } from './evaluation/report/report.js';
export { writeReport } from './evaluation/report/write-report.js';
export type { Embedder, Embeddings } from './generator/embedder.js';
export type {
  Capabilities,
  FinishReason,
  Generation,
  GenerationRequest,
  GenerationUsage,
  Generator,
  GeneratorInfo,
  ModelInfo,
  Sample,
  Sampling,
} from './generator/generator.js';
export type { KernelsChoice } from './kernels/choose.js';
export { chooseKernels, loadKernels } from './kernels/choose.js';
export type { Kernels } from './kernels/kernels.js';
export type { EngineOptions, FlashAttention, KvType, ThreadWish } from './options/engine-options.js';
export type { HistoryEvent, Item, Turn, User } from './preference/preference.js';
export type { TemplateFile } from './prompt/template/imported-template.js';
export type { ChatMessage, PromptInput, PromptTemplate } from './prompt/template/template.js';
export { AnalysisCache, type AnalysisRecord, type AnalysisTurn } from './reward-model/analysis-cache.js';
export type { JudgeSettings } from './reward-model/judge-settings.js';
export type {
  GrammarChoice,
  JudgeAggregateOptions,
  JudgedChain,
  JudgeEvent,
  JudgeInput,
  JudgeOptions,
  JudgeOutcome,
  Judgment,
  JudgmentScaling,
  JudgmentTokens,
  LevelJudgment,
  LostCounts,
  NeighbourRecord,
  Retrieval,
  RetrieveBy,
  ScorePreference,
} from './reward-model/judgment.js';
export type {
  JudgeManyOptions,
  LoadOptions,
  LoadProgress,
  OverOptions,
} from './reward-model/reward-model.js';
export { RewardModel } from './reward-model/reward-model.js';
export type { ChainRecord, RowRecord } from './run/scoring/row-record.js';
export type { RunSummary } from './run/scoring/run-journal.js';
export type { RunIdentity, RunManifest, RunSession, RunStatus } from './run/scoring/run-manifest.js';
export type { OutputMode, RunOutput } from './run/scoring/run-output.js';
export { openRunOutput, streamOutput } from './run/scoring/run-output.js';
export type { RunEvent, ScoringRunOptions } from './run/scoring/scoring-run.js';
export { runScoring } from './run/scoring/scoring-run.js';
export type { Accuracy, RunCounts } from './run/scoring/tally.js';
export type { AggregateOptions, ChainScores, LevelOutcome } from './scaling/aggregate-levels.js';
export { aggregateLevels } from './scaling/aggregate-levels.js';
export { levelName, parseLevel, type ScalingLevel } from './scaling/level.js';
export type { StopReason } from './scaling/stopping.js';
export { type Uncertainty, winnerUncertainty } from './scaling/uncertainty.js';
export type { Figure, Interval } from './statistics/cluster-interval.js';
export { importAuthorsTemplate } from './template-files/import-authors.js';
export { resolveTemplate } from './template-files/resolve-template.js';

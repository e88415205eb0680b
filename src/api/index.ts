/**
 * A loaded model that judges, ranks and picks the best of responses for one user.
 * @module pgenrm
 */

export type { JsonRepair } from '../chain/object/json-part.js';
export type {
  ChainRepair,
  EvaluationChain,
  LostReason,
  ReadChainOptions,
  ResponseScore,
} from '../chain/read-chain.js';
export { LOST_REASONS, readChain } from '../chain/read-chain.js';
export type { Criterion } from '../chain/rubric.js';
export type { ErrorCode, PgenrmErrorRecord } from '../errors.js';
export { ERROR_CODES, PgenrmError } from '../errors.js';
export {
  type LoadEmbedderOptions,
  type LoadGeneratorOptions,
  loadEmbedder,
  loadGenerator,
} from '../generator/choose.js';
export type { Embedder, Embeddings } from '../generator/embedder.js';
export type {
  Capabilities,
  FinishReason,
  Generation,
  GenerationRequest,
  GenerationUsage,
  Generator,
  GeneratorInfo,
  GeneratorKind,
  LoadWarning,
  ModelInfo,
  Prompt,
  PromptPiece,
  Sample,
  Sampling,
  TextPiece,
  ThoughtMarks,
} from '../generator/generator.js';
export { loadHttpGenerator } from '../generator/http/http-generator.js';
export type { KnownModel } from '../generator/http/http-info.js';
export {
  type HttpOptions,
  type RetryNote,
  type RetryReason,
  SERVER_DIALECTS,
  type ServerDialect,
} from '../generator/http/http-options.js';
export type { GpuChoice } from '../generator/llama/gpu-choice.js';
export type { EmbedderOptions, Pooling } from '../generator/native/native-embedder.js';
export type { GeneratorOptions } from '../generator/native/native-generator.js';
export type { StepStatistics } from '../generator/native/native-info.js';
export type {
  Choice,
  ChoiceMode,
  Copy,
  ForEach,
  FreeText,
  GivenText,
  Plan,
  PlannedGeneration,
  PlannedRequest,
  PlannedSample,
  PlannedTextPiece,
  PlannedTokens,
  PlanPart,
  Repeat,
  WrittenPart,
} from '../generator/plan.js';
export type {
  DecodingChoice,
  GuidedOptions,
  GuidedSettings,
  ModelDecoding,
  Readout,
} from '../guided/decoding.js';
export type { FixedCriterion, GuidedForm } from '../guided/guided-plan.js';
export type {
  AttentionChoice,
  EngineOptions,
  FlashAttention,
  KvType,
  ThreadWish,
} from '../options/engine-options.js';
export type { HistoryEvent, Item, Turn, User } from '../preference/preference.js';
export type { GivenChatTemplate } from '../prompt/chat/chat-template.js';
export type { ChatMessage, PromptInput, PromptTemplate } from '../prompt/template/template.js';
export type { BaseRewardModel } from '../reward-model/base-reward-model.js';
export type { JudgeSettings } from '../reward-model/judge-settings.js';
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
} from '../reward-model/judgment.js';
export type { BestOfN, RankedCandidate, Ranking } from '../reward-model/ranking.js';
export type {
  JudgeManyOptions,
  LoadOptions,
  LoadProgress,
  OverOptions,
} from '../reward-model/reward-model.js';
export { RewardModel } from '../reward-model/reward-model.js';
export type { RewardParts } from '../reward-model/reward-parts.js';
export type { AggregateMethod, AggregateOptions } from '../scaling/aggregate-levels.js';
export type { ScalingLevel } from '../scaling/level.js';
export type { NeighbourWeights } from '../scaling/neighbour-weights.js';
export type { StopReason } from '../scaling/stopping.js';
export type { Uncertainty } from '../scaling/uncertainty.js';
export { resolveTemplate } from '../template-files/resolve-template.js';

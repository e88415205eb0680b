/**
 * What of the package needs no Node, over llama.cpp as WASM. Chosen by the export condition `browser` of `pgenrm`.
 * @module pgenrm (browser)
 */

export type { ChainRepair, EvaluationChain, LostReason, ReadChainOptions } from '../chain/read-chain.js';
export { LOST_REASONS, readChain } from '../chain/read-chain.js';
export type { RawRecord } from '../data/files/record-source.js';
export type { RawRow } from '../data/formats/fields.js';
export type { FormatName } from '../data/formats/format.js';
export type { PreferenceRow, RowProblem } from '../data/row.js';
export { type RecordsOptions, type RowsRead, readRows } from '../data/rows-in-memory.js';
export type { ErrorCode } from '../errors.js';
export { ERROR_CODES, PgenrmError } from '../errors.js';
export { type BrowserEmbedderOptions, loadBrowserEmbedder } from '../generator/browser/browser-embedder.js';
export { type BrowserModelOptions, loadBrowserGenerator } from '../generator/browser/browser-generator.js';
export type { Embedder, Embeddings } from '../generator/embedder.js';
export type { Generator, GeneratorInfo, ModelInfo } from '../generator/generator.js';
export type { IndexFiles } from '../kernels/kernels.js';
export { referenceKernels } from '../kernels/reference/kernels.js';
export type { HistoryEvent, Item, Turn, User } from '../preference/preference.js';
export {
  type BrowserLoadOptions,
  type BrowserOverOptions,
  RewardModel,
} from '../reward-model/browser/reward-model.js';
export type {
  JudgedChain,
  JudgeEvent,
  JudgeInput,
  JudgeOptions,
  Judgment,
} from '../reward-model/judgment.js';
export { aggregateLevels, type ChainScores, type LevelOutcome } from '../scaling/aggregate-levels.js';
export { type Uncertainty, winnerUncertainty } from '../scaling/uncertainty.js';

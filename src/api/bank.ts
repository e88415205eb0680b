/**
 * Prototype banks, which hold similar users: opened and searched, built, extended, looked at.
 * @module pgenrm/bank
 */

export type {
  NearestPrototype,
  NewUser,
  OpenBankOptions,
  SimilarUser,
  SimilarUsersOptions,
} from '../bank/bank.js';
export { PrototypeBank } from '../bank/bank.js';
export type { BankManifest, BankOrigin, ExpectedOrigin } from '../bank/file/manifest.js';
export {
  type CommonCriterion,
  type InspectOptions,
  inspectBank,
  type NearMember,
  type PrototypeDescription,
} from '../bank/inspect-bank.js';
export { type MapOptions, mapBank } from '../bank/map-bank.js';
export { type AddedRows, type AddRowsOptions, addRows, type FailedRow } from '../bank-build/add-rows.js';
export { type BuildResult, buildBank } from '../bank-build/build-bank.js';
export type {
  BuildBankOptions,
  BuildEvent,
  BuildStage,
  EmbedderSource,
  JudgeSource,
} from '../bank-build/build-options.js';

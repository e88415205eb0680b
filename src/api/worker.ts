/**
 * A judge in a process or thread of its own, for applications whose event loop must stay free.
 * @module pgenrm/worker
 */

export type {
  HeldModel,
  LoadedModel,
  ServiceEmbedder,
  ServiceHealth,
  ServiceStatistics,
} from '../service/contract.js';
export type { JudgeListeners } from '../service/judge.js';
export { Judge } from '../service/judge.js';
export type { ServiceLimits } from '../service/local-service.js';
export type { CreateJudgeOptions, WorkerJudgeOptions, WorkerOptions } from '../worker-host/create-judge.js';
export { createJudge, JudgeWorker } from '../worker-host/create-judge.js';
export type {
  UtilityChild,
  UtilityForkOptions,
  UtilityProcess,
  WorkerKind,
} from '../worker-host/worker-channel.js';

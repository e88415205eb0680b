// The contract between a host and what judges for it: requests, events and answers, all of them plain data.
// Types and the version alone; what answers is `local-service.ts`, in this process or behind a worker.

import type { Embeddings } from '../generator/embedder.js';
import type { GeneratorInfo, LoadWarning, ModelInfo } from '../generator/generator.js';
import type { JudgeSettings } from '../reward-model/judge-settings.js';
import type { JudgeEvent, JudgeInput, JudgeOptions, Judgment } from '../reward-model/judgment.js';
import type { LoadOptions, LoadProgress } from '../reward-model/load/load-options.js';
import type { Ranking } from '../reward-model/ranking.js';

/** Version of the contract. Both sides are of one version: a request of another one is refused. */
export const SERVICE_VERSION = 1;

/** What of {@link LoadOptions} is plain data. It also names the model: the same options mean the same loaded model. */
export type ServiceModel = Omit<LoadOptions, 'signal' | 'onProgress' | 'onWarning'>;

/** What of {@link JudgeOptions} is plain data. */
export type ServiceJudgeOptions = Omit<JudgeOptions, 'signal' | 'onEvent'>;

/** A model that embeds. */
export interface ServiceEmbedder {
  /** As {@link LoadOptions.model}. */
  readonly model: string;
  /** Default `auto`: as the GGUF says, or the mean where it says nothing. */
  readonly pooling?: 'auto' | 'mean' | 'cls' | 'last';
  readonly gpu?: NonNullable<LoadOptions['gpu']>;
  readonly threads?: NonNullable<LoadOptions['threads']>;
  readonly generator?: NonNullable<LoadOptions['generator']>;
}

/** A judgment that is asked for. The model is loaded where it is not. */
export interface JudgeRequest {
  readonly op: 'judge' | 'rank';
  readonly model: ServiceModel;
  readonly input: JudgeInput;
  readonly options?: ServiceJudgeOptions;
  /**
   * Name of a run of judgments with the same options, begun in the order of their data, and the place in it, from 0: what
   * `retrieveBy: 'cached'` keeps of a user is kept for the run. Whoever begins a run ends it with `endBatch`.
   */
  readonly batch?: { readonly name: string; readonly place: number };
  /** Whether the judgment's own events are wanted; default false. */
  readonly events?: boolean;
}

/** All that can be asked. */
export type ServiceRequest =
  | JudgeRequest
  /** Loads a model; `judge`: options to check, and to say how much to keep in flight with. */
  | { readonly op: 'load'; readonly model: ServiceModel; readonly judge?: ServiceJudgeOptions }
  | { readonly op: 'endBatch'; readonly batch: string }
  | { readonly op: 'embed'; readonly embedder: ServiceEmbedder; readonly texts: readonly string[] }
  /** Frees a model once its jobs have ended; answers whether it was loaded. */
  | { readonly op: 'unload'; readonly model: ServiceModel }
  | { readonly op: 'statistics' }
  | { readonly op: 'health' };

/** Facts about a loaded model. */
export interface LoadedModel {
  readonly model: Omit<ModelInfo, 'metadata'>;
  /** SHA-256 of the model file, where known. */
  readonly sha256: string | null;
  readonly generator: GeneratorInfo;
  /** `judge` of the request with every default filled in. */
  readonly settings: JudgeSettings;
  /** Judgments with these settings that keep the model busy. */
  readonly concurrency: number;
}

/** A model that a service holds. */
export interface HeldModel {
  /** As the request named it. */
  readonly name: string;
  readonly kind: 'judge' | 'embedder';
  readonly state: 'loading' | 'ready';
  /** Bytes that are set aside for it. */
  readonly bytes: number;
  /** Jobs that use it or wait for it. */
  readonly jobs: number;
}

/** How a service is. */
export interface ServiceHealth {
  readonly version: typeof SERVICE_VERSION;
  readonly status: 'ready' | 'closing';
  readonly models: readonly HeldModel[];
  /** Jobs that were accepted and are not answered yet, and the most there may be. */
  readonly open: number;
  readonly mostOpen: number;
}

/** What a service counted since it began. */
export interface ServiceStatistics {
  readonly accepted: number;
  readonly answered: number;
  readonly failed: number;
  readonly cancelled: number;
  /** Jobs that were refused because too many were open. */
  readonly refused: number;
  readonly judgments: number;
  readonly chains: number;
  readonly promptTokens: number;
  readonly generatedTokens: number;
  readonly modelsLoaded: number;
  readonly modelsUnloaded: number;
  /** Bytes set aside for models, and the most there may be. */
  readonly memory: { readonly held: number; readonly budget: number };
  /** Resident bytes of the process that judges. */
  readonly residentBytes: number;
  /** Times that a worker was begun anew after it had ended by itself; 0 in the own process. */
  readonly restarts: number;
}

/** The answer to each request. */
export interface ServiceAnswers {
  readonly judge: Judgment;
  readonly rank: Ranking;
  readonly load: LoadedModel;
  readonly endBatch: null;
  readonly embed: Embeddings;
  readonly unload: boolean;
  readonly statistics: ServiceStatistics;
  readonly health: ServiceHealth;
}

/** What a job reports before its answer. */
export type ServiceEvent =
  /** A model comes in that the job waits for. */
  | { readonly type: 'progress'; readonly progress: LoadProgress }
  | { readonly type: 'warning'; readonly warning: LoadWarning }
  | { readonly type: 'judge'; readonly event: JudgeEvent }
  /** The worker ended, and the job is done again from its beginning; `attempt` counts from 2. */
  | { readonly type: 'again'; readonly attempt: number };

/** Asked for once and answered once. */
export interface ServiceJob<T> {
  readonly id: string;
  /** Rejects with a `PgenrmError`, or with the reason that `cancel` was given. */
  readonly answer: Promise<T>;
  /** Stops the job within a step of the generator; default reason: an `AbortError`. Safe at any time. */
  cancel(reason?: unknown): void;
}

/** What judges for a host: in this process, or in a worker. */
export interface Service extends AsyncDisposable {
  /** `onEvent` gets what the job reports; what it throws cancels the job and becomes its error. */
  submit<R extends ServiceRequest>(
    request: R,
    onEvent?: (event: ServiceEvent) => void,
  ): ServiceJob<ServiceAnswers[R['op']]>;
  /** Ends what is at work with `DISPOSED` and frees all models; safe to call twice. */
  close(): Promise<void>;
}

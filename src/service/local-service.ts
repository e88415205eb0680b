// The service in this process: jobs with ids over loaded models, bounded, cancellable, counted.
// Hosts submit requests; how they come here is theirs.

import { PgenrmError } from '../errors.js';
import { checkRange, type NumberRange } from '../options/option-range.js';
import { AnalysisCache, type AnalysisTurn } from '../reward-model/analysis-cache.js';
import type { JudgeSettings } from '../reward-model/judge-settings.js';
import type { JudgeEvent, JudgeInput, Judgment } from '../reward-model/judgment.js';
import { rankingOf } from '../reward-model/ranking.js';
import type { RewardModel } from '../reward-model/reward-model.js';
import {
  type JudgeRequest,
  type LoadedModel,
  SERVICE_VERSION,
  type Service,
  type ServiceAnswers,
  type ServiceEvent,
  type ServiceHealth,
  type ServiceJob,
  type ServiceModel,
  type ServiceRequest,
  type ServiceStatistics,
} from './contract.js';
import { ModelPool } from './model-pool.js';
import { availableMemory, FILE_SOURCES, type ModelSources, totalMemory } from './model-sources.js';
import { readRequest } from './read-request.js';

/** How much a service takes on. Plain data. */
export interface ServiceLimits {
  /** Most jobs that are not answered yet, from 1 to 65,536; default 1024. One more is refused with `QUEUE_FULL`. */
  readonly mostOpen?: number;
  /** Most bytes of all models together; default four fifths of the memory that there is. */
  readonly memoryBudget?: number;
  /** Milliseconds after its last job that a model is freed, from 0; the next job loads it again. Default: models stay. */
  readonly unloadAfterMs?: number;
}

const RANGES = {
  mostOpen: { integer: true, min: 1, max: 65_536 },
  memoryBudget: { integer: false, min: 1, max: Number.MAX_SAFE_INTEGER },
  unloadAfterMs: { integer: false, min: 0, max: 2 ** 31 - 1 },
} as const satisfies Record<string, NumberRange>;

/** Most judgments of one model that are begun at once: one that is prompted beside each that decodes. */
const MOST_AT_ONCE = 64;

/** Checks limits. Errors: `INVALID_OPTION`. */
export function checkServiceLimits(limits: ServiceLimits): void {
  for (const name of ['mostOpen', 'memoryBudget', 'unloadAfterMs'] as const) {
    if (limits[name] !== undefined) checkRange(name, limits[name], RANGES[name]);
  }
}

/** Operations that are answered however much is open, and are not counted. */
export const FREE: ReadonlySet<string> = new Set<ServiceRequest['op']>([
  'statistics',
  'health',
  'endBatch',
  'unload',
]);

interface Batch {
  readonly analyses: AnalysisCache | null;
}

type Tell = (event: ServiceEvent) => void;

/** {@link Service} over models of this process. */
export class LocalService implements Service {
  readonly #sources: ModelSources;
  readonly #pool: ModelPool;
  readonly #mostOpen: number;
  readonly #budget: number;
  readonly #jobs = new Map<string, AbortController>();
  readonly #answers = new Set<Promise<unknown>>();
  readonly #batches = new Map<string, Batch>();
  #closing: Promise<void> | undefined;
  #ids = 0;
  #count = {
    accepted: 0,
    answered: 0,
    failed: 0,
    cancelled: 0,
    refused: 0,
    judgments: 0,
    chains: 0,
    promptTokens: 0,
    generatedTokens: 0,
  };

  /** `sources`: where models come from; default: files. Errors: `INVALID_OPTION`. */
  constructor(limits: ServiceLimits = {}, sources: ModelSources = FILE_SOURCES) {
    checkServiceLimits(limits);
    this.#mostOpen = limits.mostOpen ?? 1024;
    this.#budget = limits.memoryBudget ?? Math.floor(totalMemory() * 0.8);
    this.#sources = sources;
    this.#pool = new ModelPool({
      memoryBudget: this.#budget,
      available: availableMemory,
      unloadAfterMs: limits.unloadAfterMs ?? null,
    });
  }

  submit<R extends ServiceRequest>(
    given: R,
    onEvent?: (event: ServiceEvent) => void,
  ): ServiceJob<ServiceAnswers[R['op']]> {
    const id = `${this.#ids++}`;
    const stop = new AbortController();
    const cancel = (reason: unknown = new DOMException('the job was cancelled', 'AbortError')): void =>
      stop.abort(reason);
    const tell: Tell = (event) => {
      try {
        onEvent?.(event);
      } catch (error) {
        cancel(error);
      }
    };
    const free = FREE.has((given as Partial<ServiceRequest> | null)?.op ?? '');
    const answer = this.#accept(id, stop, free, () => this.#do(readRequest(given), stop.signal, tell));
    return { id, answer: answer as Promise<ServiceAnswers[R['op']]>, cancel };
  }

  async close(): Promise<void> {
    this.#closing ??= this.#close();
    await this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #accept(
    id: string,
    stop: AbortController,
    free: boolean,
    work: () => Promise<unknown>,
  ): Promise<unknown> {
    if (this.#closing !== undefined) throw closedError();
    if (free) return work();
    if (this.#jobs.size >= this.#mostOpen) {
      this.#count.refused += 1;
      throw new PgenrmError(
        'QUEUE_FULL',
        `at most ${this.#mostOpen} jobs may be open, and so many are; ask again when one has ended, or raise mostOpen`,
      );
    }
    this.#count.accepted += 1;
    this.#jobs.set(id, stop);
    const answer = work();
    this.#answers.add(answer);
    try {
      const answered = await answer;
      stop.signal.throwIfAborted();
      this.#count.answered += 1;
      return answered;
    } catch (error) {
      this.#count[stop.signal.aborted ? 'cancelled' : 'failed'] += 1;
      throw stop.signal.aborted ? stop.signal.reason : error;
    } finally {
      this.#jobs.delete(id);
      this.#answers.delete(answer);
    }
  }

  async #do(request: ServiceRequest, signal: AbortSignal, tell: Tell): Promise<unknown> {
    switch (request.op) {
      case 'load':
        return this.#load(request.model, request.judge, signal, tell);
      case 'judge':
        return this.#judge(request, signal, tell);
      case 'rank': {
        const judgment = await this.#judge(request, signal, tell);
        return rankingOf(request.input.candidates, judgment);
      }
      case 'endBatch':
        this.#batches.delete(request.batch);
        return null;
      case 'embed':
        return this.#pool.use(this.#sources.embedder(request.embedder), signal, tell, (embedder) =>
          embedder.embed(request.texts, { signal }),
        );
      case 'unload':
        return this.#pool.unload(this.#sources.judge(request.model).key);
      case 'statistics':
        return this.#statistics();
      case 'health':
        return this.#health();
    }
  }

  #load(
    spec: ServiceModel,
    judge: JudgeRequest['options'],
    signal: AbortSignal,
    tell: Tell,
  ): Promise<LoadedModel> {
    return this.#pool.use(this.#sources.judge(spec), signal, tell, async (model) => {
      const { metadata: _, ...facts } = model.modelInfo;
      const settings = model.settings(judge ?? {});
      const concurrency = model.judgmentsAtOnce(settings);
      return {
        model: facts,
        sha256: model.modelSha256,
        generator: model.generatorInfo,
        settings,
        concurrency,
      };
    });
  }

  #judge(request: JudgeRequest, signal: AbortSignal, tell: Tell): Promise<Judgment> {
    const { input, options = {}, batch, events = false } = request;
    return this.#pool.use(this.#sources.judge(request.model), signal, tell, async (model, lane) => {
      const settings = model.settings(options);
      const turn = batch === undefined ? null : this.#turn(batch, settings, input);
      try {
        const leave = await lane.enter(widthOf(model, settings), signal);
        try {
          const listening = events ? { onEvent: (event: JudgeEvent) => tell({ type: 'judge', event }) } : {};
          const judgment = await model.judgeInTurn(input, { ...options, ...listening, signal }, turn);
          this.#count.judgments += 1;
          this.#count.chains += judgment.chains.length;
          this.#count.promptTokens += judgment.tokens.prompt;
          this.#count.generatedTokens += judgment.tokens.generated;
          return judgment;
        } finally {
          leave();
        }
      } finally {
        turn?.settle(null);
      }
    });
  }

  #turn(
    { name, place }: NonNullable<JudgeRequest['batch']>,
    settings: JudgeSettings,
    input: JudgeInput | undefined,
  ): AnalysisTurn | null {
    let batch = this.#batches.get(name);
    if (batch === undefined) {
      batch = { analyses: AnalysisCache.for(settings) };
      // A batch without a memory needs no place in it.
      if (batch.analyses !== null) this.#batches.set(name, batch);
    }
    return batch.analyses?.turn(input?.user, input?.id ?? `${place}`) ?? null;
  }

  #statistics(): ServiceStatistics {
    return {
      ...this.#count,
      modelsLoaded: this.#pool.loadedCount,
      modelsUnloaded: this.#pool.unloadedCount,
      memory: { held: this.#pool.bytes, budget: this.#budget },
      residentBytes: process.memoryUsage.rss(),
      restarts: 0,
    };
  }

  #health(): ServiceHealth {
    return {
      version: SERVICE_VERSION,
      status: this.#closing === undefined ? 'ready' : 'closing',
      models: this.#pool.models,
      open: this.#jobs.size,
      mostOpen: this.#mostOpen,
    };
  }

  async #close(): Promise<void> {
    for (const stop of this.#jobs.values()) stop.abort(closedError());
    await Promise.allSettled(this.#answers);
    await this.#pool.close();
  }
}

function widthOf(model: RewardModel, settings: JudgeSettings): number {
  return Math.min(MOST_AT_ONCE, 2 * model.judgmentsAtOnce(settings));
}

function closedError(): PgenrmError {
  return new PgenrmError('DISPOSED', 'this service was closed; begin another one');
}

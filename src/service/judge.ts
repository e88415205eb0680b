// A judge as a host uses it: the methods of `RewardModel` over a service, wherever that runs.
// Knows the contract alone.

import { mapTogether } from '../concurrency/bring-together.js';
import { PgenrmError } from '../errors.js';
import type { Embeddings } from '../generator/embedder.js';
import type { LoadWarning } from '../generator/generator.js';
import { checkRange, JUDGE_RANGES } from '../options/option-range.js';
import { checkIterable, checkObject, keyOfUser } from '../reward-model/judge-settings.js';
import type { JudgeInput, JudgeOptions, JudgeOutcome, Judgment } from '../reward-model/judgment.js';
import type { LoadProgress } from '../reward-model/load/load-options.js';
import { type BestOfN, bestOf, type Ranking } from '../reward-model/ranking.js';
import type { JudgeManyOptions } from '../reward-model/reward-model.js';
import type {
  JudgeRequest,
  LoadedModel,
  Service,
  ServiceAnswers,
  ServiceEmbedder,
  ServiceEvent,
  ServiceHealth,
  ServiceJob,
  ServiceModel,
  ServiceRequest,
  ServiceStatistics,
} from './contract.js';

/** What a judge tells that belongs to no single judgment. */
export interface JudgeListeners {
  /** A model comes in: at first, and again after it was freed or its worker ended. */
  readonly onProgress?: (progress: LoadProgress) => void;
  readonly onWarning?: (warning: LoadWarning) => void;
}

/**
 * Judges through a service. Judgments are those of `RewardModel` with the same options; so are the errors, beside
 * `QUEUE_FULL` where too many jobs are open, and `WORKER_LOST` where a worker ended again and again.
 */
export class Judge implements AsyncDisposable {
  readonly #service: Service;
  readonly #model: ServiceModel;
  readonly #embedder: ServiceEmbedder | null;
  readonly #listeners: JudgeListeners;
  readonly #jobs = new Set<ServiceJob<unknown>>();
  #owned: AsyncDisposable | null = null;
  #closing: Promise<void> | undefined;
  #batches = 0;
  readonly #name = Math.random().toString(36).slice(2);

  /** @internal `createJudge` makes them. */
  constructor(
    service: Service,
    model: ServiceModel,
    { embedder = null, ...listeners }: JudgeListeners & { readonly embedder?: ServiceEmbedder | null } = {},
  ) {
    this.#service = service;
    this.#model = model;
    this.#embedder = embedder;
    this.#listeners = listeners;
  }

  /** @internal Has `close` end what the judge runs in, too. */
  owning(owned: AsyncDisposable): this {
    this.#owned = owned;
    return this;
  }

  /** Loads the model where it is not, and says what it is. */
  async load({ signal }: { readonly signal?: AbortSignal } = {}): Promise<LoadedModel> {
    return this.#ask({ op: 'load', model: this.#model }, signal);
  }

  /** As `RewardModel.judge`. */
  async judge(input: JudgeInput, options: JudgeOptions = {}): Promise<Judgment> {
    return this.#judge('judge', input, options);
  }

  /** As `RewardModel.rank`. */
  async rank(input: JudgeInput, options: JudgeOptions = {}): Promise<Ranking> {
    return this.#judge('rank', input, options);
  }

  /** As `RewardModel.bestOfN`. */
  async bestOfN(input: JudgeInput, options: JudgeOptions = {}): Promise<BestOfN> {
    return bestOf(await this.rank(input, options));
  }

  /** As `RewardModel.judgeMany`; items that were in flight when a worker ended are judged again. */
  async *judgeMany<I extends JudgeInput>(
    inputs: AsyncIterable<I> | Iterable<I>,
    options: JudgeManyOptions<I> = {},
  ): AsyncGenerator<JudgeOutcome<I>, void, undefined> {
    checkObject('options', options);
    checkIterable('inputs', inputs);
    const { concurrency, reorder = 1, userKey = keyOfUser, signal, onEvent, ...judge } = options;
    checkRange('reorder', reorder, JUDGE_RANGES.reorder);
    if (concurrency !== undefined) checkRange('concurrency', concurrency, JUDGE_RANGES.concurrency);
    const loaded = await this.#ask({ op: 'load', model: this.#model, judge }, signal);
    const name = `${this.#name}-${this.#batches++}`;
    const listening = onEvent === undefined ? {} : { onEvent };
    const judgeOne = async (input: I, index: number, stop: AbortSignal): Promise<JudgeOutcome<I>> => {
      const own = { ...judge, ...listening, signal: stop };
      try {
        return { index, input, judgment: await this.#judge('judge', input, own, { name, place: index }) };
      } catch (error) {
        // What is no error of this item (a listener that throws, a closed judge) ends the stream.
        if (stop.aborted || !(error instanceof PgenrmError) || error.code === 'DISPOSED') throw error;
        return { index, input, error };
      }
    };
    try {
      const atOnce = concurrency ?? loaded.concurrency;
      yield* mapTogether(inputs, judgeOne, { concurrency: atOnce, signal, reorder, keyOf: userKey });
    } finally {
      this.#service.submit({ op: 'endBatch', batch: name }).answer.catch(() => undefined);
    }
  }

  /** Unit vectors of texts, by the embedder that the judge was made with. Errors: as of an embedder, and `INVALID_OPTION` without one. */
  async embed(
    texts: readonly string[],
    { signal }: { readonly signal?: AbortSignal } = {},
  ): Promise<Embeddings> {
    if (this.#embedder === null) {
      throw new PgenrmError(
        'INVALID_OPTION',
        'this judge has no embedder; make it with the option embeddings',
      );
    }
    return this.#ask({ op: 'embed', embedder: this.#embedder, texts }, signal);
  }

  async statistics(): Promise<ServiceStatistics> {
    return this.#ask({ op: 'statistics' }, undefined);
  }

  async health(): Promise<ServiceHealth> {
    return this.#ask({ op: 'health' }, undefined);
  }

  /** Ends what is at work with `DISPOSED`, frees the model, and ends the worker where it is the judge's own; safe to call twice. */
  async close(): Promise<void> {
    this.#closing ??= this.#close();
    await this.#closing;
  }

  /** As {@link close}, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #close(): Promise<void> {
    for (const job of this.#jobs) job.cancel(closedError());
    if (this.#owned !== null) return this.#owned[Symbol.asyncDispose]();
    await this.#service.submit({ op: 'unload', model: this.#model }).answer.catch((error: unknown) => {
      // A service that was closed has freed the model already.
      if (!(error instanceof PgenrmError) || error.code !== 'DISPOSED') throw error;
    });
  }

  async #judge<O extends 'judge' | 'rank'>(
    op: O,
    input: JudgeInput,
    given: JudgeOptions,
    batch?: NonNullable<JudgeRequest['batch']>,
  ): Promise<ServiceAnswers[O]> {
    checkObject('options', given);
    const { signal, onEvent, ...options } = given;
    const request = {
      op,
      model: this.#model,
      input: plainInput(input),
      options,
      events: onEvent !== undefined,
      ...(batch === undefined ? {} : { batch }),
    };
    return this.#ask<JudgeRequest & { op: O }>(request, signal, (event) => {
      if (event.type === 'judge') onEvent?.(event.event);
    });
  }

  async #ask<R extends ServiceRequest>(
    request: R,
    signal: AbortSignal | undefined,
    onEvent?: (event: ServiceEvent) => void,
  ): Promise<ServiceAnswers[R['op']]> {
    if (this.#closing !== undefined) throw closedError();
    signal?.throwIfAborted();
    const job = this.#service.submit(request, (event) => {
      if (event.type === 'progress') this.#listeners.onProgress?.(event.progress);
      else if (event.type === 'warning') this.#listeners.onWarning?.(event.warning);
      onEvent?.(event);
    });
    const stop = (): void => job.cancel(signal?.reason);
    signal?.addEventListener('abort', stop, { once: true });
    this.#jobs.add(job);
    try {
      return await job.answer;
    } finally {
      this.#jobs.delete(job);
      signal?.removeEventListener('abort', stop);
    }
  }
}

/** What of an input is judged: what else a caller keeps in it stays here. */
function plainInput(input: JudgeInput): JudgeInput {
  if (typeof input !== 'object' || input === null) return input;
  const names = ['id', 'user', 'prompt', 'context', 'candidates', 'analysis'] as const;
  const given = names.filter((name) => input[name] !== undefined);
  return Object.fromEntries(given.map((name) => [name, input[name]])) as unknown as JudgeInput;
}

function closedError(): PgenrmError {
  return new PgenrmError('DISPOSED', 'this judge was closed; create another one');
}

// A judge behind the service: one model, one embedder, every comparison a job.
// Knows the contract of `src/service`; nothing of HTTP, nor of where the service runs.

import { basename } from 'node:path';
import type { JudgeOptions } from '../../reward-model/judgment.js';
import type {
  Service,
  ServiceAnswers,
  ServiceEmbedder,
  ServiceEvent,
  ServiceModel,
  ServiceRequest,
} from '../../service/contract.js';
import type { Judging } from './judging.js';

/** What of a service is served. */
export interface Served {
  readonly model: ServiceModel;
  /** The options that requests judge with where they do not say. */
  readonly judge?: JudgeOptions;
  readonly embedder?: ServiceEmbedder | null;
  readonly signal?: AbortSignal;
  /** Called with what is reported while the model loads. */
  readonly onEvent?: (event: ServiceEvent) => void;
}

/** Loads the model of a service and makes a judge of it; the service is closed with it, also where loading fails. */
export async function serviceJudging(
  service: Service,
  { model, judge = {}, embedder = null, signal, onEvent }: Served,
): Promise<Judging> {
  try {
    const { signal: _, onEvent: __, ...options } = judge;
    const loaded = await ask(service, { op: 'load', model, judge: options }, signal, onEvent);
    // A first text, so that an embedder that cannot be loaded is known before requests are taken.
    if (embedder !== null) await ask(service, { op: 'embed', embedder, texts: ['ready'] }, signal, onEvent);
    return {
      modelName: basename(loaded.model.name).replace(/\.gguf$/i, ''),
      // As many as `pgenrm score` has rows in flight.
      concurrency: loaded.concurrency,
      async judge(input, { signal: stop, onEvent: tell, ...own }) {
        const request = { op: 'judge', model, input, options: own, events: tell !== undefined } as const;
        return ask(service, request, stop, (event) => {
          if (event.type === 'judge') tell?.(event.event);
        });
      },
      embed: embedder === null ? null : (texts, stop) => ask(service, { op: 'embed', embedder, texts }, stop),
      close: () => service.close(),
    };
  } catch (error) {
    await service.close();
    throw error;
  }
}

async function ask<R extends ServiceRequest>(
  service: Service,
  request: R,
  signal: AbortSignal | undefined,
  onEvent?: (event: ServiceEvent) => void,
): Promise<ServiceAnswers[R['op']]> {
  signal?.throwIfAborted();
  const job = service.submit(request, onEvent);
  const stop = (): void => job.cancel(signal?.reason);
  signal?.addEventListener('abort', stop, { once: true });
  try {
    return await job.answer;
  } finally {
    signal?.removeEventListener('abort', stop);
  }
}

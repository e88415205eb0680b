// A worker: takes jobs from a queue and judges their rows with a loaded model.
// Knows one model; what a job asks comes with the job, and nothing is kept from one to the next.

import { setMaxListeners } from 'node:events';
import { hostname } from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';
import { unlessAborted } from '../concurrency/unless-aborted.js';
import { isRowError, messageOf, PgenrmError } from '../errors.js';
import type { JudgeSettings } from '../reward-model/judge-settings.js';
import type { RewardModel } from '../reward-model/reward-model.js';
import { Lane } from '../service/lane.js';
import type { JobWorker, LostAfter, QueueBackend, StoredJob } from './backend/backend.js';
import { openBackend } from './backend/open-backend.js';
import type { JudgeJob, QueueAnswer, QueueJob, RowAnswer } from './contract.js';
import { describeWorker, refusalOf } from './identity.js';

/** A worker that gives no sign for so long has lost its jobs; seen at the second look after that. */
export const LOST_AFTER: LostAfter = { lockMs: 15_000, checkMs: 5000 };
/** Milliseconds that jobs have to be given back when a worker ends. */
const CLOSE_MS = 5000;
/** Range and default of {@link WorkOptions.timeout}. */
export const WORK_TIMEOUT = { integer: false, min: 1, max: 86_400, usual: 600 } as const;

/** What works, and how. */
export interface WorkOptions {
  /** `redis://` or `postgres://`. */
  readonly address: string;
  readonly model: RewardModel;
  /** Rows at once; default: as many as keep the model busy. */
  readonly concurrency?: number;
  /** Seconds without a judged row after which the model counts as hung; default 600. */
  readonly timeout?: number;
  readonly signal: AbortSignal;
  readonly onEvent?: (event: WorkEvent) => void;
  /** Default {@link LOST_AFTER}; the same for all workers of a queue. */
  readonly lostAfter?: LostAfter;
}

/** What a worker reports. */
export type WorkEvent =
  | { readonly type: 'ready'; readonly queue: string; readonly worker: string }
  | { readonly type: 'judged'; readonly rows: number; readonly failed: number; readonly ms: number }
  /** Null: the queue is well again. */
  | { readonly type: 'trouble'; readonly reason: string };

/**
 * Works until the signal aborts; what was taken and not judged is then given back.
 *
 * Errors: those of {@link openBackend}; `RUN_MISMATCH` where a run was begun with another model, template, bank or version:
 * the job is refused with the reason, and the worker ends; an error of the model that is no row's own, with which the
 * worker ends too, and its jobs are given to others.
 */
export async function work(options: WorkOptions): Promise<void> {
  await using backend = await openBackend(options.address);
  const worker = new QueueWorker(backend, options);
  await worker.ended;
}

class QueueWorker {
  /** Settles once the worker has ended. */
  readonly ended: Promise<void>;
  readonly #name = `${hostname()}-${process.pid}`;
  readonly #backend: QueueBackend;
  readonly #options: WorkOptions;
  readonly #worker: JobWorker;
  readonly #lane = new Lane();
  readonly #stop = new AbortController();
  /** Rows of a job on the average. */
  #rowsPerJob = 1;
  #end: (error?: unknown) => void = () => undefined;

  constructor(backend: QueueBackend, options: WorkOptions) {
    const { signal, onEvent } = options;
    setMaxListeners(0, this.#stop.signal);
    this.#backend = backend;
    this.#options = options;
    const asked = new Promise<void>((resolve, reject) => {
      this.#end = (error) => (error === undefined ? resolve() : reject(error));
    });
    this.#worker = backend.worker('jobs', (job, token) => this.#process(job, token), {
      ...(options.lostAfter ?? LOST_AFTER),
      name: this.#name,
      concurrency: this.#width(options.model.settings()),
    });
    this.#worker.on('error', (error) => onEvent?.({ type: 'trouble', reason: messageOf(error) }));
    const stopped = (): void => this.#halt();
    if (signal.aborted) stopped();
    else signal.addEventListener('abort', stopped, { once: true });
    onEvent?.({ type: 'ready', queue: backend.name, worker: this.#name });
    this.ended = this.#close(asked).finally(() => signal.removeEventListener('abort', stopped));
  }

  /** Takes nothing more; what is at work goes back, unless the worker ends because it refuses a job. */
  #halt(error?: unknown): void {
    void this.#worker.pause(true);
    this.#stop.abort(error ?? this.#options.signal.reason);
    this.#end(error);
  }

  async #close(asked: Promise<void>): Promise<void> {
    try {
      await asked;
    } finally {
      // A server that is gone takes nothing back: what was taken comes back to it by itself.
      await Promise.race([this.#worker.close(), pause(CLOSE_MS, undefined, { ref: false })]);
    }
  }

  #width(settings: JudgeSettings): number {
    return this.#options.model.judgmentsAtOnce(settings, this.#options.concurrency);
  }

  async #process(stored: StoredJob, token: string): Promise<QueueAnswer> {
    const { model, onEvent } = this.#options;
    const job = stored.data as QueueJob;
    const began = performance.now();
    const head = () => ({ worker: this.#name, ms: performance.now() - began });
    if (this.#stop.signal.aborted) return this.#giveBack(stored, token);
    const refused = refusalOf(job, model);
    if (refused !== null) {
      this.#halt(new PgenrmError('RUN_MISMATCH', refused));
      return { ...head(), refused };
    }
    if (job.op === 'describe') return { ...head(), described: describeWorker(model, job.withBank) };
    try {
      const rows = await this.#judge(job);
      const failed = rows.filter((row) => 'error' in row).length;
      onEvent?.({ type: 'judged', rows: rows.length, failed, ms: performance.now() - began });
      return { ...head(), rows };
    } catch (error) {
      // Asked to stop, or another job found the model unusable: this one is not at fault.
      if (this.#stop.signal.aborted) return this.#giveBack(stored, token);
      this.#halt(error);
      throw error;
    }
  }

  async #judge({ inputs, options, alone }: JudgeJob): Promise<RowAnswer[]> {
    const { model } = this.#options;
    const width = this.#width(model.settings(options));
    this.#rowsPerJob += (inputs.length - this.#rowsPerJob) / 8;
    // One job more than keeps the model busy, so that it has rows while an answer is on its way.
    this.#worker.concurrency = Math.ceil(width / this.#rowsPerJob) + 1;
    const failing = new AbortController();
    const stop = AbortSignal.any([this.#stop.signal, failing.signal]);
    // Every row of the job listens.
    setMaxListeners(0, stop);
    const watch = this.#watch(failing);
    try {
      return await Promise.all(
        inputs.map(async (input) => {
          const leave = alone ? () => undefined : await this.#lane.enter(width, stop);
          try {
            // A model that hangs does not stop when it is asked to.
            const judgment = await unlessAborted(model.judge(input, { ...options, signal: stop }), stop);
            return { judgment };
          } catch (error) {
            if (stop.aborted || !isRowError(error)) throw error;
            return { error: error.toJSON() };
          } finally {
            leave();
            watch.seen();
          }
        }),
      );
    } catch (error) {
      failing.abort(error);
      throw error;
    } finally {
      watch.end();
    }
  }

  /** Aborts a job where no row was judged for too long. */
  #watch(failing: AbortController): { seen(): void; end(): void } {
    const seconds = this.#options.timeout ?? WORK_TIMEOUT.usual;
    const timer = setTimeout(() => {
      failing.abort(
        new PgenrmError(
          'DECODE_FAILED',
          `no row was judged within ${seconds} s, so the model counts as hung; start the worker anew, or give it longer with --timeout`,
        ),
      );
    }, seconds * 1000);
    return { seen: () => void timer.refresh(), end: () => clearTimeout(timer) };
  }

  async #giveBack(job: StoredJob, token: string): Promise<never> {
    await job.moveToWait(token);
    throw this.#backend.givenBack();
  }
}

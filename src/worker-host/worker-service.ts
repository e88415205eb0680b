// A service in a worker: sends jobs over, begins the worker anew where it ends by itself, and loses no job.
// Knows the protocol; how messages travel is `worker-channel.ts`.

import { messageOf, PgenrmError } from '../errors.js';
import {
  SERVICE_VERSION,
  type Service,
  type ServiceAnswers,
  type ServiceEvent,
  type ServiceJob,
  type ServiceRequest,
  type ServiceStatistics,
} from '../service/contract.js';
import { checkServiceLimits, FREE, type ServiceLimits } from '../service/local-service.js';
import type { FromWorker } from './protocol.js';
import { openChannel, type WorkerChannel, type WorkerKind } from './worker-channel.js';

/** Workers that may end under a job among others; from then on it is tried alone, and fails where it ends that worker too. */
const MOST_SHARED_ATTEMPTS = 2;
/** What may end in a row, with no answer between, before everything that waits fails: workers with several jobs, jobs tried alone. */
const MOST_FAILURES = { workers: 4, alone: 8 };
/** Milliseconds before the first new worker; doubled for each that ends without an answer. */
const BACK_OFF = { first: 100, most: 10_000 };
/** Milliseconds that a worker has to confirm that a job was cancelled, and to end when it is closed. */
const PATIENCE = { cancel: 1000, close: 5000 };

interface OpenJob {
  readonly id: number;
  readonly request: ServiceRequest;
  readonly tell: (event: ServiceEvent) => void;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
  /** Workers that it was given to. */
  attempts: number;
  sent: boolean;
  cancelled: { readonly reason: unknown } | null;
}

/** {@link Service} in a worker. */
export class WorkerService implements Service {
  readonly #kind: WorkerKind;
  readonly #assetRoot: string | undefined;
  readonly #limits: ServiceLimits;
  readonly #jobs = new Map<number, OpenJob>();
  #channel: WorkerChannel | null = null;
  #begun = false;
  #timer: NodeJS.Timeout | undefined;
  #failures = 0;
  #failuresAlone = 0;
  #restarts = 0;
  #ids = 0;
  #closing: Promise<void> | undefined;
  #onEnded: () => void = () => undefined;

  /** Begins no worker before the first job. Errors: `INVALID_OPTION`. */
  constructor(kind: WorkerKind, limits: ServiceLimits = {}, assetRoot?: string) {
    checkServiceLimits(limits);
    this.#kind = kind;
    this.#limits = limits;
    this.#assetRoot = assetRoot;
  }

  /** Of the process that judges; null where there is none at this moment, and of a thread. */
  get pid(): number | null {
    return this.#channel?.pid ?? null;
  }

  submit<R extends ServiceRequest>(
    request: R,
    onEvent?: (event: ServiceEvent) => void,
  ): ServiceJob<ServiceAnswers[R['op']]> {
    const id = this.#ids++;
    const cancel = (reason: unknown = new DOMException('the job was cancelled', 'AbortError')): void =>
      this.#cancel(id, reason);
    const tell = (event: ServiceEvent): void => {
      try {
        onEvent?.(event);
      } catch (error) {
        cancel(error);
      }
    };
    const answer = new Promise<unknown>((resolve, reject) => {
      if (this.#closing !== undefined) throw closedError();
      if (request.op in KEPT && this.#channel === null && this.#timer === undefined) {
        resolve(keptNothing(request));
        return;
      }
      const { mostOpen = 1024 } = this.#limits;
      if (this.#jobs.size >= mostOpen && !FREE.has(request.op)) {
        throw new PgenrmError(
          'QUEUE_FULL',
          `at most ${mostOpen} jobs may be open, and so many are; ask again when one has ended, or raise mostOpen`,
        );
      }
      const job: OpenJob = { id, request, tell, resolve, reject, attempts: 0, sent: false, cancelled: null };
      this.#jobs.set(id, job);
      if (this.#begun) this.#sendNext();
      else this.#begin();
      this.#hold();
    });
    return { id: `${id}`, answer: answer as Promise<ServiceAnswers[R['op']]>, cancel };
  }

  async close(): Promise<void> {
    this.#closing ??= this.#close();
    await this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #begin(): void {
    if (this.#channel !== null || this.#timer !== undefined) return;
    try {
      const channel = openChannel(this.#kind, this.#assetRoot, {
        onMessage: (message) => this.#receive(message),
        onEnd: (how) => this.#ended(how),
      });
      this.#channel = channel;
      channel.post({ type: 'begin', version: SERVICE_VERSION, limits: this.#limits });
    } catch (error) {
      this.#ended(messageOf(error));
    }
  }

  /** Sends what waits. While a job is suspect no other is in the worker with it: should it end again, that job is to blame. */
  #sendNext(): void {
    if (!this.#begun) return;
    const open = [...this.#jobs.values()].filter(({ request }) => !FREE.has(request.op));
    const suspects = open.filter(isSuspect);
    const next = suspects.length === 0 ? open : open.some(({ sent }) => sent) ? [] : suspects.slice(0, 1);
    for (const job of this.#jobs.values()) {
      if (!job.sent && (next.includes(job) || FREE.has(job.request.op))) this.#send(job);
    }
  }

  #send(job: OpenJob): void {
    job.sent = true;
    job.attempts += 1;
    if (job.attempts > 1) job.tell({ type: 'again', attempt: job.attempts });
    try {
      this.#channel?.post({ type: 'submit', id: job.id, request: job.request });
    } catch (error) {
      this.#settle(job, () =>
        job.reject(
          new PgenrmError('INVALID_OPTION', `a job must be plain data: ${messageOf(error)}`, {
            cause: error,
          }),
        ),
      );
    }
  }

  #receive(message: FromWorker): void {
    if (message.type === 'begun') {
      this.#begun = true;
      this.#sendNext();
      return;
    }
    if (message.type === 'refused') {
      const error = PgenrmError.fromJSON(message.error);
      for (const job of [...this.#jobs.values()]) this.#settle(job, () => job.reject(error));
      return;
    }
    const job = this.#jobs.get(message.id);
    if (job === undefined) return;
    if (message.type === 'event') {
      if (job.cancelled === null) job.tell(message.event);
      return;
    }
    this.#failures = 0;
    this.#failuresAlone = 0;
    this.#settle(job, () => {
      if (job.cancelled !== null) job.reject(job.cancelled.reason);
      else if (message.type === 'answer') job.resolve(this.#answerOf(job, message.value));
      else if (message.type === 'error') job.reject(PgenrmError.fromJSON(message.error));
      else job.reject(new PgenrmError('INTERNAL', 'a worker cancelled a job that nobody had cancelled'));
    });
  }

  #answerOf({ request }: OpenJob, value: unknown): unknown {
    if (request.op !== 'statistics') return value;
    return { ...(value as ServiceStatistics), restarts: this.#restarts };
  }

  #settle(job: OpenJob, settle: () => void): void {
    this.#jobs.delete(job.id);
    settle();
    this.#sendNext();
    this.#hold();
  }

  #cancel(id: number, reason: unknown): void {
    const job = this.#jobs.get(id);
    if (job === undefined || job.cancelled !== null) return;
    job.cancelled = { reason };
    if (!job.sent) {
      this.#settle(job, () => job.reject(reason));
      return;
    }
    this.#channel?.post({ type: 'cancel', id });
    // A worker that does not answer keeps nobody waiting.
    setTimeout(() => {
      if (this.#jobs.get(id) === job) this.#settle(job, () => job.reject(reason));
    }, PATIENCE.cancel).unref();
  }

  #ended(how: string): void {
    this.#channel = null;
    this.#begun = false;
    this.#onEnded();
    if (this.#closing !== undefined) return;
    const tried = [...this.#jobs.values()].find((job) => job.sent && isSuspect(job));
    if (tried === undefined) this.#failures += 1;
    else this.#failuresAlone += 1;
    const given = this.#failures > MOST_FAILURES.workers || this.#failuresAlone > MOST_FAILURES.alone;
    for (const job of [...this.#jobs.values()]) {
      if (job.cancelled !== null) this.#settle(job, () => job.reject(job.cancelled?.reason));
      // What it kept is gone with the worker.
      else if (job.request.op in KEPT) this.#settle(job, () => job.resolve(keptNothing(job.request)));
      else if (given || job === tried) this.#settle(job, () => job.reject(lostError(how, job.attempts)));
      job.sent = false;
    }
    if (given || tried !== undefined) this.#failures = 0;
    if (given) this.#failuresAlone = 0;
    if (this.#jobs.size === 0) return;
    const delay = Math.min(BACK_OFF.most, BACK_OFF.first * 2 ** Math.max(0, this.#failures - 1));
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#restarts += 1;
      this.#begin();
      this.#hold();
    }, delay);
  }

  #hold(): void {
    this.#channel?.hold(this.#jobs.size > 0 || this.#closing !== undefined);
  }

  async #close(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    for (const job of [...this.#jobs.values()]) this.#settle(job, () => job.reject(closedError()));
    const channel = this.#channel;
    if (channel === null) return;
    channel.hold(true);
    await new Promise<void>((resolve) => {
      const patience = setTimeout(() => channel.kill(), PATIENCE.close);
      this.#onEnded = () => {
        clearTimeout(patience);
        resolve();
      };
      if (this.#begun) channel.post({ type: 'close' });
      else channel.kill();
    });
  }
}

/** What asks a worker to forget something; the answer where it never knew. */
const KEPT: Partial<Record<ServiceRequest['op'], null | false>> = { endBatch: null, unload: false };

function keptNothing({ op }: ServiceRequest): null | false | undefined {
  return KEPT[op];
}

/** Whether workers ended under it often enough for it to be tried alone. */
function isSuspect({ request, attempts, sent }: OpenJob): boolean {
  return !FREE.has(request.op) && attempts - (sent ? 1 : 0) >= MOST_SHARED_ATTEMPTS;
}

function closedError(): PgenrmError {
  return new PgenrmError('DISPOSED', 'this judge was closed; create another one');
}

function lostError(how: string, attempts: number): PgenrmError {
  return new PgenrmError(
    'WORKER_LOST',
    `the worker ended by itself (${how})${attempts > 1 ? `, ${attempts} times with this job` : ''}; its standard error says why`,
  );
}

// One session at a queue: its jobs with what is attached to each, its record, and its end.
// Knows what jobs say of themselves; what becomes of rows is the judge's.

import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { QueueBackend } from './backend/backend.js';
import {
  type DescribeJob,
  type JudgeJob,
  QUEUE_VERSION,
  type QueueAnswer,
  type WorkerDescription,
} from './contract.js';
import { Crew } from './crew.js';
import { JobBoard } from './job-board.js';
import { RunRecord } from './run-record.js';

/** Milliseconds that a server has to forget what was put. */
const CLOSE_MS = 5000;

/** What a queue reports while it is used. */
export type QueueEvent =
  /** Nobody has said yet what the rows will be judged with. */
  | { readonly type: 'waiting'; readonly queue: string }
  | { readonly type: 'joined'; readonly worker: string }
  | { readonly type: 'refused'; readonly worker: string; readonly reason: string }
  /** Null: it is well again. */
  | { readonly type: 'trouble'; readonly reason: string | null };

/** How rows are shared out. */
export interface SharingOptions {
  /** `redis://` or `postgres://`. */
  readonly address: string;
  /** Path of the run's output. */
  readonly output: string;
  /** Whether chains as similar users are asked for. */
  readonly withBank: boolean;
  readonly signal: AbortSignal;
  readonly onEvent?: (event: QueueEvent) => void;
}

/** Takes what becomes of jobs. */
export interface JobListener {
  readonly answered: (id: string, answer: QueueAnswer) => void;
  /** Its worker was lost, or threw. */
  readonly failed: (id: string, reason: string) => void;
}

/** What is put into a queue and taken out again; `R` is what stands behind a row of a job. */
export class QueueSession<R> {
  readonly run = randomUUID();
  readonly crew = new Crew();
  readonly record: RunRecord;
  readonly #backend: QueueBackend;
  readonly #options: SharingOptions;
  readonly #board: JobBoard;
  readonly #rows = new Map<string, readonly R[]>();
  #listener: JobListener = { answered: () => undefined, failed: () => undefined };

  constructor(backend: QueueBackend, options: SharingOptions) {
    this.#backend = backend;
    this.#options = options;
    const jobs = backend.queue('jobs');
    this.record = new RunRecord(backend.queue('runs'), jobs, this.run, options.output, this.crew);
    this.#board = new JobBoard(jobs, this.run, {
      answered: (id, answer) => this.#listener.answered(id, answer as QueueAnswer),
      failed: (id, reason) => this.#listener.failed(id, reason),
      trouble: (reason) => {
        this.crew.trouble = reason;
        options.onEvent?.({ type: 'trouble', reason });
      },
    });
    this.crew.onJoined = (worker) => options.onEvent?.({ type: 'joined', worker });
    this.crew.inFlight = () => [...this.#rows.values()].reduce((sum, rows) => sum + rows.length, 0);
  }

  /** Who is told from now on. */
  listen(listener: JobListener): void {
    this.#listener = listener;
  }

  /** Puts a job with its rows. */
  put(job: JudgeJob, rows: readonly R[]): void {
    this.#rows.set(this.#board.put(job.op, job), rows);
  }

  /** The rows of a job, which is then open no more. */
  take(id: string): readonly R[] {
    const rows = this.#rows.get(id) ?? [];
    this.#rows.delete(id);
    return rows;
  }

  /** A worker differs. */
  refused(worker: string, reason: string): void {
    this.crew.refused(worker, reason);
    this.#options.onEvent?.({ type: 'refused', worker, reason });
  }

  /** Asks until a worker has said what it judges with. */
  async describe(): Promise<WorkerDescription> {
    const { signal, withBank, onEvent } = this.#options;
    const job: DescribeJob = { version: QUEUE_VERSION, run: this.run, op: 'describe', withBank };
    const ask = (): string => this.#board.put(job.op, job);
    onEvent?.({ type: 'waiting', queue: this.#backend.name });
    return new Promise<WorkerDescription>((resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
      this.listen({
        answered: (_, answer) => {
          if ('described' in answer) {
            this.crew.answered(answer.worker, 0);
            resolve(answer.described);
          } else {
            if ('refused' in answer) this.refused(answer.worker, answer.refused);
            ask();
          }
        },
        failed: ask,
      });
      if (signal.aborted) reject(signal.reason);
      else ask();
    });
  }

  /** Takes back what waits, and ends the record. */
  async close(): Promise<void> {
    const ids = this.#board.ids();
    await this.#board.close();
    // A server that is gone answers nothing: what is left there is cleared away by the next session.
    await Promise.race([
      this.#board
        .withdraw(ids)
        .then(() => this.record.end())
        .catch(() => undefined),
      pause(CLOSE_MS, undefined, { ref: false }),
    ]);
    this.record.stop();
    await this.#backend[Symbol.asyncDispose]();
  }
}

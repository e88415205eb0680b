// Jobs that one session has put and that are not answered yet: puts them, collects answers, puts anew what the queue lost.
// Knows jobs by their ids; nothing of what they ask.

import { setTimeout as pause } from 'node:timers/promises';
import { messageOf } from '../errors.js';
import type { JobQueue, StoredJob } from './backend/backend.js';

/** Milliseconds between two looks for answers where the last one found none. */
const LOOK_MS = 25;
/** Milliseconds between two looks for jobs that the queue has lost, and after an error. */
const LOST_MS = 3000;
const TROUBLE_MS = 500;
/** Finished jobs that are read at once. */
const PAGE = 50;

/** Takes what becomes of the jobs. */
export interface BoardListener {
  /** Each job is answered or failed once. */
  answered(id: string, answer: unknown): void;
  /** Its worker was lost, or threw. */
  failed(id: string, reason: string): void;
  /** The queue cannot be used just now, and why; null: it can again. */
  trouble(reason: string | null): void;
}

/**
 * The open jobs of a session. What the queue remembers does not count: a job without an answer that it does not know, after
 * a restart without persistence say, is put again; an answer to a job that is not open is thrown away.
 */
export class JobBoard {
  readonly #queue: JobQueue;
  readonly #run: string;
  readonly #listener: BoardListener;
  readonly #open = new Map<string, { readonly name: string; readonly data: object }>();
  #unput = new Set<string>();
  #number = 0;
  #closed = false;
  #troubled = false;
  #lookedForLost = performance.now();
  readonly #stopping = new AbortController();
  readonly #task: Promise<void>;

  constructor(queue: JobQueue, run: string, listener: BoardListener) {
    this.#queue = queue;
    this.#run = run;
    this.#listener = listener;
    queue.on('error', (error) => this.#trouble(messageOf(error)));
    this.#task = this.#watch();
  }

  /** Jobs that are not answered. */
  get open(): number {
    return this.#open.size;
  }

  /** Puts a job and gives its id. */
  put(name: string, data: object): string {
    const id = `${this.#run}-${this.#number++}`;
    this.#open.set(id, { name, data });
    this.#unput.add(id);
    return id;
  }

  /** Forgets a job; where it waits in the queue it is taken back. */
  async withdraw(ids: readonly string[]): Promise<void> {
    for (const id of ids) {
      this.#open.delete(id);
      this.#unput.delete(id);
    }
    // A job that a worker holds cannot be taken back: its answer will be thrown away.
    await Promise.all(ids.map(async (id) => (await this.#queue.getJob(id))?.remove().catch(() => undefined)));
  }

  /** Ends the watch; open jobs stay in the queue until they are withdrawn. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#stopping.abort();
    // A server that is gone answers no command: the watch is then left to itself.
    await Promise.race([this.#task, pause(TROUBLE_MS)]);
  }

  /** Ids of the open jobs. */
  ids(): string[] {
    return [...this.#open.keys()];
  }

  async #watch(): Promise<void> {
    while (!this.#closed) {
      try {
        await this.#putNew();
        const found = await this.#collect();
        await this.#putLost();
        this.#trouble(null);
        if (!found && this.#unput.size === 0) await this.#sleep(LOOK_MS);
      } catch (error) {
        if (this.#closed) return;
        this.#trouble(messageOf(error));
        await this.#sleep(TROUBLE_MS);
      }
    }
  }

  async #putNew(): Promise<void> {
    if (this.#unput.size === 0) return;
    const ids = [...this.#unput];
    this.#unput = new Set();
    try {
      await this.#add(ids);
    } catch (error) {
      // Nobody knows which of them arrived: an id that is there already is not put twice.
      for (const id of ids) if (this.#open.has(id)) this.#unput.add(id);
      throw error;
    }
  }

  async #add(ids: readonly string[]): Promise<void> {
    const jobs = ids.flatMap((id) => {
      const job = this.#open.get(id);
      return job === undefined ? [] : [{ ...job, opts: { jobId: id } }];
    });
    if (jobs.length > 0) await this.#queue.addBulk(jobs);
  }

  /** Takes all answers that are there; whether there were any. */
  async #collect(): Promise<boolean> {
    if (this.#open.size === 0) return false;
    let taken = 0;
    for (const state of ['completed', 'failed'] as const) {
      for (let start = 0; ; ) {
        const jobs = await this.#queue.getJobs([state], start, start + PAGE - 1, true);
        const own = jobs.filter((job) => job?.id?.startsWith(`${this.#run}-`) === true);
        for (const job of own) this.#take(job, state);
        taken += own.length;
        await Promise.all(own.map((job) => job.remove().catch(() => undefined)));
        if (jobs.length < PAGE) break;
        // What is left of this page are answers to others.
        start += jobs.length - own.length;
      }
    }
    return taken > 0;
  }

  #take(job: StoredJob, state: 'completed' | 'failed'): void {
    const id = job.id!;
    if (!this.#open.delete(id)) return;
    this.#unput.delete(id);
    if (state === 'completed') this.#listener.answered(id, job.returnvalue);
    else this.#listener.failed(id, job.failedReason ?? 'no reason was given');
  }

  async #putLost(): Promise<void> {
    if (performance.now() - this.#lookedForLost < LOST_MS) return;
    const ids = this.ids().filter((id) => !this.#unput.has(id));
    const states = await Promise.all(ids.map((id) => this.#queue.getJobState(id)));
    await this.#add(ids.filter((_, place) => states[place] === 'unknown'));
    this.#lookedForLost = performance.now();
  }

  #trouble(reason: string | null): void {
    const troubled = reason !== null;
    if (troubled === this.#troubled || this.#closed) return;
    this.#troubled = troubled;
    this.#listener.trouble(reason);
  }

  async #sleep(ms: number): Promise<void> {
    await pause(ms, undefined, { signal: this.#stopping.signal }).catch(() => undefined);
  }
}

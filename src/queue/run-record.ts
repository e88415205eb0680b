// The entry of a session in the queue: who shares what out, and how far it is; clears away what ended sessions left.
// Knows the queue; how far a run is comes from the crew.

import { hostname } from 'node:os';
import { resolve } from 'node:path';
import { PgenrmError } from '../errors.js';
import { PACKAGE_VERSION } from '../package.js';
import type { JobQueue, ListedState, StoredJob } from './backend/backend.js';
import { QUEUE_VERSION } from './contract.js';
import type { Crew, CrewStatus } from './crew.js';

/** Milliseconds between two words of how far the run is. */
export const BEAT_MS = 1000;
const MOST_RUNS = 1000;
const PAGE = 200;

/** Who shares what out. */
export interface RunHead {
  readonly version: number;
  readonly pgenrm: string;
  readonly run: string;
  /** Machine and path of the output: the same output has one session. */
  readonly output: string;
  readonly host: string;
  readonly pid: number;
}

/** What a record says. `beat` changes as long as the session lives. */
export interface RunWord extends CrewStatus {
  readonly beat: number;
}

/** The record of one session. */
export class RunRecord {
  readonly #runs: JobQueue;
  readonly #jobs: JobQueue;
  readonly #head: RunHead;
  readonly #crew: Crew;
  #beat = 0;
  #timer: NodeJS.Timeout | undefined;
  #writing = false;

  constructor(runs: JobQueue, jobs: JobQueue, run: string, output: string, crew: Crew) {
    this.#runs = runs;
    this.#jobs = jobs;
    this.#crew = crew;
    const host = hostname();
    this.#head = {
      version: QUEUE_VERSION,
      pgenrm: PACKAGE_VERSION,
      run,
      output: `${host}:${resolve(output)}`,
      host,
      pid: process.pid,
    };
    // The board tells of trouble with the server.
    runs.on('error', () => undefined);
  }

  /**
   * Enters the session, and clears away the jobs of earlier ones of the same output and of those without a record: the output
   * says what is to be judged. Errors: `RUN_MISMATCH` where another version of pgenrm uses the queue.
   */
  async begin(): Promise<void> {
    const others = await listRuns(this.#runs);
    const foreign = others.find(({ head }) => head.version !== QUEUE_VERSION);
    if (foreign !== undefined)
      throw new PgenrmError(
        'RUN_MISMATCH',
        `the queue holds a run of queue version ${foreign.head.version} (pgenrm ${foreign.head.pgenrm}, ${foreign.head.output}), and this is version ${QUEUE_VERSION}; let it end, or use another database`,
      );
    const old = others.filter(({ head }) => head.output === this.#head.output);
    for (const { job } of old) await job.remove();
    const alive = new Set(others.filter((one) => !old.includes(one)).map(({ head }) => head.run));
    await this.#enter();
    await this.#clear((run) => run !== this.#head.run && !alive.has(run));
    this.#timer = setInterval(() => void this.#say(), BEAT_MS).unref();
  }

  /** Takes the record out. */
  async end(): Promise<void> {
    this.stop();
    await (await this.#runs.getJob(this.#head.run))?.remove();
  }

  /** Says nothing any more. */
  stop(): void {
    clearInterval(this.#timer);
  }

  async #enter(): Promise<void> {
    await this.#runs.addBulk([{ name: 'run', data: this.#head, opts: { jobId: this.#head.run } }]);
  }

  async #say(): Promise<void> {
    if (this.#writing) return;
    this.#writing = true;
    const word: RunWord = { ...this.#crew.status(), beat: this.#beat++ };
    try {
      let job = await this.#runs.getJob(this.#head.run);
      if (job === undefined) {
        // A server that was begun anew without its data.
        await this.#enter();
        job = await this.#runs.getJob(this.#head.run);
      }
      await job?.updateProgress(word);
    } catch {
      // The board tells of trouble with the server; the next word comes in a second.
    } finally {
      this.#writing = false;
    }
  }

  async #clear(ended: (run: string) => boolean): Promise<void> {
    for (const state of ['waiting', 'completed', 'failed'] as const satisfies readonly ListedState[]) {
      for (let start = 0; ; ) {
        const jobs = await this.#jobs.getJobs([state], start, start + PAGE - 1, true);
        const old = jobs.filter((job) => ended(runOf(job)));
        await Promise.all(old.map((job) => job.remove().catch(() => undefined)));
        if (jobs.length < PAGE) break;
        start += jobs.length - old.length;
      }
    }
  }
}

/** The runs that have a record. */
export async function listRuns(
  runs: JobQueue,
): Promise<{ readonly head: RunHead; readonly word: RunWord | null; readonly job: StoredJob }[]> {
  const jobs = await runs.getJobs(['waiting'], 0, MOST_RUNS - 1, true);
  return jobs.map((job) => ({
    job,
    head: job.data as RunHead,
    word: typeof job.progress === 'object' ? (job.progress as RunWord | null) : null,
  }));
}

function runOf(job: StoredJob): string {
  return (job.data as { readonly run?: string } | null)?.run ?? '';
}

// As much of a queue as is used: jobs that are put, taken, answered and looked at.
// Types alone; `redis.ts` and `postgres.ts` make them with BullMQ.

/** A job as the queue holds it. */
export interface StoredJob {
  readonly id?: string;
  readonly data: unknown;
  readonly progress: unknown;
  readonly returnvalue: unknown;
  readonly failedReason?: string;
  remove(): Promise<void>;
  updateProgress(value: object): Promise<void>;
  /** Gives a job back that is being worked on; the processor then throws a {@link WorkerSide.givenBack}. */
  moveToWait(token: string): Promise<unknown>;
}

/** A job to put: the same id twice is one job. */
export interface NewJob {
  readonly name: string;
  readonly data: object;
  readonly opts: { readonly jobId: string };
}

/** States that jobs are listed by. */
export type ListedState = 'waiting' | 'active' | 'completed' | 'failed';

/** The side that puts jobs and reads answers. */
export interface JobQueue {
  addBulk(jobs: readonly NewJob[]): Promise<unknown>;
  /** `end` counts too; `ascending`: oldest first. */
  getJobs(
    states: readonly ListedState[],
    start: number,
    end: number,
    ascending: boolean,
  ): Promise<StoredJob[]>;
  getJob(id: string): Promise<StoredJob | undefined>;
  /** `unknown` where the queue has no such job. */
  getJobState(id: string): Promise<string>;
  getJobCounts(state: ListedState): Promise<Record<string, number>>;
  on(event: 'error', listener: (error: Error) => void): unknown;
  close(): Promise<void>;
}

/** The side that takes jobs. */
export interface JobWorker {
  /** Jobs that are worked on at once. */
  concurrency: number;
  /** Takes no further job; `true`: does not wait for those at work. */
  pause(now: true): Promise<void>;
  on(event: 'error', listener: (error: Error) => void): unknown;
  /** Waits for the jobs at work, unless forced. */
  close(force?: boolean): Promise<void>;
}

/** How long a job may be without a sign of its worker, in milliseconds, and how often that is looked at. */
export interface LostAfter {
  readonly lockMs: number;
  readonly checkMs: number;
}

/** An opened server with its queues. */
export interface QueueBackend extends AsyncDisposable {
  /** The address without its password. */
  readonly name: string;
  queue(name: QueueName): JobQueue;
  /** `process` gets the job and the token that it is held by; what it throws fails the job. */
  worker(
    name: QueueName,
    process: (job: StoredJob, token: string) => Promise<object>,
    options: { readonly name: string; readonly concurrency: number } & LostAfter,
  ): JobWorker;
  /** What a processor throws after `moveToWait`, so that the job does not count as failed. */
  givenBack(): Error;
}

/** `jobs` are what workers take; `runs` say who shares what out. */
export type QueueName = 'jobs' | 'runs';

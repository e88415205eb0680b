// What crosses the queue between the one that shares a data set out and those that judge: plain data, of one version.
// Types and the version alone.

import type { PgenrmErrorRecord } from '../errors.js';
import type { GeneratorInfo, ModelInfo } from '../generator/generator.js';
import type { JudgeDefaults } from '../reward-model/judge-settings.js';
import type { JudgeInput, JudgeOptions, Judgment } from '../reward-model/judgment.js';

/** Version of the contract. Both sides are of one version: a job of another one is refused. */
export const QUEUE_VERSION = 1;

/** What a judgment depends on besides the row and the options, named by hash where it is a file. */
export interface QueueIdentity {
  readonly pgenrm: { readonly version: string };
  /** `served`: what inference servers call it, where they judge. */
  readonly model: { readonly sha256: string | null; readonly served?: string };
  readonly template: { readonly name: string; readonly hash: string };
  readonly generator: {
    readonly kind: string;
    readonly engine: string;
    readonly version: string;
    readonly contextTokens: number;
  };
  /** Absent where the run asks for no chains as similar users. */
  readonly bank?: { readonly checksum: string; readonly additions: number };
}

/** What of {@link JudgeOptions} is plain data. */
export type QueueJudgeOptions = Omit<JudgeOptions, 'signal' | 'onEvent'>;

/** What every job says of itself. */
interface JobHead {
  readonly version: typeof QUEUE_VERSION;
  /** Names the session that shares the data set out. */
  readonly run: string;
}

/** Asks a worker what it judges with. */
export interface DescribeJob extends JobHead {
  readonly op: 'describe';
  readonly withBank: boolean;
}

/** Asks for judgments of rows of one user. */
export interface JudgeJob extends JobHead {
  readonly op: 'judge';
  /** A worker was lost with this row: it is judged at once, so that it is held no longer than need be. */
  readonly alone: boolean;
  readonly identity: QueueIdentity;
  readonly options: QueueJudgeOptions;
  readonly inputs: readonly JudgeInput[];
}

/** A job's data. */
export type QueueJob = DescribeJob | JudgeJob;

/** What a worker judges with, as far as a run's own books need it. */
export interface WorkerDescription {
  readonly identity: QueueIdentity;
  readonly model: Omit<ModelInfo, 'metadata' | 'chatTemplate'>;
  readonly generator: GeneratorInfo;
  readonly bank: { readonly path: string; readonly checksum: string; readonly additions: number } | null;
  readonly defaults: JudgeDefaults;
}

/** The outcome of one row: a judgment, or the error that is the row's own. */
export type RowAnswer = { readonly judgment: Judgment } | { readonly error: PgenrmErrorRecord };

/** A job's answer. `worker` names who gave it; `ms` is the time that the job took there. */
export type QueueAnswer = { readonly worker: string; readonly ms: number } & (
  | { readonly refused: string }
  | { readonly described: WorkerDescription }
  | { readonly rows: readonly RowAnswer[] }
);

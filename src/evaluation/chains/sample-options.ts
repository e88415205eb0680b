// What is sampled for an evaluation, and with what.
// Types and ranges; sampling is `sample-chains.ts`.

import type { PreferenceData } from '../../data/preference-data.js';
import type { Embedder } from '../../generator/embedder.js';
import type { JudgeOptions } from '../../reward-model/judgment.js';
import type { RewardModel } from '../../reward-model/reward-model.js';
import type { JudgedCounts } from '../../run/judged-so-far.js';
import type { RunModel } from '../../run/run-model.js';
import type { ScalingLevel } from '../../scaling/level.js';
import type { Control } from '../controls/personal.js';
import type { HistoryBy } from '../controls/shown-history.js';
import type { Protocol } from '../protocol.js';
import type { ChainsWriter } from './chains-file.js';
import type { ChainsRow } from './chains-record.js';

/** The bank that similar users come from, as far as a chains file records it. */
export interface BankRecord {
  readonly checksum: string;
  readonly additions: number;
  readonly overlap: string;
  /** Ids of bank users who are evaluated too. */
  readonly shared: ReadonlySet<string>;
}

/** Range of {@link SampleOptions.donors}. */
export const DONORS_RANGE = { integer: true, min: 1, max: 100 } as const;

/** What is sampled, with what, and where the chains go. */
export interface SampleOptions {
  readonly data: PreferenceData;
  /** All rows that `data` was selected from: their users may be donors under the control `swapped`; default `data`. */
  readonly whole?: PreferenceData;
  /** The split that `data` was opened with. */
  readonly split?: string;
  /** Holds the bank where there is a prototype level. */
  readonly model: RunModel & Pick<RewardModel, 'countTokens'>;
  readonly writer: ChainsWriter;
  readonly protocol: Protocol;
  /** All levels that shall be derived. */
  readonly levels: readonly ScalingLevel[];
  readonly bank?: BankRecord;
  /** The same model with a bank that answers with users at random; needed for the control `random`. */
  readonly randomUsers?: RewardModel;
  /** How each row is judged; the levels are set by `levels`, and adaptive scaling is none of this. */
  readonly judge?: Omit<
    JudgeOptions,
    'individual' | 'prototypes' | 'adaptive' | 'aggregate' | 'includeSelf' | 'attempt' | 'signal' | 'onEvent'
  >;
  /** What each row is judged with besides its own user, with as many individual chains; default nothing. */
  readonly controls?: readonly Control[];
  /** Which events of a history are shown, in every arm; default: the newest, as many as `judge.historyEvents` allows. */
  readonly shown?: ShownHistoryOptions;
  /** Other users a row under the control `swapped`; at least 1, default 1. */
  readonly donors?: number;
  /** Group of a user, where it can be told. */
  readonly groupOf?: (userId: string) => string | undefined;
  /** Whether the chains' texts are kept; default false. */
  readonly texts?: boolean;
  /** Most rows, from the first; at least 1. Default: all. */
  readonly limit?: number;
  /** Most rows in flight; default: as many as keep the generator busy. */
  readonly concurrency?: number;
  /** Rows among which those of one user are judged together, as in `runScoring`; default 64. */
  readonly reorder?: number;
  readonly signal?: AbortSignal;
  readonly onEvent?: (event: SampleEvent) => void;
}

/** Which events of a history are shown, beside how many (`judge.historyEvents`). */
export interface ShownHistoryOptions {
  /** Most tokens; a whole number of at least 1. */
  readonly budget?: number;
  readonly by: HistoryBy;
  /** What finds events alike the query, with the SHA-256 of its file; needed for `alike`. */
  readonly embedder?: { readonly model: Embedder; readonly sha256: string };
}

/** What sampling reports while it goes on. */
export type SampleEvent =
  | { readonly type: 'started'; readonly path: string; readonly rows: number; readonly done: number }
  /** After each of a row's own chains and each row; `judged` is of this session. */
  | { readonly type: 'progress'; readonly judged: JudgedCounts }
  | { readonly type: 'row'; readonly row: ChainsRow; readonly done: number; readonly rows: number };

// One line of a run's output: what is told of one row, and how a judgment becomes it.
// Knows judgments and preference rows; nothing of files.

import type { PreferenceRow, RowProblem } from '../../data/preference-data.js';
import type { ErrorCode, PgenrmError } from '../../errors.js';
import type { AnalysisRecord } from '../../reward-model/analysis-cache.js';
import type { Judgment, JudgmentScaling, Retrieval } from '../../reward-model/judgment.js';
import type { Uncertainty } from '../../scaling/uncertainty.js';

/** One line of the output. Rows stand in the order of the data, each once. */
export interface RowRecord {
  /** Number of the row in the data file, from 1. */
  readonly row: number;
  readonly id?: string;
  readonly userId?: string;
  readonly split?: string;
  readonly subset?: string;
  /** `failed`: no score could be had (`error` or `lost` says why); `invalid`: the row fits no shape (`reason`). */
  readonly status: 'scored' | 'failed' | 'invalid';
  /** Index of the best candidate; null on a tie and without scores. */
  readonly winner: number | null;
  readonly tie: boolean;
  /**
   * One score per candidate; null without scores. The candidates of a row without a label stand as in the data; with
   * one, their order is drawn from the row's id (see `PreferenceRow`), and `label` says which one was chosen.
   */
  readonly scores: readonly number[] | null;
  /** Index of the candidate that the user chose, where the data says so. */
  readonly label?: number;
  /** Where there is a label: whether the winner is it. A tie or a failure is not correct. */
  readonly correct?: boolean;
  /** How sure the judgment is; null where it cannot be told, absent where the row was not judged. */
  readonly uncertainty?: Uncertainty | null;
  /** What each level says, where chains as similar users were asked for. */
  readonly levels?: Judgment['levels'];
  /** How similar users were sought, where they were. */
  readonly retrieval?: Retrieval;
  /** What later rows of the user are sought by, where the run keeps it (`retrieveBy` `cached`). */
  readonly analysis?: AnalysisRecord;
  /** How many chains it took, where the run asked for similar users or adaptive scaling. */
  readonly scaling?: JudgmentScaling;
  /** Usable chains, and lost chains by reason. */
  readonly usable: number;
  readonly lost: Readonly<Record<string, number>>;
  /** History events that are known of the row's user, and whether criteria are; absent from rows that fit no shape. */
  readonly history?: number;
  readonly criteria?: boolean;
  /** History events that the prompt showed, and those left out because the context was full. */
  readonly usedEvents: number;
  readonly droppedEvents: number;
  readonly tokens: { readonly prompt: number; readonly decodedPrompt: number; readonly generated: number };
  /** Milliseconds from the row's start to its last chain; rows overlap. */
  readonly ms: number;
  /** Which try this is, from 2, where the row was tried again. */
  readonly attempt?: number;
  /** Why the row failed, where an error and not its chains is the cause. */
  readonly error?: { readonly code: ErrorCode; readonly message: string };
  /** What is wrong with an invalid row. */
  readonly reason?: string;
  /** The chains in full, where asked for. */
  readonly chains?: readonly ChainRecord[];
}

/** One chain of a row. */
export interface ChainRecord {
  readonly level: string;
  readonly index: number;
  /** As whom the chain was written, at the prototype level. */
  readonly neighbour?: { readonly userId: string; readonly similarity: number };
  readonly seed: number;
  /** Candidate shown at each position. */
  readonly order: readonly number[];
  readonly scores: readonly number[] | null;
  readonly lost: string | null;
  readonly finish: string;
  readonly tokens: number;
  readonly text: string;
}

const NOTHING = {
  winner: null,
  tie: false,
  scores: null,
  usable: 0,
  lost: {},
  usedEvents: 0,
  droppedEvents: 0,
  tokens: { prompt: 0, decodedPrompt: 0, generated: 0 },
  ms: 0,
} as const;

/** The line of a row that fits no shape. */
export function invalidRecord(problem: RowProblem): RowRecord {
  return { row: problem.number, status: 'invalid', ...NOTHING, reason: problem.reason };
}

/** The line of a row that met an error of its own. */
export function failedRecord(row: PreferenceRow, error: PgenrmError, attempt: number): RowRecord {
  return {
    ...headOf(row),
    status: 'failed',
    ...NOTHING,
    ...labelOf(row, null),
    ...attemptOf(attempt),
    error: { code: error.code, message: error.message },
  };
}

/** The line of a judged row; `withChains` adds the chains' texts. */
export function judgedRecord(
  row: PreferenceRow,
  judgment: Judgment,
  attempt: number,
  withChains: boolean,
): RowRecord {
  return {
    ...headOf(row),
    status: judgment.status,
    winner: judgment.winner,
    tie: judgment.tie,
    scores: judgment.scores,
    ...labelOf(row, judgment.winner),
    uncertainty: judgment.uncertainty,
    ...scalingOf(judgment),
    usable: judgment.usable,
    lost: judgment.lost,
    usedEvents: judgment.usedEvents,
    droppedEvents: judgment.droppedEvents,
    tokens: judgment.tokens,
    ms: Math.round(judgment.times.totalMs),
    ...attemptOf(attempt),
    ...(withChains ? { chains: chainRecords(judgment) } : {}),
  };
}

function headOf(
  row: PreferenceRow,
): Pick<RowRecord, 'row' | 'id' | 'userId' | 'split' | 'subset' | 'history' | 'criteria'> {
  return {
    row: row.number,
    id: row.id,
    ...(row.userId === undefined ? {} : { userId: row.userId }),
    ...(row.split === undefined ? {} : { split: row.split }),
    ...(row.subset === undefined ? {} : { subset: row.subset }),
    history: row.user.history.length,
    criteria: (row.user.criteria ?? '').trim() !== '',
  };
}

function labelOf(row: PreferenceRow, winner: number | null): Pick<RowRecord, 'label' | 'correct'> {
  return row.label === undefined ? {} : { label: row.label, correct: winner === row.label };
}

function scalingOf({
  levels,
  retrieval,
  scaling,
}: Judgment): Pick<RowRecord, 'levels' | 'retrieval' | 'scaling'> {
  return {
    ...(retrieval === undefined ? {} : { levels, retrieval }),
    ...(retrieval === undefined && scaling.risk === null ? {} : { scaling }),
  };
}

function attemptOf(attempt: number): Pick<RowRecord, 'attempt'> {
  return attempt === 1 ? {} : { attempt };
}

function chainRecords(judgment: Judgment): ChainRecord[] {
  return judgment.chains.map(
    ({ level, index, neighbour, seed, order, scores, lost, finish, tokens, text }) => ({
      level,
      index,
      ...(neighbour === undefined ? {} : { neighbour }),
      seed,
      order,
      scores,
      lost,
      finish,
      tokens,
      text,
    }),
  );
}

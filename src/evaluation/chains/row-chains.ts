// From a judged row to its line in a chains file.
// Knows judgments and data rows; nothing of files.

import type { EvaluationChain } from '../../chain/evaluation-chain.js';
import { mapBack } from '../../chain/presentation.js';
import type { PreferenceRow, RowProblem } from '../../data/preference-data.js';
import type { PgenrmError } from '../../errors.js';
import type { JudgedChain, Judgment } from '../../reward-model/judgment.js';
import type { NoDonor } from '../controls/donors.js';
import type { ChainsRow, StoredChain } from './chains-record.js';

/** What is kept of a row besides its chains. */
export interface RowContext {
  readonly run: string;
  /** Group of the row's user, where it can be told. */
  readonly group?: string;
  /** Whether the chains' texts are kept. */
  readonly texts: boolean;
}

/** What the same model says of the row under the controls. */
export interface ControlJudgments {
  /** Of a user of whom nothing is known. */
  readonly none?: Judgment;
  /** With other users' signals; empty, with the reason, where nobody could be drawn. */
  readonly swapped?: readonly {
    readonly donor: string;
    readonly cut: boolean;
    readonly judgment: Judgment;
  }[];
  readonly noDonor?: NoDonor;
  /** With users of the bank who were drawn at random in place of similar ones. */
  readonly random?: Judgment;
}

/** The line of a judged row. */
export function judgedLine(
  row: PreferenceRow,
  judgment: Judgment,
  { none, swapped, noDonor, random }: ControlJudgments,
  context: RowContext,
): ChainsRow {
  const arms = [
    judgment,
    ...(none === undefined ? [] : [none]),
    ...(swapped ?? []).map((one) => one.judgment),
    ...(random === undefined ? [] : [random]),
  ];
  const sum = (pick: (one: Judgment) => number): number => arms.reduce((all, one) => all + pick(one), 0);
  const stored = (chains: readonly JudgedChain[]): StoredChain[] =>
    chains.map((chain) => storedChain(chain, context.texts));
  return {
    ...headOf(row, context),
    status: 'judged',
    usedEvents: judgment.usedEvents,
    droppedEvents: judgment.droppedEvents,
    ...retrievalOf(judgment),
    chains: stored(judgment.chains),
    ...(none === undefined ? {} : { noHistory: stored(none.chains) }),
    ...(swapped === undefined
      ? {}
      : {
          swapped: swapped.map((one) => ({
            donor: one.donor,
            events: one.judgment.usedEvents,
            cut: one.cut,
            chains: stored(one.judgment.chains),
          })),
        }),
    ...(noDonor === undefined ? {} : { noDonor }),
    ...(random === undefined
      ? {}
      : { random: stored(random.chains.filter(({ level }) => level === 'prototype')) }),
    tokens: {
      prompt: sum(({ tokens }) => tokens.prompt),
      decodedPrompt: sum(({ tokens }) => tokens.decodedPrompt),
      generated: sum(({ tokens }) => tokens.generated),
    },
    ms: Math.round(sum(({ times }) => times.totalMs)),
  };
}

/** The line of a row that met an error of its own. */
export function failedLine(row: PreferenceRow, error: PgenrmError, context: RowContext): ChainsRow {
  return {
    ...headOf(row, context),
    status: 'failed',
    ...NOTHING,
    error: { code: error.code, message: error.message },
  };
}

/** The line of a row that fits no shape. */
export function invalidLine(problem: RowProblem, { run }: RowContext): ChainsRow {
  return {
    row: problem.number,
    run,
    status: 'invalid',
    lengths: [],
    history: 0,
    criteria: false,
    ...NOTHING,
    reason: problem.reason,
  };
}

const NOTHING = {
  usedEvents: 0,
  droppedEvents: 0,
  chains: [],
  tokens: { prompt: 0, decodedPrompt: 0, generated: 0 },
  ms: 0,
};

function headOf(row: PreferenceRow, { run, group }: RowContext) {
  const { number, id, userId, split, subset, label, user, item } = row;
  return {
    row: number,
    run,
    id,
    ...(userId === undefined ? {} : { user: userId }),
    ...(split === undefined ? {} : { split }),
    ...(subset === undefined ? {} : { subset }),
    ...(label === undefined ? {} : { label }),
    lengths: item.candidates.map((candidate) => [...candidate].length),
    history: user.history.length,
    criteria: (user.criteria ?? '').trim() !== '',
    ...(group === undefined ? {} : { group }),
  };
}

function retrievalOf({ retrieval }: Judgment): Pick<ChainsRow, 'retrieval'> {
  if (retrieval === undefined) return {};
  const { by, status, chain, from, ownChainsLost } = retrieval;
  return { retrieval: { by, status, chain, ...(from === undefined ? {} : { from }), ownChainsLost } };
}

function storedChain(chain: JudgedChain, texts: boolean): StoredChain {
  const { level, index, seed, order, scores, lost, finish, tokens, neighbour, text, reading } = chain;
  return {
    level,
    index,
    seed,
    order: [...order],
    scores: scores === null ? null : [...scores],
    lost,
    finish,
    tokens,
    ...(neighbour === undefined ? {} : { neighbour: { ...neighbour } }),
    ...(texts ? { text } : {}),
    ...(reading.distributions === undefined
      ? {}
      : { criteria: criteriaOf(order, reading.rubric, reading.distributions) }),
  };
}

/** Criteria with their distributions by candidate, in the order given. */
function criteriaOf(
  order: readonly number[],
  rubric: EvaluationChain['rubric'],
  distributions: NonNullable<EvaluationChain['distributions']>,
): NonNullable<StoredChain['criteria']> {
  const byCandidate = mapBack(order, distributions);
  return rubric.map(({ name, weight }, k) => ({
    name,
    weight: weight ?? 0,
    distributions: byCandidate.map((response) => [...response[k]!]),
  }));
}

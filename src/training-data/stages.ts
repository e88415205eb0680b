// The stages of training and what a row gives to one.
// Types and names alone.

import type { ChatMessage } from '../prompt/template/template.js';

/** P-GenRM's stages (arXiv 2602.12116): chains to imitate; prompts with criteria withheld; pairs from easy to hard. */
export const STAGES = ['psi', 'cre', 'curriculum'] as const;

/** One of {@link STAGES}. */
export type Stage = (typeof STAGES)[number];

/** What became of a row. */
export const LINE_STATUSES = [
  'kept',
  'invalid', // the row fits no shape
  'nonCommercial', // its licence forbids commercial use, and that was not allowed
  'unlabelled', // it does not say what the user chose
  'nothingKnown', // neither history nor criteria; in `cre`, no history to infer criteria from
  'noCriteria', // in `cre`: none are stated, so that none can be withheld
  'lost', // a presentation order without a usable chain
  'disagrees', // a presentation order in which no chain prefers what the user chose
  'noRubric', // no agreeing chain has weighted criteria with a score for each response
  'failed', // the row met an error of its own
] as const;

/** One of {@link LINE_STATUSES}. */
export type LineStatus = (typeof LINE_STATUSES)[number];

/** One thing to learn. */
export interface Example {
  readonly messages: readonly ChatMessage[];
  /** In `psi`: the chain to imitate. */
  readonly completion?: string;
  /** A usable chain of the same presentation order that prefers another response, the most by its margin; the lesser of a pair of chains. */
  readonly disagreeing?: string;
  /** Licence of the row, where it says one of its own. */
  readonly license?: string;
  /** True where the chain is not the teacher's own text: what was read of it, written anew. */
  readonly rewritten?: boolean;
  /** Number of the chosen response as the prompt shows them, from 1. */
  readonly label: number;
  readonly responses: number;
  /** In `cre`: the criteria that the teacher derived from the statement. */
  readonly criteria?: readonly string[];
  /** Score of the chosen response above the best other one; in `curriculum` 0 or less is a misjudgment. */
  readonly margin: number;
}

/** A line of the run: what a row gave. */
export interface TrainingLine {
  /** Number in the data, from 1. */
  readonly row: number;
  readonly id: string;
  readonly userId?: string;
  readonly status: LineStatus;
  readonly detail?: string;
  readonly examples?: readonly Example[];
}

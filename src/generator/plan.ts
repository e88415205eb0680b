// A plan: what a sample is made of, part by part, as plain data; and what became of each part.
// Knows nothing of what the texts mean, nor of how a generator follows a plan.
import type { GenerationRequest, GenerationUsage } from './generation.js';

/**
 * Text that a sample writes part by part, over one sequence. Tokens are those that the tokenizer gives for the text around
 * them: where a part begins, the last tokens before it are written anew if the tokenizer would join them to it.
 * `checkPlan` states the rules that a plan must keep.
 */
export interface Plan {
  readonly parts: readonly PlanPart[];
}

export type PlanPart = GivenText | FreeText | Choice | Copy | Repeat | ForEach;

/** Text that is written as it stands. */
export interface GivenText {
  readonly kind: 'given';
  readonly text: string;
}

/** Text that the model writes, within bounds. It may be empty where `minTokens` is 0. */
export interface FreeText {
  readonly kind: 'free';
  /** Unique in the plan. */
  readonly name: string;
  /** No token that ends the text is drawn before it has this many; default 0. Stop texts still end it. */
  readonly minTokens?: number;
  /** Most tokens, those of a stop text included; at least 1. */
  readonly maxTokens: number;
  /** The text ends before the first of these; what follows a stop text in the same token is dropped. */
  readonly stop?: readonly string[];
  /** Texts that may not occur. */
  readonly bars?: readonly string[];
  /** A GBNF grammar that the text must follow from its start, stop texts included; its root rule is `root`. */
  readonly grammar?: string;
}

/**
 * How one text of a choice is taken: `sample` and `read` draw it from the distribution, `greedy` takes the most probable
 * one, the first of equals. `read` says that the distribution is what counts, and that the sequence has to go on.
 */
export type ChoiceMode = 'sample' | 'greedy' | 'read';

/**
 * One of several texts, chosen by the probability of its tokens: those that the tokenizer gives for the text and its
 * terminator where they stand. Renormalised over the texts, at the temperature, before top-p and min-p. At temperature 0
 * all of it is on the most probable text.
 */
export interface Choice {
  readonly kind: 'choice';
  /** Unique in the plan. */
  readonly name: string;
  /** Different texts, none of them with its terminator the beginning of another: `1` and `10` need a terminator. */
  readonly texts: readonly string[];
  /** Written behind the text that is chosen; default ''. */
  readonly terminator?: string;
  /** Default `sample`. */
  readonly mode?: ChoiceMode;
  /** Default: that of the request. Range 0 to 10. */
  readonly temperature?: number;
  /**
   * `whole` (the default): a text weighs as much as all of its tokens, the terminator's included. `branches`: only tokens
   * at which texts part count, each renormalised over those that texts go on with there. That needs a row for each place
   * where texts part, instead of one for nearly every token of every text.
   */
  readonly weighing?: 'whole' | 'branches';
}

/** The text of an earlier part: what a free text became, or the text that was chosen, without its terminator. */
export interface Copy {
  readonly kind: 'copy';
  /**
   * Name of a free text or a choice. Of several rounds it is the one of the round that an enclosing `repeat` or
   * `forEach` is in, otherwise the newest.
   */
  readonly of: string;
}

/**
 * A body that is written `least` to `most` times. `another` is written before each round, `end` after the last; where both
 * may follow, the model chooses, as between the texts of a choice.
 */
export interface Repeat {
  readonly kind: 'repeat';
  /** Unique in the plan. */
  readonly name: string;
  readonly body: readonly PlanPart[];
  readonly least: number;
  readonly most: number;
  readonly another: string;
  /** Where given, the number of the round, from 1, follows `another`, and this text the number. */
  readonly numbered?: string;
  readonly end: string;
  /** Default `sample`. */
  readonly mode?: ChoiceMode;
  /** Default `whole`. */
  readonly weighing?: 'whole' | 'branches';
}

/** A body that is written once for each round of an earlier repeat; copies of parts of that repeat are of the same round. */
export interface ForEach {
  readonly kind: 'forEach';
  /** Name of the repeat. */
  readonly over: string;
  readonly body: readonly PlanPart[];
  /** Text before each round but the first, which is written as given text of this part; default ''. */
  readonly between?: string;
  /** Where given, the number of the round, from 2, follows `between`, and this text the number. */
  readonly numbered?: string;
}

/** m samples that follow one plan behind one prompt. Fields without a comment are as in {@link GenerationRequest}. */
export interface PlannedRequest
  extends Pick<GenerationRequest, 'prompt' | 'seeds' | 'sampling' | 'affinity' | 'signal' | 'sampleSignals'> {
  readonly plan: Plan;
  /** Called as each sample ends, in order of completion. */
  readonly onSample?: (sample: PlannedSample) => void;
  /** Called with the text of each sample as it is written; a piece belongs to one part. */
  readonly onText?: (piece: PlannedTextPiece) => void;
}

/** Newly written text of one sample. */
export interface PlannedTextPiece {
  /** Index into `seeds`. */
  readonly index: number;
  /** Tokens that the sample has so far. */
  readonly tokens: number;
  /** Index into {@link PlannedSample.parts}. */
  readonly part: number;
  readonly text: string;
}

/** One sample that followed a plan. */
export interface PlannedSample {
  /** Index into `seeds`. */
  readonly index: number;
  readonly seed: number;
  /** All of the text, in order. */
  readonly text: string;
  /** What was written, in order; a sample that was cancelled has its first parts. */
  readonly parts: readonly WrittenPart[];
  readonly tokens: PlannedTokens;
  readonly finish: 'complete' | 'cancelled';
  /** Milliseconds from the request's start until this sample ended. */
  readonly elapsedMs: number;
}

/** Where the tokens of a sample come from. */
export interface PlannedTokens {
  /** Of given texts and copies. */
  readonly given: number;
  /** Drawn for free texts, stop texts included. */
  readonly free: number;
  /** Of the texts that were chosen, without what all texts of the choice have in common. */
  readonly chosen: number;
  /** Decoded to read the probability of texts, and not part of the sample. */
  readonly probed: number;
  /**
   * Places where the tokens are not those that the tokenizer would have written: behind a free text that the model wrote
   * in other tokens than the tokenizer's, or where the prompt's last token and the plan's first text would have been one.
   */
  readonly unjoined: number;
}

/** One part as it was written; the parts of a repeat appear once a round. */
export interface WrittenPart {
  readonly kind: 'given' | 'free' | 'choice' | 'copy' | 'repeat';
  /** Number of the part in the plan, counted from 0 in the order of the data: a repeat before its body. */
  readonly number: number;
  /** Name of the part; of a copy, that of the part it copies; '' for given text. */
  readonly name: string;
  /** The rounds, from 0, of the repeats and forEach parts around it, outermost first. */
  readonly rounds: readonly number[];
  /** Of a choice without the terminator; of a repeat `another` or `end`, as `kind: 'repeat'` stands before each round and after the last. */
  readonly text: string;
  /** Free text only: why it ended. `end`: the model drew a token that ends a text, or its grammar was complete. */
  readonly finish?: 'stop' | 'end' | 'length' | 'cancelled';
  /** Free text only: tokens drawn. */
  readonly drawn?: number;
  /** Choices, and repeats where both texts could follow: index of the text that was taken. Of a repeat 0 is `another`. */
  readonly chosen?: number;
  /** With `chosen`: probabilities of the texts, which sum to 1. Shape [texts]. */
  readonly probabilities?: readonly number[];
}

/** What a planned request gave, samples in the order of their seeds. */
export interface PlannedGeneration {
  readonly samples: readonly PlannedSample[];
  readonly usage: GenerationUsage;
}

// What a judgment is: scores, winner, the chains behind them, and every chain that was lost and why.
// Types only; `judge.ts` makes them.

import type { EvaluationChain, LostReason } from '../chain/read-chain.js';
import type { PgenrmError } from '../errors.js';
import type { FinishReason } from '../generator/generator.js';
import type { DecodingChoice, GuidedOptions } from '../guided/decoding.js';
import type { Turn, User } from '../preference/preference.js';
import type { AggregateOptions } from '../scaling/aggregate-levels.js';
import type { ScalingLevel } from '../scaling/level.js';
import type { NeighbourWeights } from '../scaling/neighbour-weights.js';
import type { StopReason } from '../scaling/stopping.js';
import type { Uncertainty } from '../scaling/uncertainty.js';

/** What to judge: give `prompt` (one user turn) or `context` (a conversation), not both. */
export interface JudgeInput {
  /** Names the item in events and fixes its seeds; without it the content does. */
  readonly id?: string;
  /** Absent: a user of whom nothing is known. */
  readonly user?: User;
  readonly prompt?: string;
  /** The conversation up to the replies; its last turn is the user's query. */
  readonly context?: readonly Turn[];
  /** The replies to compare, two or more. */
  readonly candidates: readonly string[];
  /**
   * Part 1 of an earlier chain for the same user (`chains[i].reading.analysisText` of another judgment). Similar users
   * are then sought by it at once, and no chain has to be waited for.
   */
  readonly analysis?: string;
}

/** Where a grammar holds the model to the form of a chain. */
export const GRAMMAR_CHOICES = ['off', 'part2', 'chain'] as const;

/** Which part of a chain a grammar forces. @useDeclaredType */
export type GrammarChoice = (typeof GRAMMAR_CHOICES)[number];

/** Which score counts where a chain's final score and the sum of its own breakdown disagree. */
export const SCORE_PREFERENCES = ['recomputed', 'stated'] as const;

/** Which score of a chain counts. @useDeclaredType */
export type ScorePreference = (typeof SCORE_PREFERENCES)[number];

/**
 * By what similar users are sought: part 1 of the first own chain that is ready, the raw history, or part 1 of a chain
 * for an earlier item of the same user.
 */
export const RETRIEVAL_CHOICES = ['chain', 'history', 'cached'] as const;

/** Which text similar users are searched by. @useDeclaredType */
export type RetrieveBy = (typeof RETRIEVAL_CHOICES)[number];

/** How the chains of a judgment become one score. */
export interface JudgeAggregateOptions extends AggregateOptions {
  /** Default `equal`. */
  readonly neighbourWeights?: NeighbourWeights;
}

/** How to judge. */
export interface JudgeOptions extends GuidedOptions {
  /** Chains for the user (the paper's Ind-m); integer from 1 to 1024, default 1. */
  readonly individual?: number;
  /** Chains as similar users (the paper's Pro-n); integer from 0 (default) to 1024. Above 0 it needs a bank. */
  readonly prototypes?: number;
  /**
   * Default `chain`, the paper's: the first own chain that is ready. `history` waits for no chain. `cached` takes part 1
   * of a chain for an earlier item of the same user with the same history and criteria, within a run or a call of
   * `judgeMany`; where there is none, that of the first own chain by number (not by time, so that a run repeats).
   */
  readonly retrieveBy?: RetrieveBy;
  /** Whether a user whom the bank knows may be their own neighbour; default false. */
  readonly includeSelf?: boolean;
  /** Default: the paper's, means, half and half. */
  readonly aggregate?: JudgeAggregateOptions;
  /**
   * Adaptive scaling: the probability, from 0 to 0.5, with which the winner may differ from that of all chains asked
   * for; 0 stops only where it cannot differ. Absent: all chains are written.
   */
  readonly adaptive?: number;
  /** Unsigned 32-bit integer, default 0. Each chain's own seed is derived from it. */
  readonly seed?: number;
  /** From 0 (greedy) to 10, default 1. */
  readonly temperature?: number;
  /** Nucleus, above 0 and at most 1 (off), default 1. */
  readonly topP?: number;
  /** From 0 (off) to 1, default 0. */
  readonly minP?: number;
  /** Most new tokens a chain; default what the model says, else 3072, at most half the context. */
  readonly maxTokens?: number;
  /** Most history events to show, the most recent ones; default: all that fit. */
  readonly historyEvents?: number;
  /**
   * `free`: the model writes all of a chain. `guided`: a plan gives what is certain and reads weights and scores as choices,
   * so that every chain is usable, whatever the model. Default `auto`: free where the model was trained on the form of
   * chains, guided otherwise.
   */
  readonly decoding?: DecodingChoice;
  /** `part2` from `<JSON_START>` on, `chain` from the first token on; default `off`. */
  readonly grammar?: GrammarChoice;
  /** Default `recomputed`: it counts where the breakdown is complete and its weights sum to 100. */
  readonly prefer?: ScorePreference;
  /** Which try of the same item this is, from 1 (default): each draws seeds of its own. */
  readonly attempt?: number;
  readonly signal?: AbortSignal;
  /** Called as the judgment goes on. What it throws ends the judgment and is thrown by it. */
  readonly onEvent?: (event: JudgeEvent) => void;
  /**
   * Whether `onEvent` also gets the text of chains as it is written; default false. A generator without streaming refuses it
   * with `INVALID_OPTION`.
   */
  readonly streamText?: boolean;
}

/** One chain, read, its scores in the order of `candidates`. */
export interface JudgedChain {
  readonly level: 'individual' | 'prototype';
  /** Number of the chain within its level, from 0; at the prototype level that of the neighbour, nearest first. */
  readonly index: number;
  /** At the prototype level: as whom it was written, and the cosine by which they were found. */
  readonly neighbour?: { readonly userId: string; readonly similarity: number };
  readonly seed: number;
  /** Candidate shown at each position: `order[0]` is the index of the one shown as Response 1. */
  readonly order: readonly number[];
  /** The chain as the model wrote it; a guided one in the usual written form. */
  readonly text: string;
  /** What was read from it, by position of presentation. */
  readonly reading: EvaluationChain;
  /** One score per candidate; null where the chain is lost. */
  readonly scores: readonly number[] | null;
  /** Why the chain is lost; null where it is usable. */
  readonly lost: LostReason | null;
  /** `complete`: a guided chain came to the end of its plan. */
  readonly finish: Exclude<FinishReason, 'cancelled'> | 'complete';
  /** New tokens; of a guided chain those that its plan gave among them. */
  readonly tokens: number;
  readonly elapsedMs: number;
}

/** Lost chains by reason; reasons that did not occur are absent. */
export type LostCounts = Readonly<Partial<Record<LostReason, number>>>;

/** What one scaling level says. */
export interface LevelJudgment {
  /** One score per candidate over the usable chains, their mean by default; null where there is none. */
  readonly scores: readonly number[] | null;
  readonly usable: number;
  readonly lost: LostCounts;
}

/** Tokens of a judgment, over all of its chains. */
export interface JudgmentTokens {
  /**
   * Prompt tokens, counted once for each request: a presentation order of a wave, or a neighbour. Of requests that
   * adaptive scaling cancelled only the prompt and the chains that had ended are known and counted.
   */
  readonly prompt: number;
  /** Of these, tokens that had to be decoded; the rest was shared with earlier prompts. */
  readonly decodedPrompt: number;
  readonly generated: number;
}

/** A similar user as whom a chain was written, or would have been. */
export interface NeighbourRecord {
  readonly userId: string;
  /** Row of the bank whose chain is near. */
  readonly rowId: string;
  /** Cosine, -1 to 1. */
  readonly similarity: number;
  readonly prototype: number;
  /** The nearest prototype had too few users; this one is of another. */
  readonly fallback: boolean;
}

/** How similar users were sought. */
export interface Retrieval {
  /**
   * What stood for the user: part 1 of an own `chain`, of a chain for an earlier item (`cached`), the `analysis` given,
   * the raw `history`, the stated `criteria` (of a user without history); null where nothing was sought.
   */
  readonly by: 'chain' | 'cached' | 'analysis' | 'history' | 'criteria' | null;
  /**
   * `found`: as many as asked for; `tooFew`: the bank has no more; `nothingToGoOn`: the user has neither history nor
   * criteria; `notReached`: the judgment stopped before it had come to this.
   */
  readonly status: 'found' | 'tooFew' | 'nothingToGoOn' | 'notReached';
  /** Index of the own chain that was used; null where `by` is not `chain`. */
  readonly chain: number | null;
  /** Key of the earlier item whose chain was used; absent where `by` is not `cached`. */
  readonly from?: string;
  /** True where a chain was to be used and all own chains were lost, so that the history took its place. */
  readonly ownChainsLost: boolean;
  /** Whether the text was cut to what the embedder takes. */
  readonly shortened: boolean;
  /** Neighbours asked for. */
  readonly asked: number;
  /** Nearest first. */
  readonly neighbours: readonly NeighbourRecord[];
}

/** How many chains a judgment took. */
export interface JudgmentScaling {
  /** Chains asked for; at the prototype level as many as the bank had neighbours. */
  readonly planned: ScalingLevel;
  /** Chains that ended, the lost ones too. */
  readonly used: ScalingLevel;
  /** Planned chains that were not written to their end. */
  readonly saved: number;
  /** Of these, chains that had been asked of the generator and were cancelled. */
  readonly cancelled: number;
  /** Waves in which chains were admitted; 1 without adaptive scaling. */
  readonly waves: number;
  /** Why it stopped before all chains had ended; null where they all did. */
  readonly stopped: StopReason | null;
  /** As asked for; null without adaptive scaling. */
  readonly risk: number | null;
}

/** The verdict on one item. A judgment never holds a score that no chain stated. */
export interface Judgment {
  readonly id?: string;
  /** `failed`: no chain was usable; `scores` and `winner` are null then. */
  readonly status: 'scored' | 'failed';
  /** One score per candidate, in their order. */
  readonly scores: readonly number[] | null;
  /** Index of the best candidate; null on a tie and where the judgment failed. */
  readonly winner: number | null;
  /** Whether the best two scores lie within 1e-9 of each other. */
  readonly tie: boolean;
  /** `prototype` is absent where no chains as similar users were asked for. */
  readonly levels: { readonly individual: LevelJudgment; readonly prototype?: LevelJudgment };
  readonly scaling: JudgmentScaling;
  /** Absent where no chains as similar users were asked for. */
  readonly retrieval?: Retrieval;
  /** Null where it cannot be told: fewer than two usable chains at each level, unless their scores were read. */
  readonly uncertainty: Uncertainty | null;
  /** All chains that ended: the user's own, then those as similar users, each in order of their index. */
  readonly chains: readonly JudgedChain[];
  /** Usable chains over all levels. */
  readonly usable: number;
  /** Lost chains over all levels, counted by reason. */
  readonly lost: LostCounts;
  /** History events that the prompt showed. */
  readonly usedEvents: number;
  /** Most recent events that were asked for and left out because the context was full. */
  readonly droppedEvents: number;
  readonly tokens: JudgmentTokens;
  readonly times: {
    /** Milliseconds until the last prompt was decoded. */
    readonly prefillMs: number;
    /** Milliseconds from the call until the last chain was read. */
    readonly totalMs: number;
  };
}

/** What a judgment reports while it goes on; `key` is the item's id, or a hash of its content. */
export type JudgeEvent =
  | {
      readonly type: 'started';
      readonly key: string;
      /** Chains that will be written at most, at both levels. */
      readonly chains: number;
      /** Tokens of the prompts for the user, one an order. */
      readonly promptTokens: number;
      readonly usedEvents: number;
      readonly droppedEvents: number;
    }
  /** With `streamText`: new text of a chain that is being written. */
  | {
      readonly type: 'text';
      readonly key: string;
      readonly level: JudgedChain['level'];
      /** Number of the chain within its level, as in {@link JudgedChain}. */
      readonly index: number;
      readonly text: string;
      /** Tokens that the chain has so far. */
      readonly tokens: number;
    }
  | {
      readonly type: 'chain';
      readonly key: string;
      readonly chain: JudgedChain;
      /** Chains read so far, this one included. */
      readonly done: number;
      readonly chains: number;
    }
  | { readonly type: 'finished'; readonly key: string; readonly judgment: Judgment };

/** What `judgeMany` gives for one item: a judgment, or the error that this item met. */
export type JudgeOutcome<I extends JudgeInput = JudgeInput> =
  | { readonly index: number; readonly input: I; readonly judgment: Judgment; readonly error?: undefined }
  | { readonly index: number; readonly input: I; readonly judgment?: undefined; readonly error: PgenrmError };

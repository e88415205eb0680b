// What a judgment is: scores, winner, the chains behind them, and every chain that was lost and why.
// Types only; `judge.ts` makes them.

import type { EvaluationChain, LostReason } from '../chain/read-chain.js';
import type { PgenrmError } from '../errors.js';
import type { FinishReason } from '../generator/generator.js';
import type { Turn, User } from '../preference/preference.js';

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
}

/** Where a grammar holds the model to the form of a chain. */
export const GRAMMAR_CHOICES = ['off', 'part2', 'chain'] as const;

/** One of {@link GRAMMAR_CHOICES}. */
export type GrammarChoice = (typeof GRAMMAR_CHOICES)[number];

/** Which score counts where a chain's final score and the sum of its own breakdown disagree. */
export const SCORE_PREFERENCES = ['recomputed', 'stated'] as const;

/** One of {@link SCORE_PREFERENCES}. */
export type ScorePreference = (typeof SCORE_PREFERENCES)[number];

/** How to judge. */
export interface JudgeOptions {
  /** Chains for the user (the paper's Ind-m); integer from 1 to 1024, default 1. */
  readonly individual?: number;
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
  /** `part2` from `<JSON_START>` on, `chain` from the first token on; default `off`. */
  readonly grammar?: GrammarChoice;
  /** Default `recomputed`: it counts where the breakdown is complete and its weights sum to 100. */
  readonly prefer?: ScorePreference;
  /** Which try of the same item this is, from 1 (default): each draws seeds of its own. */
  readonly attempt?: number;
  readonly signal?: AbortSignal;
  /** Called as the judgment goes on. What it throws ends the judgment and is thrown by it. */
  readonly onEvent?: (event: JudgeEvent) => void;
}

/** One chain, read, its scores in the order of `candidates`. */
export interface JudgedChain {
  readonly level: 'individual';
  /** Number of the chain within its level, from 0. */
  readonly index: number;
  readonly seed: number;
  /** Candidate shown at each position: `order[0]` is the index of the one shown as Response 1. */
  readonly order: readonly number[];
  /** The chain as the model wrote it. */
  readonly text: string;
  /** What was read from it, by position of presentation. */
  readonly reading: EvaluationChain;
  /** One score per candidate; null where the chain is lost. */
  readonly scores: readonly number[] | null;
  /** Why the chain is lost; null where it is usable. */
  readonly lost: LostReason | null;
  readonly finish: FinishReason;
  /** New tokens. */
  readonly tokens: number;
  readonly elapsedMs: number;
}

/** Lost chains by reason; reasons that did not occur are absent. */
export type LostCounts = Readonly<Partial<Record<LostReason, number>>>;

/** What one scaling level says. */
export interface LevelJudgment {
  /** Mean score per candidate over the usable chains; null where there is none. */
  readonly scores: readonly number[] | null;
  readonly usable: number;
  readonly lost: LostCounts;
}

/** Tokens of a judgment, over all of its chains. */
export interface JudgmentTokens {
  /** Prompt tokens, counted once for each presentation order. */
  readonly prompt: number;
  /** Of these, tokens that had to be decoded; the rest was shared with earlier prompts. */
  readonly decodedPrompt: number;
  readonly generated: number;
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
  readonly levels: { readonly individual: LevelJudgment };
  /** All chains, in order of their index. */
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
      /** Chains that will be written. */
      readonly chains: number;
      readonly promptTokens: number;
      readonly usedEvents: number;
      readonly droppedEvents: number;
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

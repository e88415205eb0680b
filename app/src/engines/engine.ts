// What judges for the page, wherever it runs: in this browser, on a server, in a desktop application.
// Types alone.
import type { EvaluationChain, JudgeInput, Uncertainty } from 'pgenrm';

/** What a chain says, as the page shows it. */
export interface ShownChain {
  readonly level: 'individual' | 'prototype';
  readonly index: number;
  readonly seed: number;
  /** Response shown at each position. */
  readonly order: readonly number[];
  readonly text: string;
  readonly reading: EvaluationChain;
  /** One score a response, from 1 to 10; null where the chain is lost. */
  readonly scores: readonly number[] | null;
  readonly lost: string | null;
  readonly tokens: number;
  /** Milliseconds from the beginning of the judgment until the page had it. */
  readonly atMs: number;
}

/** A chain while it is written. */
export interface WrittenText {
  readonly seed: number;
  readonly text: string;
}

export interface EngineFacts {
  /** What the model is called. */
  readonly model: string;
  /** What computes, in a few words. */
  readonly runsOn: string;
  /** What a user should know of how it runs, such as why on one thread. */
  readonly remarks: readonly string[];
}

export interface EngineProgress {
  readonly phase: 'download' | 'load';
  readonly done: number;
  /** 0 where nobody knows. */
  readonly total: number;
}

export interface JudgeAsk {
  readonly input: JudgeInput;
  /** Chains to write. */
  readonly individual: number;
  readonly seed: number;
  readonly temperature: number;
}

/** What a judgment tells while it goes on. */
export interface JudgeListener {
  started(facts: {
    readonly promptTokens: number;
    readonly usedEvents: number;
    readonly droppedEvents: number;
  }): void;
  chain(chain: ShownChain): void;
  /** Absent calls: an engine that tells whole chains only. */
  writing(written: WrittenText): void;
}

/** A judgment, as its engine sums it up. */
export interface Verdict {
  readonly scores: readonly number[] | null;
  readonly winner: number | null;
  readonly uncertainty: Uncertainty | null;
  readonly chains: readonly ShownChain[];
  readonly promptTokens: number;
  readonly usedEvents: number;
  readonly droppedEvents: number;
}

/** A failure as plain data: what happened and the remedy in one message. */
export class EngineFailure extends Error {
  constructor(
    readonly code: string,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

export interface Engine {
  readonly kind: 'browser' | 'server' | 'desktop';
  /** Whether a model file of the user's own can be loaded. */
  readonly takesModels: boolean;
  /** Loads the model: the engine's own, or `files`. Errors: {@link EngineFailure}. */
  load(onProgress: (progress: EngineProgress) => void, files?: readonly File[]): Promise<EngineFacts>;
  /** Rejects with the signal's reason, or with {@link EngineFailure}. */
  judge(ask: JudgeAsk, listener: JudgeListener, signal: AbortSignal): Promise<Verdict>;
}

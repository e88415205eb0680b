// What the page and its judging worker say to each other: plain data.
// Types alone.
import type { JudgedChain, Judgment } from 'pgenrm';
import type { EngineFacts, EngineProgress, JudgeAsk } from './engine.js';

export interface Failure {
  readonly code: string;
  readonly message: string;
}

export type ToWorker =
  | {
      readonly type: 'load';
      /** Addresses of what lies beside the page. */
      readonly at: { readonly wllama: string; readonly kernels: string; readonly model: string };
      /** Null: the model beside the page. */
      readonly files: readonly File[] | null;
    }
  | { readonly type: 'judge'; readonly ask: JudgeAsk }
  | { readonly type: 'stop' };

/** One thing at a time is asked, so no answer needs a number. */
export type FromWorker =
  | { readonly type: 'progress'; readonly progress: EngineProgress }
  | { readonly type: 'loaded'; readonly facts: EngineFacts }
  | {
      readonly type: 'started';
      readonly promptTokens: number;
      readonly usedEvents: number;
      readonly droppedEvents: number;
    }
  | { readonly type: 'chain'; readonly chain: JudgedChain }
  | { readonly type: 'writing'; readonly seed: number; readonly text: string }
  | { readonly type: 'judged'; readonly judgment: Judgment }
  | { readonly type: 'stopped' }
  | { readonly type: 'failed'; readonly failure: Failure };

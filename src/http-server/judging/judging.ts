// What the server needs of what judges; `service-judging.ts` has it of the service.
// Types only.

import type { Embeddings } from '../../generator/embedder.js';
import type { JudgeInput, JudgeOptions, Judgment } from '../../reward-model/judgment.js';

/** A loaded judge. */
export interface Judging {
  /** How answers name the model. */
  readonly modelName: string;
  /** Comparisons that keep it busy. */
  readonly concurrency: number;
  /** Stops within a step where the signal aborts. Options that are left out are those the server was started with. */
  judge(input: JudgeInput, options: JudgeOptions): Promise<Judgment>;
  /** Null where there is no embedder. */
  readonly embed: ((texts: readonly string[], signal: AbortSignal) => Promise<Embeddings>) | null;
  /** Frees the model. */
  close(): Promise<void>;
}

// The options that say which model is loaded and how it runs, for every command that judges.
// Knows nothing of what the command does with it.

import type { LoadOptions } from '../reward-model/reward-model.js';

/** Options of the command line that {@link loadOptions} reads. */
export interface ModelOptions {
  readonly model: string;
  readonly gpu: NonNullable<LoadOptions['gpu']>;
  readonly prototypes?: string;
  readonly embedder?: string;
  readonly template?: string;
  readonly generator?: 'native' | 'portable';
  readonly context?: number;
  readonly maxSequences?: number;
  readonly threads?: number;
}

/** How the model is loaded. */
export function loadOptions(options: ModelOptions): LoadOptions {
  return {
    model: options.model,
    gpu: options.gpu,
    ...(options.prototypes === undefined ? {} : { bank: options.prototypes }),
    ...(options.embedder === undefined ? {} : { embedder: options.embedder }),
    ...(options.template === undefined ? {} : { template: options.template }),
    ...(options.generator === undefined ? {} : { generator: options.generator }),
    ...(options.context === undefined ? {} : { contextTokens: options.context }),
    ...(options.maxSequences === undefined ? {} : { maxSequences: options.maxSequences }),
    ...(options.threads === undefined ? {} : { threads: options.threads }),
  };
}

// What the native engine alone tells: how it lays out keys and values, how it makes decode calls, what it has counted.
// Knows the generator's interface; nothing of the addon.

import type { NativeStatistics } from '../../native/binding.js';
import type { FlashAttention, KvType } from '../../options/engine-options.js';
import type { Generator, GeneratorInfo } from '../generator.js';
import type { LlamaDetails, TokenGenerator } from '../llama/llama-info.js';

/** What a generator does at this moment: the rows of its newest step, and sums over its life. */
export interface StepStatistics {
  /** Rows of the step that belong to running samples. */
  readonly decodeRows: number;
  /** Rows of the step that belong to prompts. */
  readonly prefillRows: number;
  /** Samples that decode. */
  readonly running: number;
  readonly waitingRequests: number;
  /** KV cells in use or set aside for prompts. */
  readonly cells: number;
  readonly steps: number;
  readonly decodedPromptTokens: number;
  readonly generatedTokens: number;
  /** Samples that gave their cells back and went on later. */
  readonly preempted: number;
  /** Tokens written a second since the last report. */
  readonly generatedTokensPerSecond: number;
}

/** What a generator counted since it was loaded; measuring takes differences. */
export interface EngineCounters {
  /** Calls of llama_decode. */
  readonly calls: number;
  /** Rows of prompts that were decoded, and of samples. */
  readonly promptRows: number;
  readonly sampleRows: number;
  /** Over all decoded rows, the KV cells in use as the row is decoded. */
  readonly rowCells: number;
  /**
   * KV cells that attention read, each counted once for the rows that it was read for together; 0 where that is not known, as
   * of llama.cpp's attention.
   */
  readonly cellsRead: number;
  /** Over all decoded rows of prompts, and of samples, the tokens that the row attends to, itself among them. */
  readonly promptAttended: number;
  readonly sampleAttended: number;
  readonly generatedTokens: number;
  /** Samples that gave their cells back and went on later. */
  readonly preempted: number;
  /** Milliseconds until the logits of all steps were there, and of drawing tokens from them. */
  readonly decodeMs: number;
  readonly drawMs: number;
  /** KV cells in use or set aside at this moment. */
  readonly cells: number;
}

/** How the keys and values of tokens are kept. */
export interface KvCacheInfo {
  readonly type: KvType;
  /** `auto` leaves it to llama.cpp, which switches it on where the backend has it. */
  readonly flashAttention: FlashAttention;
  /** Whose kernel computes attention; absent in older results: llama.cpp's. */
  readonly attention?: 'pgenrm' | 'llama.cpp';
  /** Cells of all sequences together. */
  readonly cells: number;
}

/** How the native engine makes decode calls of requests; memory aside, the sizes of one worker. */
export interface Scheduling {
  /** Parts that decode at once, each with its share of the threads while another has work; absent in older results: 1. */
  readonly workers?: number;
  /** Most rows of a call. */
  readonly batch: number;
  /** Most prompt rows of a step while samples decode. */
  readonly prefillChunk: number;
  /** A prompt is let in while fewer samples than this are unfinished. */
  readonly maxUnfinished: number;
  /** Most KV cells of prompts that no request needs. */
  readonly maxIdleCells: number;
}

/** `GeneratorInfo.details` of the native generator. */
export type NativeDetails = LlamaDetails & {
  readonly scheduling: Scheduling;
  readonly kvCache: KvCacheInfo;
};

/** The {@link Generator} on the addon. */
export interface NativeGenerator extends TokenGenerator, ForgettingGenerator {
  readonly info: GeneratorInfo & { readonly details: NativeDetails };
  /** Throws `DISPOSED`. */
  counters(): EngineCounters;
  /** Counters of the engine's newest step. Throws `DISPOSED`. */
  statistics(): NativeStatistics;
}

/** A generator that keeps prompts which no request needs any more. */
export interface ForgettingGenerator extends Generator {
  /** Forgets them: what comes next shares nothing with what has ended. Throws `DISPOSED`. */
  forget(): void;
}

/** The details of a native generator; null of another one. */
export function nativeDetails({ kind, details }: GeneratorInfo): NativeDetails | null {
  return kind === 'native' ? (details as NativeDetails) : null;
}

/** The generator where it keeps prompts; else null. */
export function forgetting(generator: Generator): ForgettingGenerator | null {
  return 'forget' in generator ? (generator as ForgettingGenerator) : null;
}

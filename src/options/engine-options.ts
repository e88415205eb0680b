// What a caller may fix of the native engine, by name: the words, the ranges, and that no other generator takes them.
// Knows nothing of what is chosen where nothing is fixed; that is engine-plan.ts.

import { PgenrmError } from '../errors.js';
import { checkChoice, checkRange, type NumberRange } from './option-range.js';

/** How a value of the KV cache is stored. */
export const KV_TYPES = ['f16', 'q8_0'] as const;
export type KvType = (typeof KV_TYPES)[number];

/** `auto`: on where the backend has it. */
export const FLASH_ATTENTION_CHOICES = ['auto', 'on', 'off'] as const;
export type FlashAttention = (typeof FLASH_ATTENTION_CHOICES)[number];

/** Whose kernel computes attention; `auto`: pgenrm's where it can. */
export const ATTENTION_CHOICES = ['auto', 'pgenrm', 'llama.cpp'] as const;
export type AttentionChoice = (typeof ATTENTION_CHOICES)[number];

/** Threads at the most: a number, or `background`, half of the cores, for programs that people work beside. */
export type ThreadWish = number | 'background';

/** What of the native engine a caller may fix. */
export interface EngineOptions {
  /** Default: `f16`, or `q8_0` where f16 has no room for one context. */
  readonly kvType?: KvType;
  /** Default `auto`; `off` leaves attention on a CPU to llama.cpp. */
  readonly flashAttention?: FlashAttention;
  /**
   * Default `auto`: on a CPU with AVX2, AVX-512 or NEON pgenrm's own kernel, which reads what several rows share once for
   * all of them and no cells of others, and sums in 32 bits. It is a kind of flash attention, and needs keys and values
   * in f16; models that cap or bias their attention it leaves to llama.cpp.
   */
  readonly attention?: AttentionChoice;
  /** KV cells of all sequences together; default: by the context, the samples at once and the memory. */
  readonly kvCells?: number;
  /**
   * Parts of the engine that decode at once on a CPU, each with its share of the threads and of the KV cells. Default: one
   * for each thread where the model is small, else 1.
   */
  readonly workers?: number;
}

/** Ranges of the numbers in {@link EngineOptions}; what a context takes at least is known once the model is. */
export const ENGINE_RANGES = {
  kvCells: { integer: true, min: 64, max: 2 ** 31 - 1 },
  workers: { integer: true, min: 1, max: 64 },
} as const satisfies Record<string, NumberRange>;

/** The names of {@link EngineOptions}. */
export const ENGINE_OPTIONS = [
  'kvType',
  'flashAttention',
  'attention',
  'kvCells',
  'workers',
] as const satisfies readonly (keyof EngineOptions)[];

/** Errors: `INVALID_OPTION`. */
export function checkEngineOptions(options: EngineOptions): void {
  const { kvType, flashAttention, attention, kvCells, workers } = options;
  if (kvType !== undefined) checkChoice('kvType', kvType, KV_TYPES);
  if (flashAttention !== undefined) checkChoice('flashAttention', flashAttention, FLASH_ATTENTION_CHOICES);
  if (attention !== undefined) checkChoice('attention', attention, ATTENTION_CHOICES);
  if (kvCells !== undefined) checkRange('kvCells', kvCells, ENGINE_RANGES.kvCells);
  if (workers !== undefined) checkRange('workers', workers, ENGINE_RANGES.workers);
}

/** Throws `INVALID_OPTION` where something of the native engine is fixed and the portable generator is what runs. */
export function refuseEngineOptions(options: EngineOptions, reasons: readonly string[]): void {
  // It is one worker itself.
  const fixed = ENGINE_OPTIONS.find(
    (name) => options[name] !== undefined && !(name === 'workers' && options.workers === 1),
  );
  if (fixed === undefined) return;
  throw new PgenrmError(
    'INVALID_OPTION',
    `${fixed} is for the native generator, and the portable one would run (${reasons.join('; ')}); leave it out`,
  );
}

// The settings of a generator's engine that a caller may fix, by name: words, ranges, help, and which generator takes them.
// Knows nothing of what is chosen where nothing is fixed; that is engine-plan.ts.

import { PgenrmError } from '../errors.js';
import { checkChoice, checkRange, invalidOption, type NumberRange } from './option-range.js';

/** How a value of the KV cache is stored. */
export const KV_TYPES = ['f16', 'q8_0'] as const;
/** How a value of the KV cache is stored. @useDeclaredType */
export type KvType = (typeof KV_TYPES)[number];

/** `auto`: on where the backend has it. */
export const FLASH_ATTENTION_CHOICES = ['auto', 'on', 'off'] as const;
/** Whether flash attention is used. @useDeclaredType */
export type FlashAttention = (typeof FLASH_ATTENTION_CHOICES)[number];

/** Whose kernel computes attention; `auto`: pgenrm's where it can. */
export const ATTENTION_CHOICES = ['auto', 'pgenrm', 'llama.cpp'] as const;
/** Whose kernel computes attention. @useDeclaredType */
export type AttentionChoice = (typeof ATTENTION_CHOICES)[number];

/** Threads at the most: a number, or `background`, half of the cores, for programs that people work beside. */
export type ThreadWish = number | 'background';

/** What of the native engine a caller may fix, where the machine's choice does not serve. */
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

/** What a setting takes, and of which generator it is one. */
export type EngineSetting = { readonly of: 'native'; readonly help: string } & (
  | { readonly choices: readonly string[] }
  | { readonly range: NumberRange }
);

/**
 * The settings. A generator that takes others has them here, with its own name as `of`: they are then checked,
 * shown in the help of `--engine`, and refused where another generator would run.
 */
export const ENGINE_SETTINGS = {
  kvType: { of: 'native', choices: KV_TYPES, help: 'how keys and values are stored' },
  flashAttention: { of: 'native', choices: FLASH_ATTENTION_CHOICES, help: 'auto: where the backend has it' },
  attention: {
    of: 'native',
    choices: ATTENTION_CHOICES,
    help: "auto: on a CPU pgenrm's kernel where it can, else llama.cpp's",
  },
  // What a context takes at least is known once the model is.
  kvCells: {
    of: 'native',
    range: { integer: true, min: 64, max: 2 ** 31 - 1 },
    help: 'KV cells of all chains together',
  },
  workers: {
    of: 'native',
    range: { integer: true, min: 1, max: 64 },
    help: 'parts that decode at once on a CPU, sharing its threads',
  },
} as const satisfies { readonly [K in keyof Required<EngineOptions>]: EngineSetting };

const NAMES = Object.keys(ENGINE_SETTINGS) as (keyof EngineOptions)[];

/** The setting of this name, if there is one. */
export function engineSetting(name: string): EngineSetting | undefined {
  return Object.hasOwn(ENGINE_SETTINGS, name) ? ENGINE_SETTINGS[name as keyof EngineOptions] : undefined;
}

/** Throws `INVALID_OPTION` unless a value fits its setting; `label` is what the setting is called there. */
export function checkEngineValue(label: string, value: unknown, setting: EngineSetting): void {
  if ('choices' in setting) checkChoice(label, value, setting.choices);
  else checkRange(label, value, setting.range);
}

/** Errors: `INVALID_OPTION` for a value that does not fit. */
export function checkEngineValues(options: EngineOptions): void {
  for (const name of NAMES)
    if (options[name] !== undefined) checkEngineValue(name, options[name], ENGINE_SETTINGS[name]);
}

/** Checks what a caller gives as `engine`. Errors: `INVALID_OPTION`, also for a setting that there is not. */
export function checkEngineOptions(engine: unknown): asserts engine is EngineOptions | undefined {
  if (engine === undefined) return;
  if (typeof engine !== 'object' || engine === null || Array.isArray(engine))
    throw invalidOption('engine', `an object of ${NAMES.join(', ')}`, engine);
  for (const [name, value] of Object.entries(engine)) {
    const setting = engineSetting(name);
    if (setting === undefined)
      throw new PgenrmError('INVALID_OPTION', `engine has no ${name}; it has ${NAMES.join(', ')}`);
    if (value !== undefined) checkEngineValue(`engine.${name}`, value, setting);
  }
}

/** Throws `INVALID_OPTION` where something is fixed of an engine that is not the one which runs. */
export function refuseEngineOptions(
  engine: EngineOptions | undefined,
  kind: string,
  reasons: readonly string[],
): void {
  // The portable generator is one worker itself.
  const fixed = NAMES.find(
    (name) =>
      engine?.[name] !== undefined &&
      ENGINE_SETTINGS[name].of !== kind &&
      !(name === 'workers' && engine.workers === 1),
  );
  if (fixed === undefined) return;
  throw new PgenrmError(
    'INVALID_OPTION',
    `engine.${fixed} is for the ${ENGINE_SETTINGS[fixed].of} generator, and the ${kind} one would run (${reasons.join('; ')}); leave it out`,
  );
}

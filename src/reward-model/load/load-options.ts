// What a reward model is loaded from and how it runs, and the checks of that.
// Loads nothing.

import { PgenrmError } from '../../errors.js';
import type { GeneratorKind, LoadWarning } from '../../generator/generator.js';
import type { ServerDialect } from '../../generator/http/http-options.js';
import {
  checkEngineOptions,
  type EngineOptions,
  engineSetting,
  type ThreadWish,
} from '../../options/engine-options.js';
import { checkChoice, checkRange, invalidOption, type NumberRange } from '../../options/option-range.js';

/** What {@link RewardModel.load} reports while a model comes in. */
export type LoadProgress = {
  readonly phase: 'download' | 'load';
  readonly done: number;
  readonly total: number;
  /** The URL that a download comes from. */
  readonly source?: string;
};

/**
 * Which model to load, and how it runs.
 */
export interface LoadOptions {
  /** `nano` (the bundled model, default), the path of a GGUF file, or an `hf:` address. */
  readonly model?: string;
  /** A built-in template's name or the path of a template file; by default the model says, else `standard`. */
  readonly template?: string;
  /**
   * A Jinja chat template in place of the model's own: the path of a file, or the template itself (text that holds `{{` or
   * `{%`). Without one, a model that has none is prompted plainly.
   */
  readonly chatTemplate?: string;
  /** By default `http` where `urls` are given, else the native one where it can be used. */
  readonly generator?: GeneratorKind;
  /**
   * Addresses of inference servers, all of one kind and with one model, such as `http://127.0.0.1:8080`. `model` is then what they
   * call it, or the file that they have: `nano`, a path that ends in `.gguf` or an `hf:` address, whose metadata counts.
   * Default: the model that they have. What sizes an engine in this process is refused; `maxSequences` is for each server.
   */
  readonly urls?: readonly string[];
  /** The servers' key; default: `PGENRM_API_KEY`, else the file that `PGENRM_API_KEY_FILE` names, else none. It is shown nowhere. */
  readonly apiKey?: string;
  /** The kind of the servers; default: by what they answer. */
  readonly dialect?: ServerDialect;
  /** Where layers are computed; default `auto`. */
  readonly gpu?: (typeof GPU_CHOICES)[number];
  /** Folder of a prototype bank: what the prototype level needs. */
  readonly bank?: string;
  /** The model that the bank was embedded with, as `model`; default: the model itself, where it was that. */
  readonly embedder?: string;
  /** Tokens of prompt and answer together, from 256 up; by default chosen from the model and the memory. */
  readonly contextTokens?: number;
  /**
   * Most chains that decode at once, from 1 to 256; in a mixed layout chains that come alone, such as those as similar users,
   * run beside them, a quarter as many and at most 8.
   */
  readonly maxSequences?: number;
  /**
   * Most CPU threads, from 1 to 1024, or `background` for half of the cores; default: the cores that are useful. For each call the
   * native engine takes no more than the cores that are free then, shared among all models of the process.
   */
  readonly threads?: ThreadWish;
  /** Settings of the native engine. Where the portable generator would run they are an error. */
  readonly engine?: EngineOptions;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: LoadProgress) => void;
  /** Called with what is no error and should be known: that the native addon is missing, say. */
  readonly onWarning?: (warning: LoadWarning) => void;
  /** The addon's file, where it is not to be looked for; a process has one. It goes before `PGENRM_NATIVE`. */
  readonly nativeAddon?: string;
  /** The folder of this package's files, where a bundle or an archive hides them. It goes before `PGENRM_ROOT`. */
  readonly assetRoot?: string;
}

/** Values of {@link LoadOptions.gpu}. */
export const GPU_CHOICES = ['auto', 'cuda', 'metal', 'vulkan', 'off'] as const;
/** Values of {@link LoadOptions.generator} that run in this process. */
export const GENERATOR_CHOICES = ['native', 'portable'] as const;

/** Ranges of the numbers in {@link LoadOptions}. */
export const LOAD_RANGES = {
  contextTokens: { integer: true, min: 256, max: 10_000_000 },
  maxSequences: { integer: true, min: 1, max: 256 },
  threads: { integer: true, min: 1, max: 1024 },
} as const satisfies Record<string, NumberRange>;

/** Errors: `INVALID_OPTION`. */
export function checkLoadOptions(options: LoadOptions): void {
  const { generator, gpu, contextTokens, maxSequences, threads } = options;
  if (generator !== undefined) checkChoice('generator', generator, [...GENERATOR_CHOICES, 'http']);
  checkServed(options);
  if (gpu !== undefined) checkChoice('gpu', gpu, GPU_CHOICES);
  for (const name of ['bank', 'embedder', 'chatTemplate', 'nativeAddon', 'assetRoot'] as const) {
    const value: unknown = options[name];
    if (value !== undefined && (typeof value !== 'string' || value.trim() === '')) {
      throw invalidOption(name, 'a text that is not blank', value);
    }
  }
  if (options.embedder !== undefined && options.bank === undefined) {
    throw invalidOption('embedder', 'given with a bank', options.embedder);
  }
  if (contextTokens !== undefined) checkRange('contextTokens', contextTokens, LOAD_RANGES.contextTokens);
  if (maxSequences !== undefined) checkRange('maxSequences', maxSequences, LOAD_RANGES.maxSequences);
  if (threads !== undefined && threads !== 'background') checkRange('threads', threads, LOAD_RANGES.threads);
  const flat = Object.keys(options).find((name) => engineSetting(name) !== undefined);
  if (flat !== undefined)
    throw new PgenrmError('INVALID_OPTION', `${flat} is a setting of the engine: write engine: { ${flat} }`);
  checkEngineOptions(options.engine);
}

/** What belongs to servers goes with `urls`, and what sizes an engine in this process does not. */
function checkServed(options: LoadOptions): void {
  const { generator, urls, apiKey, dialect, gpu } = options;
  if (urls === undefined) {
    if (generator === 'http') throw invalidOption('urls', "given with the generator 'http'", urls);
    if (apiKey !== undefined) throw invalidOption('apiKey', 'given with urls', 'no urls');
    if (dialect !== undefined) throw invalidOption('dialect', 'given with urls', 'no urls');
    return;
  }
  if (generator !== undefined && generator !== 'http')
    throw invalidOption('generator', "'http' where urls are given", generator);
  const fixed = (['threads', 'engine'] as const).find((name) => options[name] !== undefined);
  if (fixed !== undefined)
    throw invalidOption(
      fixed,
      'left out where urls are given, for the servers size themselves',
      options[fixed],
    );
  if (gpu !== undefined && gpu !== 'auto') throw invalidOption('gpu', 'left out where urls are given', gpu);
}

/** Whether `model` names a file, whose metadata counts, rather than what servers call a model. */
export function namesFile(model: string): boolean {
  return model === 'nano' || model.startsWith('hf:') || model.toLowerCase().endsWith('.gguf');
}

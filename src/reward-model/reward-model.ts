// The facade: a loaded model that judges candidate replies for a user.
// Owns the generator's lifetime and the choice of template; the judging itself is `judge.ts`.

import { mapInOrder } from '../concurrency/in-order.js';
import { PgenrmError } from '../errors.js';
import type { Generator, GeneratorInfo, ModelInfo } from '../generator/generator.js';
import { checkChoice, checkRange, JUDGE_RANGES, type NumberRange } from '../options/option-range.js';
import { createChatTemplate } from '../prompt/chat-template.js';
import { type PromptTemplate, resolveTemplate } from '../prompt/template.js';
import { type JudgeParts, judgeItem } from './judge.js';
import { defaultMaxTokens, type JudgeSettings, judgeSettings } from './judge-settings.js';
import type { JudgeInput, JudgeOptions, JudgeOutcome, Judgment } from './judgment.js';

/** What {@link RewardModel.load} reports while a model comes in. */
export type LoadProgress = {
  readonly phase: 'download' | 'load';
  readonly done: number;
  readonly total: number;
};

/** Which model to load, and how it runs. */
export interface LoadOptions {
  /** `nano` (the bundled model, default), the path of a GGUF file, or an `hf:` address. */
  readonly model?: string;
  /** A built-in template's name or the path of a template file; by default the model says, else `standard`. */
  readonly template?: string;
  /** By default the native one where it can be used. */
  readonly generator?: 'native' | 'portable';
  /** Where layers are computed; default `auto`. */
  readonly gpu?: (typeof GPU_CHOICES)[number];
  /** Tokens of prompt and answer together, from 256 up; by default chosen from the model and the memory. */
  readonly contextTokens?: number;
  /** Most chains that decode at once, from 1 to 256. */
  readonly maxSequences?: number;
  /** CPU threads, from 1 to 1024. */
  readonly threads?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: LoadProgress) => void;
}

/** Values of {@link LoadOptions.gpu}. */
export const GPU_CHOICES = ['auto', 'cuda', 'metal', 'vulkan', 'off'] as const;
/** Values of {@link LoadOptions.generator}. */
export const GENERATOR_CHOICES = ['native', 'portable'] as const;

/** Ranges of the numbers in {@link LoadOptions}. */
export const LOAD_RANGES = {
  contextTokens: { integer: true, min: 256, max: 10_000_000 },
  maxSequences: { integer: true, min: 1, max: 256 },
  threads: { integer: true, min: 1, max: 1024 },
} as const satisfies Record<string, NumberRange>;

/** How a generator becomes a reward model. */
export interface OverOptions {
  /** As {@link LoadOptions.template}, or a template of your own. */
  readonly template?: string | PromptTemplate;
  /** SHA-256 of the model file, for manifests. */
  readonly modelSha256?: string;
  /** Whether disposing the reward model disposes the generator; default true. */
  readonly ownsGenerator?: boolean;
}

/** {@link JudgeOptions} for a stream of items. */
export interface JudgeManyOptions extends Omit<JudgeOptions, 'attempt'> {
  /** Most items in flight, from 1 to 256; by default as many as keep the generator busy. */
  readonly concurrency?: number;
}

/**
 * A model that judges replies as one user would (P-GenRM, arXiv 2602.12116).
 *
 * Use `await using model = await RewardModel.load()` or call `[Symbol.asyncDispose]()` in the end.
 */
export class RewardModel implements AsyncDisposable {
  /** The template that prompts are written with. */
  readonly template: PromptTemplate;
  /** SHA-256 of the model file, where known. */
  readonly modelSha256: string | null;
  readonly #parts: JudgeParts;
  readonly #ownsGenerator: boolean;
  #disposing: Promise<void> | undefined;

  private constructor(parts: JudgeParts, options: OverOptions) {
    this.template = parts.template;
    this.modelSha256 = options.modelSha256 ?? null;
    this.#parts = parts;
    this.#ownsGenerator = options.ownsGenerator ?? true;
  }

  /**
   * Finds and loads a model.
   *
   * Errors: `INVALID_OPTION`, `MODEL_NOT_FOUND`, `MODEL_UNUSABLE` (damaged, no text decoder, no chat template),
   * `TEMPLATE_INVALID`, `GENERATOR_UNAVAILABLE`, `LIBRARY_MISMATCH`, `OUT_OF_MEMORY`. Rejects with the signal's
   * reason where it aborts.
   */
  static async load(options: LoadOptions = {}): Promise<RewardModel> {
    const { model = 'nano', template, generator: kind, gpu, signal, onProgress } = options;
    checkLoadOptions(options);
    // A wrong template name shall not cost the loading of a model.
    const named = template === undefined ? undefined : await resolveTemplate(template);
    signal?.throwIfAborted();
    // Loaded here, so that a generator of one's own needs none of node-llama-cpp.
    const [{ resolveModel }, { loadGenerator }] = await Promise.all([
      import('../model-file/model-file.js'),
      import('../generator/choose.js'),
    ]);
    const file = await resolveModel(model, {
      ...(signal === undefined ? {} : { signal }),
      ...(onProgress === undefined
        ? {}
        : { onProgress: (done, total) => onProgress({ phase: 'download', done, total }) }),
    });
    const generator = await loadGenerator({
      modelPath: file.path,
      ...(kind === undefined ? {} : { generator: kind }),
      ...(gpu === undefined ? {} : { gpu }),
      ...(options.contextTokens === undefined ? {} : { contextTokens: options.contextTokens }),
      ...(options.maxSequences === undefined ? {} : { maxSequences: options.maxSequences }),
      ...(options.threads === undefined ? {} : { threads: options.threads }),
      ...(signal === undefined ? {} : { signal }),
      ...(onProgress === undefined
        ? {}
        : { onProgress: (share) => onProgress({ phase: 'load', done: share, total: 1 }) }),
    });
    try {
      return await RewardModel.over(generator, {
        ...(named === undefined ? {} : { template: named }),
        modelSha256: file.sha256,
      });
    } catch (error) {
      await generator[Symbol.asyncDispose]();
      throw error;
    }
  }

  /**
   * Makes a reward model of a generator that is loaded already.
   *
   * Errors: `TEMPLATE_INVALID`, `MODEL_UNUSABLE` where the model's chat template cannot be used.
   */
  static async over(generator: Generator, options: OverOptions = {}): Promise<RewardModel> {
    const { model, tokenizer } = generator;
    const template =
      typeof options.template === 'object'
        ? options.template
        : await resolveTemplate(options.template, model.metadata);
    const chat = createChatTemplate(model.chatTemplate, {
      bosToken: tokenizer.bosToken,
      eosToken: tokenizer.eosToken,
    });
    const usualMaxTokens = defaultMaxTokens(generator.info, model.metadata);
    return new RewardModel({ generator, template, chat, usualMaxTokens }, options);
  }

  /** How the generator runs: backend, devices, context, sequences. */
  get generatorInfo(): GeneratorInfo {
    return this.#parts.generator.info;
  }

  /** Facts about the model file. */
  get modelInfo(): ModelInfo {
    return this.#parts.generator.model;
  }

  /** What {@link judge} makes of options, every default filled in. Errors: `INVALID_OPTION`. */
  settings(options: JudgeOptions = {}): JudgeSettings {
    return judgeSettings(options, this.generatorInfo, this.#parts.usualMaxTokens);
  }

  /**
   * Judges candidate replies for one user.
   *
   * `individual` chains are written, the presentation order of the candidates changing from chain to chain;
   * the score of a candidate is its mean over the usable chains (individual level of test-time user-based scaling).
   * Every chain has a seed of its own, derived from `seed` and the item and not from what else runs; texts repeat as
   * far as the generator's arithmetic does. Where no chain is usable the judgment's status is `failed` and it holds no
   * score.
   *
   * Errors: `INVALID_OPTION`, `CONTEXT_OVERFLOW` (the prompt does not fit even without history),
   * `TEMPLATE_INVALID` (the template cannot hold so many candidates), `DECODE_FAILED`, `OUT_OF_MEMORY`,
   * `DISPOSED`. Rejects with the signal's reason where it aborts, within one step of the generator.
   */
  async judge(input: JudgeInput, options: JudgeOptions = {}): Promise<Judgment> {
    this.#throwIfDisposed();
    return judgeItem(this.#parts, input, options);
  }

  /**
   * Judges a stream of items, several at once, and yields the outcomes in input order.
   *
   * The stream is read no further than twice `concurrency` items ahead of the consumer. An item that fails has its
   * error as its outcome and the stream goes on; an error of the input stream itself is thrown at its place.
   * Leaving the loop stops what is at work. Throws the signal's reason where it aborts, and `INVALID_OPTION` or
   * `DISPOSED` before the first item.
   */
  async *judgeMany<I extends JudgeInput>(
    inputs: AsyncIterable<I> | Iterable<I>,
    options: JudgeManyOptions = {},
  ): AsyncGenerator<JudgeOutcome<I>, void, undefined> {
    const { concurrency, signal, ...judgeOptions } = options;
    this.#throwIfDisposed();
    this.settings(judgeOptions);
    const atOnce = this.concurrencyFor(judgeOptions.individual ?? 1, concurrency);
    const judgeOne = async (input: I, index: number, stop: AbortSignal): Promise<JudgeOutcome<I>> => {
      try {
        return { index, input, judgment: await this.judge(input, { ...judgeOptions, signal: stop }) };
      } catch (error) {
        // What is no error of this item (a listener that throws, a model disposed) ends the stream.
        if (stop.aborted || !(error instanceof PgenrmError) || error.code === 'DISPOSED') throw error;
        return { index, input, error };
      }
    };
    yield* mapInOrder(inputs, judgeOne, { concurrency: atOnce, signal });
  }

  /**
   * Items to keep in flight: as many as fill the generator's sequences, from 1 to 16, or `wish` where given.
   *
   * Errors: `INVALID_OPTION` where `wish` is out of range.
   */
  concurrencyFor(individual: number, wish?: number): number {
    if (wish !== undefined) {
      checkRange('concurrency', wish, JUDGE_RANGES.concurrency);
      return wish;
    }
    return Math.min(16, Math.max(1, Math.ceil(this.generatorInfo.maxSequences / individual)));
  }

  /** Ends what is at work with `DISPOSED` and frees the model; safe to call twice. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposing ??= Promise.resolve(
      this.#ownsGenerator ? this.#parts.generator[Symbol.asyncDispose]() : undefined,
    );
    await this.#disposing;
  }

  #throwIfDisposed(): void {
    if (this.#disposing !== undefined) {
      throw new PgenrmError('DISPOSED', 'this reward model was disposed; load another one');
    }
  }
}

function checkLoadOptions(options: LoadOptions): void {
  const { generator, gpu, contextTokens, maxSequences, threads } = options;
  if (generator !== undefined) checkChoice('generator', generator, GENERATOR_CHOICES);
  if (gpu !== undefined) checkChoice('gpu', gpu, GPU_CHOICES);
  if (contextTokens !== undefined) checkRange('contextTokens', contextTokens, LOAD_RANGES.contextTokens);
  if (maxSequences !== undefined) checkRange('maxSequences', maxSequences, LOAD_RANGES.maxSequences);
  if (threads !== undefined) checkRange('threads', threads, LOAD_RANGES.threads);
}

// The Generator in a browser: llama.cpp as WASM, one sample after another over one slot that keeps the prompt.
// Owns requests, their order and their ends; prompts, chains and users are unknown here.
import { PgenrmError } from '../../errors.js';
import { checkRange, type NumberRange } from '../../options/option-range.js';
import type {
  Generation,
  GenerationRequest,
  Generator,
  GeneratorInfo,
  ModelInfo,
  Prompt,
  Sample,
} from '../generator.js';
import { checkGrammar } from '../grammar-check.js';
import { grammarFields } from '../http/dialects/lazy-grammar.js';
import { TextEnd } from '../http/samples/text-end.js';
import { checkPrompt, checkRequest, checkRoom } from '../request-checks.js';
import { readBlobFacts, specialTexts, textModelInfo } from './blob-model.js';
import { PromptText } from './prompt-text.js';
import { checkSize, threadsOf, WllamaEngine } from './wllama-engine.js';

/** Tokens of the context where nobody says. */
const USUAL_CONTEXT = 4096;
/** Samples of a request before another one has its turn, whose prompt takes the slot. */
const TURN = 8;
/** The seed by which llama-server means none. */
const NO_SEED = 2 ** 32 - 1;
const RANGES = {
  contextTokens: { integer: true, min: 256, max: 1_048_576 },
  threads: { integer: true, min: 1, max: 32 },
} as const satisfies Record<string, NumberRange>;

/** A model for a browser, and where llama.cpp lies. */
export interface BrowserModelOptions {
  /** The GGUF file, or the files of a split model in order: fetched, or picked by the user. */
  readonly model: Blob | readonly Blob[];
  /** What errors call it; default the file's name. */
  readonly name?: string;
  /** Address of `wllama.wasm` of the package @wllama/wllama, on the page's own server. */
  readonly wasmUrl: string;
  /** Default: as trained, at most 4,096. */
  readonly contextTokens?: number;
  /** Default: half of the cores, at most 4, on a page that is cross-origin isolated; else 1. */
  readonly threads?: number;
  readonly signal?: AbortSignal;
}

/**
 * Loads a model into the browser's generator: seeds repeat within it, grammars hold, texts stream; it follows no plans.
 *
 * Errors: `MODEL_UNUSABLE` (no GGUF, damaged, no text model, too big for WebAssembly), `OUT_OF_MEMORY`,
 * `GENERATOR_UNAVAILABLE` (WebAssembly or its worker is not allowed), `PACKAGE_MISSING`, `INVALID_OPTION`; rejects with the
 * signal's reason.
 */
export async function loadBrowserGenerator(options: BrowserModelOptions): Promise<Generator> {
  const { wasmUrl, signal } = options;
  for (const key of ['contextTokens', 'threads'] as const) {
    if (options[key] !== undefined) checkRange(key, options[key], RANGES[key]);
  }
  const files = options.model instanceof Blob ? [options.model] : options.model;
  const name = options.name ?? (files[0] as { readonly name?: string } | undefined)?.name ?? 'the model';
  const facts = await readBlobFacts(name, files);
  const model = textModelInfo(name, facts);
  checkSize(name, files, facts);
  const trained = facts.trainedContext || USUAL_CONTEXT;
  const contextTokens = options.contextTokens ?? Math.min(trained, USUAL_CONTEXT);
  const { threads, why } = threadsOf(options.threads);
  const engine = await WllamaEngine.load(name, files, {
    wasmUrl,
    contextTokens,
    threads,
    ...(signal === undefined ? {} : { signal }),
  });
  const prompts = new PromptText(specialTexts(facts), engine.addsBos ? model.bosToken : '');
  return new BrowserGenerator(engine, model, prompts, why);
}

interface Counts {
  promptTokens: number;
  decoded: number;
  prefillMs: number;
}

class BrowserGenerator implements Generator {
  readonly info: GeneratorInfo;
  readonly #counted = new WeakMap<Prompt, Promise<number>>();
  #closing: Promise<void> | null = null;

  constructor(
    readonly engine: WllamaEngine,
    readonly model: ModelInfo,
    private readonly prompts: PromptText,
    threads: string,
  ) {
    this.info = {
      kind: 'browser',
      engine: 'llama.cpp (wllama)',
      version: engine.version,
      capabilities: {
        seeds: true,
        keepsDataText: true,
        grammar: true,
        minTokens: false,
        streaming: true,
        plans: false,
        embeddings: true,
      },
      backend: 'cpu',
      devices: ['WebAssembly'],
      contextTokens: engine.contextTokens,
      samplesAtOnce: 1,
      choices: [threads, 'one sample after another: several at once are no faster on few threads'],
      details: { threads: engine.threads },
    };
  }

  /** Decodes the prompt: that is how its tokens are counted here, and what the next sample then need not decode. */
  async countTokens(prompt: Prompt, { signal }: { readonly signal?: AbortSignal } = {}): Promise<number> {
    signal?.throwIfAborted();
    this.#throwIfClosed();
    checkPrompt(prompt);
    const known = this.#counted.get(prompt);
    if (known !== undefined) return known;
    const counting = this.engine.inTurn(signal, () => this.#count(prompt, signal));
    this.#counted.set(prompt, counting);
    counting.catch(() => this.#counted.delete(prompt));
    return counting;
  }

  async generate(request: GenerationRequest): Promise<Generation> {
    const began = performance.now();
    const { prompt, signal, grammar, maxTokens } = request;
    this.#throwIfClosed();
    checkPrompt(prompt);
    checkRequest(request, this.info);
    if (grammar !== undefined) checkGrammar(grammar, { namedTokens: false });
    checkRoom(
      await this.countTokens(prompt, signal === undefined ? {} : { signal }),
      maxTokens,
      this.info.contextTokens,
    );
    const counts: Counts = { promptTokens: 0, decoded: 0, prefillMs: 0 };
    const samples: Sample[] = [];
    for (let from = 0; from < request.seeds.length; from += TURN) {
      await this.engine.inTurn(signal, async () => {
        for (let index = from; index < Math.min(from + TURN, request.seeds.length); index++) {
          const sample = await this.#write(request, index, began, counts);
          samples.push(sample);
          request.onSample?.(sample);
          signal?.throwIfAborted();
        }
      });
    }
    return {
      samples,
      usage: {
        promptTokens: counts.promptTokens || (await this.countTokens(prompt)),
        decodedPromptTokens: counts.decoded,
        generatedTokens: samples.reduce((sum, { tokens }) => sum + tokens, 0),
        prefillMs: counts.prefillMs,
        totalMs: performance.now() - began,
      },
    };
  }

  close(): Promise<void> {
    this.#closing ??= this.engine.close(disposed());
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #count(prompt: Prompt, signal: AbortSignal | undefined): Promise<number> {
    try {
      const body = { prompt: this.prompts.of(prompt), n_predict: 0, max_tokens: 0, cache_prompt: true };
      return (await this.engine.complete(body, signal, () => false)).promptTokens;
    } catch (error) {
      // llama-server counts before it refuses.
      const tokens = error instanceof PgenrmError && /\((\d+) tokens\)/.exec(error.message)?.[1];
      if (!tokens || (error as PgenrmError).code !== 'CONTEXT_OVERFLOW') throw error;
      return Number(tokens);
    }
  }

  async #write(request: GenerationRequest, index: number, began: number, counts: Counts): Promise<Sample> {
    const { seeds, sampleSignals, signal, stop = [], thoughts, onText, maxTokens } = request;
    const seed = seeds[index]!;
    const cancel = sampleSignals?.[index];
    const sampleOf = (written: Pick<Sample, 'text' | 'tokens' | 'finish'>): Sample => ({
      index,
      seed,
      ...written,
      elapsedMs: performance.now() - began,
    });
    if (cancel?.aborted) return sampleOf({ text: '', tokens: 0, finish: 'cancelled' });
    const signals = [signal, cancel].filter((one) => one !== undefined);
    const end = new TextEnd(stop, thoughts);
    let shown = '';
    let tokens = 0;
    let stopped: number | null = null;
    let first = true;
    const show = (text: string): void => {
      const piece = text.slice(shown.length);
      shown = text;
      if (piece !== '') onText?.({ index, tokens, text: piece });
    };
    try {
      const written = await this.engine.complete(
        this.#body(request, seed),
        signals.length === 0 ? undefined : AbortSignal.any(signals),
        (progress) => {
          if (first) counts.prefillMs = Math.max(counts.prefillMs, performance.now() - began);
          first = false;
          tokens = Math.max(1, progress.tokens);
          const found = end.follow(progress.text);
          show(progress.text.slice(0, found.shown));
          stopped = found.stop?.start ?? null;
          return stopped !== null;
        },
      );
      counts.promptTokens ||= written.promptTokens;
      counts.decoded += Math.max(0, written.promptTokens - written.cachedTokens);
      const text = stopped === null ? written.text : written.text.slice(0, stopped);
      show(text);
      if (stopped !== null) return sampleOf({ text, tokens, finish: 'stop' });
      const cut = written.finish === 'length';
      return sampleOf({
        text,
        tokens: cut ? maxTokens : Math.max(1, written.tokens),
        finish: cut ? 'length' : 'endOfGeneration',
      });
    } catch (error) {
      if (cancel?.aborted !== true || error !== cancel.reason) throw error;
      return sampleOf({ text: shown, tokens, finish: 'cancelled' });
    }
  }

  #body(request: GenerationRequest, seed: number) {
    const { prompt, sampling, maxTokens, grammar, thoughts } = request;
    const marks = thoughts === undefined ? [] : [...thoughts.open, ...thoughts.close];
    return {
      prompt: this.prompts.of(prompt),
      max_tokens: maxTokens,
      n_predict: maxTokens,
      // The largest seed asks for a random one.
      seed: seed === NO_SEED ? NO_SEED - 1 : seed,
      samplers: ['temperature', 'min_p', 'top_p'],
      temperature: sampling.temperature,
      min_p: sampling.minP,
      top_p: sampling.topP,
      top_k: 0,
      repeat_penalty: 1,
      cache_prompt: true,
      ...(marks.length === 0 ? {} : { preserved_tokens: marks }),
      ...(grammar === undefined ? {} : grammarFields(grammar, request)),
    };
  }

  #throwIfClosed(): void {
    if (this.#closing !== null) throw disposed();
  }
}

function disposed(): PgenrmError {
  return new PgenrmError('DISPOSED', 'this generator was disposed; load another one');
}

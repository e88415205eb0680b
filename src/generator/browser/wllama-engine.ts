// llama.cpp as WASM in a worker of its own (@wllama/wllama): one model, completions one after another, embeddings.
// Owns the worker; knows llama-server's fields, and nothing of seeds in order, stop strings or thoughts.
import type { Wllama } from '@wllama/wllama';
import { messageOf, PgenrmError } from '../../errors.js';
import type { ModelFacts } from '../../model-file/model-facts.js';

/** Bytes of one file: more do not fit a file of the WASM build. */
const MOST_FILE_BYTES = 2 ** 31 - 1;
/** Bytes that the WASM memory may grow to. */
const MOST_BYTES = 2 ** 32;
/** Threads where nobody says: a page of several tabs has a few cores at most. */
const MOST_THREADS = 4;
const LOG_LINES = 8;
/** What a page tells of itself; its types belong to no library that is compiled against. */
const PAGE = globalThis as unknown as {
  readonly crossOriginIsolated?: boolean;
  readonly navigator?: { readonly hardwareConcurrency?: number };
};

/** How the engine is loaded. */
export interface WllamaOptions {
  /** Address of wllama's `wllama.wasm`, on the page's own server. */
  readonly wasmUrl: string;
  /** Tokens of the context. */
  readonly contextTokens: number;
  readonly threads: number;
  readonly signal?: AbortSignal;
  /** Present: the model embeds, pooled so. */
  readonly pooling?: 'unspecified' | 'mean' | 'cls' | 'last';
}

/** What was written so far, or at last. */
export interface Progress {
  readonly text: string;
  readonly tokens: number;
}

/** How a completion ended. */
export interface Completed extends Progress {
  readonly finish: 'stop' | 'length';
  readonly promptTokens: number;
  /** Tokens of the prompt that were held already. */
  readonly cachedTokens: number;
}

interface Chunk {
  readonly choices?: readonly { readonly text?: string; readonly finish_reason?: string | null }[];
  readonly usage?: {
    readonly prompt_tokens?: number;
    readonly completion_tokens?: number;
    readonly prompt_tokens_details?: { readonly cached_tokens?: number };
  } | null;
  readonly timings?: { readonly predicted_n?: number };
}

/** Threads that a page has: one without cross-origin isolation (no shared memory), and on machines of two cores. */
export function threadsOf(wish: number | undefined): { readonly threads: number; readonly why: string } {
  if (PAGE.crossOriginIsolated !== true)
    return {
      threads: 1,
      why: 'one thread: the page is not cross-origin isolated (its server sends no COOP and COEP headers)',
    };
  const cores = PAGE.navigator?.hardwareConcurrency ?? 1;
  const threads = wish ?? Math.max(1, Math.min(MOST_THREADS, Math.floor(cores / 2)));
  return { threads, why: `${threads} of ${cores} threads${wish === undefined ? '' : ', as asked for'}` };
}

/** Errors: `MODEL_UNUSABLE` for files that are too big for the memory of WASM. */
export function checkSize(name: string, files: readonly Blob[], facts: ModelFacts): void {
  const big = files.find(({ size }) => size > MOST_FILE_BYTES);
  const gib = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(1)} GiB`;
  if (big !== undefined)
    throw new PgenrmError(
      'MODEL_UNUSABLE',
      `${name} has a file of ${gib(big.size)}, and a browser takes files of less than 2 GiB: split it with llama-gguf-split, or judge with pgenrm serve`,
    );
  if (facts.tensorBytes >= MOST_BYTES)
    throw new PgenrmError(
      'MODEL_UNUSABLE',
      `${name} has ${gib(facts.tensorBytes)} of weights, and WebAssembly has 4 GiB of memory: take a smaller or more quantized model, or judge with pgenrm serve`,
    );
}

/** A model in wllama's worker. */
export class WllamaEngine {
  /** Ends all that is at work when the worker broke or was closed. */
  readonly #end = new AbortController();
  // What was asked before; completions never overlap: one slot holds the prefix of all prompts.
  #last: Promise<unknown> = Promise.resolve();

  private constructor(
    private readonly wllama: Wllama,
    readonly contextTokens: number,
    readonly vocabulary: number,
    readonly addsBos: boolean,
    readonly threads: number,
    readonly version: string,
  ) {}

  /** Errors: `MODEL_UNUSABLE`, `OUT_OF_MEMORY`, `GENERATOR_UNAVAILABLE`, `PACKAGE_MISSING`; the signal's reason. */
  static async load(name: string, files: readonly Blob[], options: WllamaOptions): Promise<WllamaEngine> {
    const { signal, wasmUrl, contextTokens, threads, pooling } = options;
    signal?.throwIfAborted();
    const { Wllama } = await import('@wllama/wllama').catch((cause: unknown) => {
      throw new PgenrmError(
        'PACKAGE_MISSING',
        'a browser runs models with the package @wllama/wllama: install it',
        {
          cause,
        },
      );
    });
    signal?.throwIfAborted();
    const log: string[] = [];
    const note = (...lines: unknown[]): void => {
      log.push(lines.map((line) => (line instanceof Error ? line.message : String(line))).join(' '));
      if (log.length > LOG_LINES) log.shift();
    };
    const quiet = (): void => {};
    const logger = { debug: quiet, log: quiet, warn: note, error: note };
    const wllama = new Wllama({ default: wasmUrl }, { logger });
    const stop = (): void => void wllama.exit();
    signal?.addEventListener('abort', stop, { once: true });
    try {
      await wllama.loadModel([...files], {
        n_ctx: contextTokens,
        n_parallel: 1,
        n_threads: threads,
        n_gpu_layers: 0,
        log_level: 4,
        // WebAssembly has no arithmetic of 16 bits: keys and values of 32 are faster, and closer to those of other engines.
        flash_attn: false,
        cache_type_k: 'f32',
        cache_type_v: 'f32',
        ...(pooling === undefined ? {} : { embeddings: true, pooling_type: pooling }),
      });
      const loaded = wllama.getLoadedContextInfo();
      if (loaded.n_vocab === 0) throw new Error('llama.cpp gives no vocabulary');
      return new WllamaEngine(
        wllama,
        loaded.n_ctx,
        loaded.n_vocab,
        loaded.add_bos_token,
        wllama.getNumThreads(),
        Wllama.getLibllamaVersion(),
      );
    } catch (error) {
      await wllama.exit().catch(quiet);
      if (signal?.aborted) throw signal.reason;
      throw loadError(name, error, log);
    } finally {
      signal?.removeEventListener('abort', stop);
    }
  }

  /** Does work once all that was asked before has ended. */
  inTurn<R>(signal: AbortSignal | undefined, work: () => Promise<R>): Promise<R> {
    const turn = this.#last.then(() => {
      this.#end.signal.throwIfAborted();
      signal?.throwIfAborted();
      return work();
    });
    this.#last = turn.catch(() => undefined);
    return turn;
  }

  /**
   * One completion; `onProgress` sees the text grow and says with `true` that it is enough. Rejects with the reason of
   * `signal`. Errors: `CONTEXT_OVERFLOW`, `DECODE_FAILED`, `DISPOSED`.
   */
  async complete(
    body: Readonly<Record<string, unknown>> & { readonly prompt: string },
    signal: AbortSignal | undefined,
    onProgress: (progress: Progress) => boolean,
  ): Promise<Completed> {
    const enough = new AbortController();
    const all = [this.#end.signal, enough.signal, ...(signal === undefined ? [] : [signal])];
    let text = '';
    let tokens = 0;
    let last: Chunk | undefined;
    try {
      await this.wllama.createCompletion({
        ...body,
        stream: true,
        timings_per_token: true,
        abortSignal: AbortSignal.any(all),
        onData: (chunk: Chunk) => {
          if (enough.signal.aborted) return;
          last = chunk;
          text += chunk.choices?.[0]?.text ?? '';
          tokens = chunk.timings?.predicted_n ?? chunk.usage?.completion_tokens ?? tokens;
          if (onProgress({ text, tokens })) enough.abort();
        },
      } as Parameters<Wllama['createCompletion']>[0]);
    } catch (error) {
      this.#end.signal.throwIfAborted();
      signal?.throwIfAborted();
      if (!enough.signal.aborted) throw this.#decodeError(error);
    }
    const promptTokens = last?.usage?.prompt_tokens ?? 0;
    const cachedTokens = last?.usage?.prompt_tokens_details?.cached_tokens ?? 0;
    const finish = last?.choices?.[0]?.finish_reason === 'length' ? 'length' : 'stop';
    return { text, tokens, finish, promptTokens, cachedTokens };
  }

  /** A vector as the model pools it. Errors: as {@link complete}. */
  async embed(text: string, signal: AbortSignal | undefined): Promise<Float32Array> {
    try {
      const { data } = await this.wllama.createEmbedding({ input: text });
      const [first] = data as readonly { readonly embedding: readonly number[] }[];
      signal?.throwIfAborted();
      return Float32Array.from(first!.embedding);
    } catch (error) {
      this.#end.signal.throwIfAborted();
      signal?.throwIfAborted();
      throw this.#decodeError(error);
    }
  }

  /** Ends what is at work with `reason` and the worker with it; safe to call twice. */
  async close(reason: PgenrmError): Promise<void> {
    this.#end.abort(reason);
    await this.#last;
    await this.wllama.exit().catch(() => undefined);
  }

  #decodeError(error: unknown): PgenrmError {
    const message = messageOf(error);
    if (/exceeds the available context/.test(message)) return new PgenrmError('CONTEXT_OVERFLOW', message);
    if ((error as { name?: string }).name !== 'WllamaRuntimeError')
      return new PgenrmError('DECODE_FAILED', `llama.cpp in the browser refused: ${message}`, {
        cause: error,
      });
    const memory = /memory|allocat|\boom\b/i.test(message);
    const broken = new PgenrmError(
      memory ? 'OUT_OF_MEMORY' : 'DECODE_FAILED',
      `llama.cpp in the browser stopped: ${message}; load the model again${memory ? ', with a smaller context' : ''}`,
      { cause: error },
    );
    // Its worker answers nothing any more.
    this.#end.abort(broken);
    return broken;
  }
}

function loadError(name: string, error: unknown, log: readonly string[]): PgenrmError {
  if (error instanceof PgenrmError) return error;
  const said = [messageOf(error), ...log].join('; ');
  if (/out of memory|memory access|allocat|\boom\b/i.test(said))
    return new PgenrmError(
      'OUT_OF_MEMORY',
      `${name} does not fit the memory that the browser gives to WebAssembly (${said}): take a smaller model or a shorter context`,
      { cause: error },
    );
  if (/fetch|CompileError|Content Security|Worker/i.test(said))
    return new PgenrmError(
      'GENERATOR_UNAVAILABLE',
      `llama.cpp did not begin in this browser (${said}): serve wllama.wasm beside the page, and let its policy hold script-src 'wasm-unsafe-eval' and worker-src blob:`,
      { cause: error },
    );
  return new PgenrmError('MODEL_UNUSABLE', `llama.cpp in the browser cannot load ${name}: ${said}`, {
    cause: error,
  });
}

// The Embedder on node-llama-cpp's public API: used where the native addon is absent; one text at a time.
// Serves embedding models and judges alike; knows nothing of what is embedded.
import { resolve } from 'node:path';
import type { LlamaEmbeddingContext, LlamaModel } from 'node-llama-cpp';
import { messageOf, PgenrmError } from '../../errors.js';
import type { ModelFacts } from '../../model-file/model-facts.js';
import { withQuietConsole } from '../../model-file/quiet-console.js';
import { readModelFacts } from '../../model-file/read-model-facts.js';
import type { Embedder, Embeddings } from '../embedder.js';
import { chooseThreads } from '../llama/cpu-threads.js';
import { chooseLlama, listenToLlama } from '../llama/llama-library.js';
import { type EmbedderOptions, POOLINGS, type Pooling } from '../native/native-embedder.js';

/** llama.cpp's numbers of the ways to pool. */
const POOLING_TYPES: Record<Exclude<Pooling, 'auto'>, number> = { mean: 1, cls: 2, last: 3 };

/**
 * Loads a model for embedding without the addon: the same vectors, to rounding, as `loadNativeEmbedder` gives.
 *
 * An `embed` that is aborted ends after the text under way. Throws `GENERATOR_UNAVAILABLE`, `MODEL_NOT_FOUND`,
 * `MODEL_UNUSABLE`, `OUT_OF_MEMORY`, `INVALID_OPTION`; rejects with the signal's reason when aborted.
 */
export async function loadPortableEmbedder(options: EmbedderOptions): Promise<Embedder> {
  return withQuietConsole(
    () => undefined,
    () => load(options),
  );
}

async function load(options: EmbedderOptions): Promise<Embedder> {
  const { signal } = options;
  signal?.throwIfAborted();
  const pooling = options.pooling ?? 'auto';
  if (!POOLINGS.includes(pooling)) {
    throw new PgenrmError('INVALID_OPTION', `pooling must be one of ${POOLINGS.join(', ')}, got ${pooling}`);
  }
  const facts = await readModelFacts(resolve(options.modelPath));
  const trained = facts.trainedContext || 2048;
  const maxTokens = options.maxTokens ?? Math.min(trained, 2048);
  if (!Number.isInteger(maxTokens) || maxTokens < 1 || maxTokens > trained) {
    throw new PgenrmError(
      'INVALID_OPTION',
      `maxTokens must be a whole number from 1 to ${trained}, got ${maxTokens}`,
    );
  }
  const { llama, gpu } = await chooseLlama(options.gpu ?? 'auto');
  const { threads } = await chooseThreads(options.threads, llama.cpuMathCores);
  if (llama.maxThreads !== 0 && llama.maxThreads < threads) llama.maxThreads = threads;
  const forced = poolingType(pooling, facts);
  const log = listenToLlama();
  let model: LlamaModel | undefined;
  try {
    model = await llama.loadModel({
      modelPath: facts.path,
      gpuLayers: gpu === false ? 0 : 'max',
      // Pooling is a property of the model here: what is forced goes over what its file says.
      ...(forced === null ? {} : { metadataOverrides: { [facts.architecture]: { pooling_type: forced } } }),
      ...(signal === undefined ? {} : { loadSignal: signal }),
      ...(options.onProgress === undefined ? {} : { onLoadProgress: options.onProgress }),
    });
    // A text is pooled within one batch, and must be shorter than the context.
    const room = maxTokens + 1;
    const context = await model.createEmbeddingContext({
      contextSize: room,
      batchSize: room,
      threads,
      ...(signal === undefined ? {} : { createSignal: signal }),
    });
    return new PortableEmbedder(facts.path, maxTokens, model, context);
  } catch (error) {
    await model?.dispose();
    throw loadError(error, facts, log.lines, signal);
  } finally {
    log.stop();
  }
}

/** The pooling to force, or null where the file's own is right. */
function poolingType(pooling: Pooling, facts: ModelFacts): number | null {
  if (pooling !== 'auto') return POOLING_TYPES[pooling];
  const stated = facts.metadata.get(`${facts.architecture}.pooling_type`);
  return stated === undefined || stated === '0' ? POOLING_TYPES.mean : null;
}

function loadError(
  error: unknown,
  facts: ModelFacts,
  lines: readonly string[],
  signal: AbortSignal | undefined,
): unknown {
  if (signal?.aborted === true) return signal.reason;
  if (error instanceof PgenrmError) return error;
  const said = [messageOf(error), ...lines].join('; ');
  const memory = /memory|vram|allocate/i.test(said);
  return new PgenrmError(
    memory ? 'OUT_OF_MEMORY' : 'MODEL_UNUSABLE',
    memory
      ? `no memory to embed with ${facts.path}: ${said}; lower maxTokens, or use a smaller model`
      : `llama.cpp cannot embed with ${facts.path} (architecture ${facts.architecture}): ${said}; use another GGUF`,
    { cause: error },
  );
}

class PortableEmbedder implements Embedder {
  readonly modelPath: string;
  readonly maxTokens: number;
  readonly #model: LlamaModel;
  readonly #context: LlamaEmbeddingContext;
  #disposal: Promise<void> | null = null;

  constructor(modelPath: string, maxTokens: number, model: LlamaModel, context: LlamaEmbeddingContext) {
    this.modelPath = modelPath;
    this.maxTokens = maxTokens;
    this.#model = model;
    this.#context = context;
  }

  async embed(texts: readonly string[], { signal }: { signal?: AbortSignal } = {}): Promise<Embeddings> {
    signal?.throwIfAborted();
    this.#throwIfDisposed();
    if (texts.length === 0) throw new PgenrmError('INVALID_OPTION', 'texts must hold at least one text');
    this.#checkLengths(texts);
    const rows: Float32Array[] = [];
    for (const text of texts) {
      signal?.throwIfAborted();
      this.#throwIfDisposed();
      rows.push(await this.#vector(text));
    }
    signal?.throwIfAborted();
    const dimension = rows[0]!.length;
    const vectors = new Float32Array(rows.length * dimension);
    for (const [index, row] of rows.entries()) vectors.set(row, index * dimension);
    return { vectors, dimension };
  }

  async close(): Promise<void> {
    // The model's disposal takes its contexts with it.
    this.#disposal ??= this.#model.dispose();
    await this.#disposal;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #checkLengths(texts: readonly string[]): void {
    for (const [index, text] of texts.entries()) {
      if (text === '')
        throw new PgenrmError('INVALID_OPTION', `text ${index} is empty; give at least one character`);
      const tokens = this.#context.calculateInputLength(text);
      if (tokens > this.maxTokens) {
        throw new PgenrmError(
          'CONTEXT_OVERFLOW',
          `text ${index} has ${tokens} tokens, and at most ${this.maxTokens} fit; shorten it or raise maxTokens`,
        );
      }
    }
  }

  async #vector(text: string): Promise<Float32Array> {
    let vector: readonly number[];
    try {
      ({ vector } = await this.#context.getEmbeddingFor(text));
    } catch (error) {
      this.#throwIfDisposed();
      throw new PgenrmError('DECODE_FAILED', `llama.cpp could not embed a text: ${messageOf(error)}`, {
        cause: error,
      });
    }
    const length = Math.hypot(...vector);
    if (!(length > 0) || !Number.isFinite(length)) {
      throw new PgenrmError('DECODE_FAILED', 'the model gave no finite vector for a text; use another model');
    }
    return Float32Array.from(vector, (value) => value / length);
  }

  #throwIfDisposed(): void {
    if (this.#disposal !== null) {
      throw new PgenrmError('DISPOSED', `the embedder of ${this.modelPath} was disposed; load it again`);
    }
  }
}

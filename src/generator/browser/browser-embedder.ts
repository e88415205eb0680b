// The Embedder in a browser: llama.cpp as WASM, one text after another.
// Serves embedding models and judges alike; knows nothing of what is embedded.
import { PgenrmError } from '../../errors.js';
import type { Embedder, Embeddings } from '../embedder.js';
import { readBlobFacts } from './blob-model.js';
import type { BrowserModelOptions } from './browser-generator.js';
import { checkSize, threadsOf, WllamaEngine } from './wllama-engine.js';

const USUAL_TOKENS = 2048;

/** How a model embeds in a browser. */
export interface BrowserEmbedderOptions extends Omit<BrowserModelOptions, 'contextTokens'> {
  /** Default `auto`: as the GGUF says. */
  readonly pooling?: 'auto' | 'mean' | 'cls' | 'last';
}

/** Loads a model for embedding. Errors: as `loadBrowserGenerator`, for a model that only embeds none of a text model. */
export async function loadBrowserEmbedder(options: BrowserEmbedderOptions): Promise<Embedder> {
  const { wasmUrl, signal, pooling = 'auto' } = options;
  const files = options.model instanceof Blob ? [options.model] : options.model;
  const name = options.name ?? (files[0] as { readonly name?: string } | undefined)?.name ?? 'the embedder';
  const facts = await readBlobFacts(name, files);
  checkSize(name, files, facts);
  const maxTokens = Math.min(facts.trainedContext || USUAL_TOKENS, USUAL_TOKENS);
  const engine = await WllamaEngine.load(name, files, {
    wasmUrl,
    contextTokens: maxTokens,
    threads: threadsOf(options.threads).threads,
    pooling: pooling === 'auto' ? 'unspecified' : pooling,
    ...(signal === undefined ? {} : { signal }),
  });
  return new BrowserEmbedder(engine, name, maxTokens);
}

class BrowserEmbedder implements Embedder {
  #closing: Promise<void> | null = null;

  constructor(
    private readonly engine: WllamaEngine,
    readonly modelPath: string,
    readonly maxTokens: number,
  ) {}

  async embed(
    texts: readonly string[],
    { signal }: { readonly signal?: AbortSignal } = {},
  ): Promise<Embeddings> {
    if (this.#closing !== null) throw disposed();
    if (texts.length === 0 || texts.includes(''))
      throw new PgenrmError('INVALID_OPTION', 'texts must be one text or more, none of them empty');
    const rows: Float32Array[] = [];
    for (const text of texts)
      rows.push(unit(await this.engine.inTurn(signal, () => this.engine.embed(text, signal))));
    const dimension = rows[0]!.length;
    const vectors = new Float32Array(rows.length * dimension);
    for (const [index, row] of rows.entries()) vectors.set(row, index * dimension);
    return { vectors, dimension };
  }

  close(): Promise<void> {
    this.#closing ??= this.engine.close(disposed());
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

function unit(row: Float32Array): Float32Array {
  const length = Math.hypot(...row);
  if (!(length > 0) || !Number.isFinite(length))
    throw new PgenrmError('DECODE_FAILED', 'the model gave a vector that has no direction');
  return row.map((value) => value / length);
}

function disposed(): PgenrmError {
  return new PgenrmError('DISPOSED', 'this embedder was disposed; load another one');
}

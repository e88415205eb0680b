// An Embedder without a model: words hashed into a vector of a few dimensions, texts without words into the first.

import { PgenrmError } from '../../src/errors.js';
import type { Embedder, Embeddings } from '../../src/generator/embedder.js';

export interface FakeEmbedderOptions {
  readonly dimension?: number;
  /** Most words of one text. */
  readonly maxTokens?: number;
  /** Texts that hold this word become NaN, or the zero vector. */
  readonly nanWord?: string;
  readonly zeroWord?: string;
}

export class FakeEmbedder implements Embedder {
  readonly modelPath = '/nowhere/fake-embedder.gguf';
  readonly maxTokens: number;
  readonly dimension: number;
  /** Every text that was embedded, in order. */
  readonly texts: string[] = [];
  disposals = 0;
  readonly #options: FakeEmbedderOptions;

  constructor(options: FakeEmbedderOptions = {}) {
    this.#options = options;
    this.maxTokens = options.maxTokens ?? 10_000;
    this.dimension = options.dimension ?? 16;
  }

  async embed(
    texts: readonly string[],
    options: { readonly signal?: AbortSignal } = {},
  ): Promise<Embeddings> {
    options.signal?.throwIfAborted();
    const vectors = new Float32Array(texts.length * this.dimension);
    for (const text of texts) {
      if (text === '') throw new PgenrmError('INVALID_OPTION', 'the fake embedder got an empty text');
      if (text.split(/\s+/).length > this.maxTokens) {
        throw new PgenrmError('CONTEXT_OVERFLOW', 'the fake embedder got a long text');
      }
    }
    for (const [row, text] of texts.entries()) {
      vectors.set(this.#vector(text), row * this.dimension);
      this.texts.push(text);
    }
    return { vectors, dimension: this.dimension };
  }

  async close(): Promise<void> {
    this.disposals += 1;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #vector(text: string): Float32Array {
    const { nanWord, zeroWord } = this.#options;
    const vector = new Float32Array(this.dimension);
    if (zeroWord !== undefined && text.includes(zeroWord)) return vector;
    if (nanWord !== undefined && text.includes(nanWord)) return vector.fill(Number.NaN);
    for (const word of text.toLowerCase().match(/[a-z]+/g) ?? []) {
      let hash = 0x811c9dc5;
      for (const letter of word) hash = Math.imul(hash ^ letter.charCodeAt(0), 0x01000193) >>> 0;
      vector[hash % this.dimension]! += hash & 0x10000 ? 1 : -1;
    }
    const length = Math.hypot(...vector);
    if (length === 0) vector[0] = 1;
    else for (let i = 0; i < this.dimension; i += 1) vector[i]! /= length;
    return vector;
  }
}

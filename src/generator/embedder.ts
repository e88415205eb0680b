// What turns texts into vectors. Knows nothing of what the texts are, nor of how an embedder works.

/** Unit vectors of several texts, in their order. */
export interface Embeddings {
  /** Row-major, every row of length 1. Shape [texts x dimension]. */
  readonly vectors: Float32Array;
  readonly dimension: number;
}

/**
 * A loaded model that embeds texts. `embed` rejects with the signal's reason when aborted, with a
 * {@link PgenrmError} of code `CONTEXT_OVERFLOW` for a text that is too long, `INVALID_OPTION` for no texts or an
 * empty one, `DECODE_FAILED` or `DISPOSED` otherwise. Disposing twice is safe.
 */
export interface Embedder extends AsyncDisposable {
  /** Absolute path of the GGUF file. */
  readonly modelPath: string;
  /** Most tokens of one text. */
  readonly maxTokens: number;
  embed(texts: readonly string[], options?: { readonly signal?: AbortSignal }): Promise<Embeddings>;
  /** Frees the model; the same as `await using`. */
  close(): Promise<void>;
}

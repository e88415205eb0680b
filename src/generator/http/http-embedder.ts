// The Embedder over an inference server's /v1/embeddings: batches side by side, repeated where the server fails.
// Owns the connection; knows nothing of what the texts are.

import { PgenrmError } from '../../errors.js';
import type { Embedder, Embeddings } from '../embedder.js';
import { Attempts } from './attempts.js';
import { Connection, ServerFailure } from './connection.js';
import { countOr, fieldsOf, textOr, wrongAnswer } from './dialects/dialect.js';
import { Fleet } from './fleet.js';
import { findApiKey, serverAddress } from './http-options.js';

/** Where an embedder is, and which. */
export interface HttpEmbedderOptions {
  /** Address of a server that has `/v1/embeddings`. */
  readonly url: string;
  /** As `HttpOptions.apiKey`. */
  readonly apiKey?: string;
  readonly signal?: AbortSignal;
}

const LOOK_MS = 10_000;
const EMBED_MS = 300_000;
const PATIENCE_MS = 60_000;
const BATCH = 32;
const AT_ONCE = 4;
/** What servers say of a text that is too long, whatever the status. */
const TOO_LONG = /too (?:large|long)|context|maximum.*length|batch size/i;

/**
 * Opens a server's embedder; `modelPath` is what the server calls its model. Errors: `INVALID_OPTION`, `GENERATOR_UNAVAILABLE`
 * where it is not there, refuses the key, is no inference server or has several models.
 */
export async function loadHttpEmbedder({ url, apiKey, signal }: HttpEmbedderOptions): Promise<Embedder> {
  const connection = new Connection(serverAddress(url), await findApiKey(apiKey));
  try {
    const { data } = fieldsOf(await connection.json('GET', '/v1/models', { signal, timeoutMs: LOOK_MS }));
    const entries = Array.isArray(data) ? data.map(fieldsOf) : [];
    const [entry] = entries;
    if (entry === undefined || entries.length > 1 || textOr(entry.id, '') === '')
      throw new PgenrmError(
        'GENERATOR_UNAVAILABLE',
        `the server ${connection.url} must have one model to embed with, got ${entries.length} in /v1/models`,
      );
    const most = countOr(entry.max_model_len) ?? countOr(fieldsOf(entry.meta).n_ctx_train);
    const embedder = new HttpEmbedder(connection, textOr(entry.id, ''), most ?? Number.MAX_SAFE_INTEGER);
    await checkBatches(embedder, connection.url, signal);
    return embedder;
  } catch (error) {
    await connection.close();
    throw error instanceof ServerFailure ? error.toError() : error;
  }
}

/** Texts of several lengths. */
const LOOKED_AT = ['one', 'two words', 'a few words more than that'].flatMap((text, index) =>
  [1, 2, 3].map((times) => `${text} ${index} `.repeat(times).trim()),
);
/** Least cosine of a text's vectors alone and beside others; a batch's arithmetic alone moves it less than that. */
const SAME = 0.99;

/**
 * Refuses a server whose vectors of a text depend on those beside it, as llama-server's v0.5.0 do where it has several slots and
 * memory of their own for each (`-no-kvu`).
 */
async function checkBatches(embedder: Embedder, url: string, signal: AbortSignal | undefined): Promise<void> {
  const options = signal === undefined ? {} : { signal };
  const { vectors, dimension } = await embedder.embed(LOOKED_AT, options);
  for (const [index, text] of LOOKED_AT.entries()) {
    const alone = (await embedder.embed([text], options)).vectors;
    const cosine = alone.reduce((sum, value, at) => sum + value * vectors[index * dimension + at]!, 0);
    if (cosine >= SAME) continue;
    throw new PgenrmError(
      'GENERATOR_UNAVAILABLE',
      `the server ${url} embeds a text in another way when others are beside it (cosine ${cosine.toFixed(2)}); start llama-server with -kvu or -np 1`,
    );
  }
}

class HttpEmbedder implements Embedder {
  readonly #attempts: Attempts;
  readonly #end = new AbortController();
  #closed: Promise<void> | null = null;

  constructor(
    private readonly connection: Connection,
    readonly modelPath: string,
    readonly maxTokens: number,
  ) {
    const fleet = new Fleet([connection], [{ most: AT_ONCE, first: AT_ONCE }]);
    this.#attempts = new Attempts(fleet, PATIENCE_MS, undefined);
  }

  async embed(
    texts: readonly string[],
    { signal }: { readonly signal?: AbortSignal } = {},
  ): Promise<Embeddings> {
    if (this.#closed !== null) throw closed();
    signal?.throwIfAborted();
    if (texts.length === 0 || texts.includes(''))
      throw new PgenrmError('INVALID_OPTION', 'texts to embed must be at least one, and none of them empty');
    const own = AbortSignal.any([this.#end.signal, ...(signal === undefined ? [] : [signal])]);
    const batches: Promise<Float32Array[]>[] = [];
    for (let from = 0; from < texts.length; from += BATCH)
      batches.push(this.#batch(texts.slice(from, from + BATCH), own));
    const rows = (await Promise.all(batches)).flat();
    const dimension = rows[0]!.length;
    if (rows.some((row) => row.length !== dimension))
      throw new PgenrmError(
        'DECODE_FAILED',
        `the server ${this.connection.url} gave vectors of several lengths`,
      );
    const vectors = new Float32Array(rows.length * dimension);
    for (const [index, row] of rows.entries()) vectors.set(row, index * dimension);
    return { vectors, dimension };
  }

  close(): Promise<void> {
    this.#closed ??= this.#dispose();
    return this.#closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #dispose(): Promise<void> {
    this.#end.abort(closed());
    await this.connection.close();
  }

  async #batch(input: readonly string[], signal: AbortSignal): Promise<Float32Array[]> {
    const body = { model: this.modelPath, input, encoding_format: 'float' };
    return this.#attempts.run(
      'embeddings',
      AbortSignal.any([signal]),
      async ({ connection }) => {
        try {
          const options = { body, signal, timeoutMs: EMBED_MS };
          return unitRows(await connection.json('POST', '/v1/embeddings', options), input.length);
        } catch (error) {
          if (!(error instanceof ServerFailure) || error.status === null) throw error;
          if (error.status < 500 && error.status !== 400) throw error;
          if (!TOO_LONG.test(error.message)) throw error;
          throw new PgenrmError('CONTEXT_OVERFLOW', error.message);
        }
      },
      () => 0,
    );
  }
}

/** The vectors of an answer, each of length 1. Throws a failure `answer` where they cannot be right. */
function unitRows(answer: unknown, count: number): Float32Array[] {
  const { data } = fieldsOf(answer);
  if (!Array.isArray(data) || data.length !== count)
    throw wrongAnswer(`${count} embeddings`, Array.isArray(data) ? data.length : (data ?? null));
  const rows: Float32Array[] = [];
  for (const one of data) {
    const { index, embedding } = fieldsOf(one);
    const at = countOr(index);
    if (at === null || at >= count || rows[at] !== undefined)
      throw wrongAnswer(`an index from 0 to ${count - 1}, each once`, index ?? null);
    if (!Array.isArray(embedding) || embedding.length === 0 || !embedding.every(Number.isFinite))
      throw wrongAnswer('an embedding of finite numbers', null);
    const length = Math.hypot(...(embedding as number[]));
    if (length === 0) throw wrongAnswer('an embedding that is not zero', 0);
    rows[at] = Float32Array.from(embedding as number[], (value) => value / length);
  }
  return rows;
}

function closed(): PgenrmError {
  return new PgenrmError('DISPOSED', 'this embedder was closed; load it again');
}

// One server's address and the requests to it: connections kept, time-outs, what a failure means.
// Knows HTTP and JSON; nothing of what is asked. No message holds the key.

import { Agent, request } from 'undici';
import { type ErrorCode, messageOf, PgenrmError } from '../../errors.js';
import type { RetryReason } from './http-options.js';

const CONNECT_MS = 5_000;
const SHOWN_CHARS = 300;
/** More than any answer to one sample or one batch of embeddings has. */
const MOST_BYTES = 256 * 2 ** 20;

/** A request that failed: whether it may be repeated and when, and what it becomes where it may not. */
export class ServerFailure extends Error {
  override readonly name = 'ServerFailure';

  constructor(
    message: string,
    /** Null: repeating it is of no use. */
    readonly retry: RetryReason | null,
    readonly code: ErrorCode,
    /** Milliseconds that the server wants to be left alone. */
    readonly waitMs: number | null = null,
    readonly status: number | null = null,
  ) {
    super(message);
  }

  toError(): PgenrmError {
    return new PgenrmError(this.code, this.message);
  }
}

/** What a request is sent with. */
export interface SendOptions {
  readonly body?: unknown;
  readonly signal?: AbortSignal | undefined;
  readonly timeoutMs: number;
  /** Headers by which routers keep requests together. */
  readonly headers?: Readonly<Record<string, string>>;
}

export class Connection {
  readonly #agent: Agent;
  readonly #key: string | null;

  constructor(
    readonly url: string,
    key: string | null,
  ) {
    this.#key = key;
    this.#agent = new Agent({ connect: { timeout: CONNECT_MS }, keepAliveTimeout: 4_000, pipelining: 1 });
  }

  /** The JSON of an answer. Throws {@link ServerFailure}, or the signal's reason. */
  async json(method: 'GET' | 'POST', path: string, options: SendOptions): Promise<unknown> {
    return this.#send(method, path, options, async (body) => {
      const chunks: Uint8Array[] = [];
      let bytes = 0;
      for await (const chunk of body) {
        bytes += chunk.length;
        if (bytes > MOST_BYTES)
          throw this.#failure(`answered ${path} with more than ${MOST_BYTES} bytes`, 'answer');
        chunks.push(chunk);
      }
      return this.#parsed(Buffer.concat(chunks).toString('utf8'), path);
    });
  }

  /**
   * Hands the data of server-sent events to `take`, each as JSON, until it returns true or the server says `[DONE]`.
   * Throws a failure `connection` where the stream ends before that.
   */
  async events(path: string, options: SendOptions, take: (event: unknown) => boolean): Promise<void> {
    await this.#send('POST', path, options, async (body) => {
      const decoder = new TextDecoder();
      let rest = '';
      for await (const chunk of body) {
        const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
        rest = lines.pop()!;
        if (rest.length > MOST_BYTES)
          throw this.#failure(`sent a line of more than ${MOST_BYTES} bytes`, 'answer');
        for (const line of lines) {
          const data = /^(?:data|error):\s*(.*?)\r?$/.exec(line)?.[1];
          if (data === undefined) continue;
          if (data === '[DONE]' || take(this.#parsed(data, path))) return;
        }
      }
      throw this.#failure(`cut the stream of ${path}`, 'connection');
    });
  }

  /** Ends all connections; requests that run fail. */
  async close(): Promise<void> {
    await this.#agent.destroy();
  }

  async #send<T>(
    method: 'GET' | 'POST',
    path: string,
    { body, signal, timeoutMs, headers }: SendOptions,
    read: (body: AsyncIterable<Uint8Array>) => Promise<T>,
  ): Promise<T> {
    signal?.throwIfAborted();
    const clock = new AbortController();
    const timer = setTimeout(() => clock.abort(), timeoutMs);
    const either = signal === undefined ? clock.signal : AbortSignal.any([signal, clock.signal]);
    try {
      const answer = await request(`${this.url}${path}`, {
        method,
        dispatcher: this.#agent,
        signal: either,
        headersTimeout: 0,
        bodyTimeout: 0,
        headers: {
          accept: 'application/json, text/event-stream',
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...(this.#key === null ? {} : { authorization: `Bearer ${this.#key}` }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      if (answer.statusCode >= 200 && answer.statusCode < 300) return await read(answer.body);
      const text = await answer.body.text();
      throw this.#refusal(answer.statusCode, text, path, answer.headers);
    } catch (error) {
      if (error instanceof ServerFailure) throw error;
      signal?.throwIfAborted();
      if (clock.signal.aborted)
        throw this.#failure(`did not answer ${path} within ${timeoutMs} ms`, 'timeout', 'DECODE_FAILED');
      if (!isConnectionError(error)) throw error;
      throw this.#failure(`cannot be reached (${messageOf(error) || systemCodeOf(error)})`, 'connection');
    } finally {
      clearTimeout(timer);
    }
  }

  #parsed(text: string, path: string): unknown {
    try {
      return JSON.parse(text);
    } catch {
      const html = /^\s*<(?:!doctype|html)/i.test(text);
      throw this.#failure(
        `answers ${path} with ${html ? 'a web page' : `what is no JSON (${this.#shown(text)})`}; is it an inference server?`,
        html ? null : 'answer',
      );
    }
  }

  #refusal(status: number, text: string, path: string, headers: Record<string, unknown>): ServerFailure {
    const said = this.#shown(reasonIn(text));
    const what = `answered ${path} with ${status}${said === '' ? '' : `: ${said}`}`;
    const wait = retryAfter(headers);
    if (status === 401 || status === 403)
      return this.#failure(
        `refuses the key (${status}); set PGENRM_API_KEY or PGENRM_API_KEY_FILE`,
        null,
        'GENERATOR_UNAVAILABLE',
        null,
        status,
      );
    if (status === 429 || status === 503)
      return this.#failure(what, 'busy', 'GENERATOR_UNAVAILABLE', wait, status);
    if (status >= 500 && status !== 501) return this.#failure(what, 'server', 'DECODE_FAILED', wait, status);
    if (status === 408) return this.#failure(what, 'timeout', 'DECODE_FAILED', wait, status);
    if (/context|too long|maximum.*length|max_model_len/i.test(said) && status === 400)
      return this.#failure(what, null, 'CONTEXT_OVERFLOW', null, status);
    return this.#failure(
      what,
      null,
      status === 404 ? 'GENERATOR_UNAVAILABLE' : 'DECODE_FAILED',
      null,
      status,
    );
  }

  #failure(
    what: string,
    retry: RetryReason | null,
    code: ErrorCode = 'GENERATOR_UNAVAILABLE',
    waitMs: number | null = null,
    status: number | null = null,
  ): ServerFailure {
    return new ServerFailure(`the server ${this.url} ${what}`, retry, code, waitMs, status);
  }

  /** What a server said, on one line, short, without the key. */
  #shown(text: string): string {
    const bare = this.#key === null ? text : text.replaceAll(this.#key, '[key]');
    const line = bare.replace(/[\p{Cc}\p{Cf}\u2028\u2029\s]+/gu, ' ').trim();
    return line.length <= SHOWN_CHARS ? line : `${line.slice(0, SHOWN_CHARS)}…`;
  }
}

/** The message in an error's body, of any of the shapes that servers have. */
function reasonIn(text: string): string {
  try {
    const { error, message, detail } = JSON.parse(text) as Record<string, unknown>;
    const inner = (error as { message?: unknown } | undefined)?.message ?? error ?? message ?? detail;
    return typeof inner === 'string' ? inner : JSON.stringify(inner ?? text);
  } catch {
    return /^\s*</.test(text) ? 'a web page' : text;
  }
}

function retryAfter(headers: Record<string, unknown>): number | null {
  const ms = Number(headers['retry-after-ms']);
  if (headers['retry-after-ms'] !== undefined && ms >= 0) return Math.min(ms, 60_000);
  const given = headers['retry-after'];
  if (typeof given !== 'string') return null;
  const seconds = Number(given);
  const until = Number.isNaN(seconds) ? Date.parse(given) - Date.now() : seconds * 1000;
  return until >= 0 ? Math.min(until, 60_000) : null;
}

function systemCodeOf(error: unknown): string {
  return String((error as { code?: unknown }).code ?? 'no connection');
}

function isConnectionError(error: unknown): boolean {
  const { code, name } = error as { code?: unknown; name?: unknown };
  return (
    (typeof code === 'string' && /^(?:UND_ERR|E[A-Z]{4,}|CERT|DEPTH|SELF|UNABLE|HPE)/.test(code)) ||
    name === 'TypeError' ||
    name === 'SocketError'
  );
}

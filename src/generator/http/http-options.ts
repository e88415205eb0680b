// What a caller says of inference servers: addresses, key, dialect, patience; and the checks of that.
// Asks no server anything.

import { readFile } from 'node:fs/promises';
import { messageOf, PgenrmError } from '../../errors.js';

/** Kinds of inference servers whose requests are known. */
export const SERVER_DIALECTS = ['llama-server', 'vllm', 'sglang', 'openai'] as const;

/** One of {@link SERVER_DIALECTS}; `openai`: any server with the OpenAI routes alone. */
export type ServerDialect = (typeof SERVER_DIALECTS)[number];

/** Inference servers, all of one kind and with one model. */
export interface HttpOptions {
  /** Addresses such as `http://127.0.0.1:8080`, at least one; a path in front of `/v1` is kept. */
  readonly urls: readonly string[];
  /** Default: `PGENRM_API_KEY`, else the content of the file that `PGENRM_API_KEY_FILE` names, else none. */
  readonly apiKey?: string;
  /** What the servers call the model; default: the only one that they have. */
  readonly model?: string;
  /** Default: by what the servers answer. */
  readonly dialect?: ServerDialect;
  /** Most tokens of prompt and answer; default: what the servers tell. A server with less is an error. */
  readonly contextTokens?: number;
  /** Most samples in flight at one server, from 1 to 1024; default: found while they run. */
  readonly maxInFlight?: number;
  /** Milliseconds for one sample, from 100 up; default 600,000. */
  readonly timeoutMs?: number;
  /** Milliseconds that a server may load its model, or be gone while others are gone too; default 60,000. */
  readonly patienceMs?: number;
  readonly signal?: AbortSignal;
  /** Called for every request that is repeated. */
  readonly onRetry?: (retry: RetryNote) => void;
}

/** Why a request is repeated. */
export interface RetryNote {
  readonly server: string;
  /** `connection`, `busy`, `timeout`, `server` (an error of its own), or `answer` (one that cannot be right). */
  readonly reason: RetryReason;
  readonly message: string;
}

export type RetryReason = 'connection' | 'busy' | 'timeout' | 'server' | 'answer';

function invalid(name: string, expected: string, got: unknown): PgenrmError {
  return new PgenrmError('INVALID_OPTION', `${name} must be ${expected}, got ${String(got)}.`);
}

/** Throws `INVALID_OPTION`. A key in an address is refused and not shown. */
export function checkHttpOptions(options: HttpOptions): void {
  const { urls, dialect, apiKey, model, maxInFlight, timeoutMs, patienceMs } = options;
  if (!Array.isArray(urls) || urls.length === 0)
    throw invalid('urls', 'a list of at least one address', 'none');
  for (const url of urls) serverAddress(url);
  if (new Set(urls.map(serverAddress)).size < urls.length)
    throw invalid('urls', 'different addresses', urls.join(', '));
  if (dialect !== undefined && !SERVER_DIALECTS.includes(dialect))
    throw invalid('dialect', `one of ${SERVER_DIALECTS.join(', ')}`, dialect);
  if (model !== undefined && model.trim() === '') throw invalid('model', 'a name that is not blank', "''");
  if (apiKey !== undefined && !isHeaderText(apiKey))
    throw invalid('apiKey', 'visible ASCII characters', 'something else (not shown)');
  const whole = (name: string, value: number | undefined, least: number, most: number): void => {
    if (value !== undefined && !(Number.isInteger(value) && value >= least && value <= most))
      throw invalid(name, `a whole number from ${least} to ${most}`, value);
  };
  whole('maxInFlight', maxInFlight, 1, 1024);
  whole('timeoutMs', timeoutMs, 100, 2 ** 31 - 1);
  whole('patienceMs', patienceMs, 0, 2 ** 31 - 1);
}

const isHeaderText = (text: string): boolean => /^[\x21-\x7e]+$/.test(text);

/** An address without a slash or `/v1` at its end. Throws `INVALID_OPTION`. */
export function serverAddress(url: string): string {
  let parsed: URL;
  try {
    parsed = new URL(url);
  } catch {
    throw invalid('urls', 'addresses such as http://127.0.0.1:8080', url);
  }
  if (parsed.username !== '' || parsed.password !== '')
    throw invalid(
      'urls',
      'addresses without a user or a key in them (there is apiKey)',
      `one of ${parsed.host}`,
    );
  if (!['http:', 'https:'].includes(parsed.protocol) || parsed.search !== '' || parsed.hash !== '')
    throw invalid('urls', 'addresses such as http://127.0.0.1:8080', url);
  return `${parsed.origin}${parsed.pathname}`.replace(/\/+$/, '').replace(/\/v1$/, '');
}

/**
 * The key: `apiKey`, else that of the environment, else that of the file which the environment names; null where there is
 * none. Throws `INVALID_OPTION`, without the key.
 */
export async function findApiKey(
  apiKey: string | undefined,
  env: Readonly<Record<string, string | undefined>> = process.env,
): Promise<string | null> {
  if (apiKey !== undefined) return apiKey;
  const own = env.PGENRM_API_KEY?.trim();
  const file = env.PGENRM_API_KEY_FILE;
  let key = own === '' ? undefined : own;
  if (key === undefined && file !== undefined && file !== '') {
    try {
      key = (await readFile(file, 'utf8')).trim();
    } catch (error) {
      throw new PgenrmError('INVALID_OPTION', `PGENRM_API_KEY_FILE cannot be read: ${messageOf(error)}`, {
        cause: error,
      });
    }
    if (key === '')
      throw new PgenrmError('INVALID_OPTION', `PGENRM_API_KEY_FILE names ${file}, which is empty`);
  }
  if (key !== undefined && !isHeaderText(key))
    throw invalid('the API key of the environment', 'visible ASCII characters', 'something else (not shown)');
  return key ?? null;
}

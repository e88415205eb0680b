// Finds out what kind of inference server answers at an address, and with which model.
// Asks once, when a generator is loaded; waits for a server that still loads its model.

import { setTimeout as sleep } from 'node:timers/promises';
import { PgenrmError } from '../../errors.js';
import { type Connection, ServerFailure } from './connection.js';
import { type Ask, type Dialect, fieldsOf, textOr } from './dialects/dialect.js';
import { openLlamaServer } from './dialects/llama-server.js';
import { openOpenAi } from './dialects/openai.js';
import { openSglang } from './dialects/sglang.js';
import { openVllm } from './dialects/vllm.js';
import type { ServerDialect } from './http-options.js';

const LOOK_MS = 10_000;
const OWNERS: Readonly<Record<string, ServerDialect>> = {
  llamacpp: 'llama-server',
  vllm: 'vllm',
  sglang: 'sglang',
};

export interface DetectOptions {
  readonly dialect?: ServerDialect | undefined;
  readonly model?: string | undefined;
  readonly patienceMs: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Looks at a server. Throws `GENERATOR_UNAVAILABLE`, naming the address, where none answers, it refuses the key or is no inference
 * server; `MODEL_NOT_FOUND` where it has not the model asked for.
 */
export async function openServer(connection: Connection, options: DetectOptions): Promise<Dialect> {
  const { signal } = options;
  const give = performance.now() + options.patienceMs;
  const ask: Ask = async (method, path, body) => {
    for (;;) {
      try {
        return await connection.json(method, path, { body, signal, timeoutMs: LOOK_MS });
      } catch (error) {
        if (!(error instanceof ServerFailure)) throw error;
        // A server that loads its model says 503.
        if (error.status !== 503 || performance.now() > give) throw error;
        await sleep(error.waitMs ?? 500, undefined, signal === undefined ? {} : { signal });
      }
    }
  };
  try {
    return await look(ask, options, connection.url);
  } catch (error) {
    if (error instanceof ServerFailure)
      throw new PgenrmError(
        error.code === 'DECODE_FAILED' ? 'GENERATOR_UNAVAILABLE' : error.code,
        error.message,
      );
    signal?.throwIfAborted();
    throw error;
  }
}

async function look(
  ask: Ask,
  { dialect: forced, model: wanted }: DetectOptions,
  url: string,
): Promise<Dialect> {
  const { data } = fieldsOf(await ask('GET', '/v1/models'));
  const entries = Array.isArray(data) ? data.map(fieldsOf) : [];
  if (entries.length === 0)
    throw new PgenrmError(
      'GENERATOR_UNAVAILABLE',
      `the server ${url} lists no model in /v1/models; is it an inference server?`,
    );
  const names = entries.map(({ id }) => textOr(id, ''));
  const kind = forced ?? OWNERS[textOr(entries[0]!.owned_by, '')] ?? 'openai';
  const known =
    kind === 'llama-server'
      ? [...names, ...entries.flatMap(({ aliases }) => (Array.isArray(aliases) ? aliases : []))]
      : names;
  const entry = wanted === undefined ? entries[0]! : entries[names.indexOf(wanted)];
  if (wanted !== undefined && !known.includes(wanted))
    throw new PgenrmError(
      'MODEL_NOT_FOUND',
      `the server ${url} has ${names.join(', ')}, not ${wanted}; name one that it has, or none`,
    );
  if (wanted === undefined && entries.length > 1 && kind !== 'llama-server')
    throw new PgenrmError(
      'INVALID_OPTION',
      `the server ${url} has several models (${names.join(', ')}): name one (model)`,
    );
  const model = wanted ?? names[0]!;
  switch (kind) {
    case 'llama-server':
      return openLlamaServer(ask);
    case 'vllm':
      return openVllm(ask, model, entry ?? {});
    case 'sglang':
      return openSglang(ask, model, entry ?? {});
    case 'openai':
      return openOpenAi(model);
  }
}

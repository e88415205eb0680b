// The Generator over inference servers: one request a sample, spread over the servers, repeated where a server fails.
// Owns servers and requests; dialects know how a server is asked. Prompts, chains and users are unknown here.

import { createHash } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { PgenrmError } from '../../errors.js';
import type { Generation, GenerationRequest, Prompt, Sample } from '../generation.js';
import type { Generator, GeneratorInfo, ModelInfo } from '../generator.js';
import { checkGrammar } from '../grammar-check.js';
import type { PlannedGeneration, PlannedRequest, PlannedSample } from '../plan.js';
import { checkPlannedRequest } from '../plan-bounds.js';
import { checkPrompt, checkRequest, checkRoom } from '../request-checks.js';
import { Attempts } from './attempts.js';
import { messagesOf } from './chat-marks.js';
import { Connection } from './connection.js';
import { openServer } from './detect.js';
import type { Dialect, SentPrompt } from './dialects/dialect.js';
import { Fleet, type FleetServer } from './fleet.js';
import { httpInfo, httpModel, type KnownModel, sameModel, sameServers } from './http-info.js';
import { checkHttpOptions, findApiKey, type HttpOptions, serverAddress } from './http-options.js';
import { PromptIds } from './prompt-ids.js';
import { allSamples, type SamplesOf } from './samples/all-samples.js';
import { checkServerPlan, PlanWriter } from './samples/plan-writer.js';
import { SampleWriter } from './samples/sample-run.js';

const PATIENCE_MS = 60_000;
const TIMEOUT_MS = 600_000;
const TOKENIZE_MS = 60_000;
const MOST_IN_FLIGHT = 256;

/**
 * Opens inference servers as one generator. `file`: what is known of the model's file, which the servers have to have too; its
 * metadata becomes the model's.
 *
 * Throws `INVALID_OPTION`, `GENERATOR_UNAVAILABLE` where a server is not there, is no inference server, refuses the key or differs from
 * the others, `MODEL_NOT_FOUND` where it has not the model; rejects with the signal's reason.
 */
export async function loadHttpGenerator(options: HttpOptions, file?: KnownModel): Promise<Generator> {
  checkHttpOptions(options);
  const key = await findApiKey(options.apiKey);
  const connections = options.urls.map((url) => new Connection(serverAddress(url), key));
  const { dialect, model, patienceMs = PATIENCE_MS, signal } = options;
  try {
    const dialects = await Promise.all(
      connections.map((connection) => openServer(connection, { dialect, model, patienceMs, signal })),
    );
    sameServers(dialects, connections);
    if (file !== undefined) sameModel(dialects[0]!, file, connections[0]!);
    return new HttpGenerator(connections, dialects, options, file);
  } catch (error) {
    await Promise.all(connections.map((connection) => connection.close()));
    throw error;
  }
}

class HttpGenerator implements Generator {
  readonly model: ModelInfo;
  readonly #info: GeneratorInfo;
  readonly #dialects: ReadonlyMap<Connection, Dialect>;
  readonly #dialect: Dialect;
  readonly #fleet: Fleet;
  readonly #attempts: Attempts;
  readonly #writer: SampleWriter;
  readonly #ids: PromptIds;
  readonly #plans: PlanWriter | null;
  readonly #counted = new WeakMap<Prompt, Promise<number>>();
  readonly #end = new AbortController();
  readonly #running = new Set<Promise<unknown>>();
  #disposal: Promise<void> | null = null;

  constructor(
    connections: readonly Connection[],
    dialects: readonly Dialect[],
    options: HttpOptions,
    file: KnownModel | undefined,
  ) {
    const [dialect] = dialects;
    this.#dialect = dialect!;
    this.#dialects = new Map(connections.map((connection, index) => [connection, dialects[index]!]));
    this.model = httpModel(this.#dialect, file);
    this.#info = httpInfo(dialects, options);
    this.#fleet = new Fleet(
      connections,
      dialects.map(({ facts: { slots } }) => bounds(slots, options.maxInFlight)),
    );
    const { patienceMs = PATIENCE_MS, timeoutMs = TIMEOUT_MS, onRetry } = options;
    this.#attempts = new Attempts(this.#fleet, patienceMs, onRetry);
    this.#writer = new SampleWriter(
      ({ connection }) => this.#dialects.get(connection)!,
      this.#dialect.waitsForGrammar,
      this.#attempts,
      timeoutMs,
    );
    this.#ids = new PromptIds(
      (text, special) => this.#tokenize(text, special),
      this.#dialect.capabilities.keepsDataText,
    );
    this.#plans =
      this.#dialect.plans === null
        ? null
        : new PlanWriter(this.#dialect.plans, this.#attempts, this.#end.signal, timeoutMs);
  }

  /** With what was repeated, and what each server did, so far. */
  get info(): GeneratorInfo {
    const servers = this.#fleet.servers.map(({ connection, samples, tokens, pace, failures }) => ({
      url: connection.url,
      samples,
      tokens,
      atOnce: pace.limit,
      there: failures === 0,
    }));
    return { ...this.#info, details: { ...this.#info.details, repeated: this.#attempts.counts, servers } };
  }

  async countTokens(prompt: Prompt, { signal }: { readonly signal?: AbortSignal } = {}): Promise<number> {
    signal?.throwIfAborted();
    this.#throwIfDisposed();
    checkPrompt(prompt);
    return this.#track(this.#orAborted(this.#count(prompt), signal));
  }

  async generate(request: GenerationRequest): Promise<Generation> {
    this.#throwIfDisposed();
    checkPrompt(request.prompt);
    checkRequest(request, this.info);
    if (request.grammar !== undefined) checkGrammar(request.grammar, { namedTokens: false });
    if (request.grammar !== undefined && (request.minTokens ?? 0) > 0)
      throw new PgenrmError(
        'INVALID_OPTION',
        `minTokens must be 0 beside a grammar, for ${this.#info.engine} cannot be given both, got ${request.minTokens}.`,
      );
    request.signal?.throwIfAborted();
    return this.#track(this.#generate(request));
  }

  async generatePlanned(request: PlannedRequest): Promise<PlannedGeneration> {
    this.#throwIfDisposed();
    if (this.#plans === null)
      throw new PgenrmError(
        'INVALID_OPTION',
        `a plan cannot be followed: ${this.#info.engine} draws no tokens behind given ones`,
      );
    checkPrompt(request.prompt);
    request.signal?.throwIfAborted();
    return this.#track(this.#generatePlanned(request));
  }

  close(): Promise<void> {
    this.#disposal ??= this.#dispose();
    return this.#disposal;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #generate(request: GenerationRequest): Promise<Generation> {
    const start = performance.now();
    const { prompt, sampling, maxTokens, stop = [], signal, onText } = request;
    const { grammar, grammarTrigger, thoughts, minTokens = 0 } = request;
    const promptTokens = await this.#orAborted(this.#count(prompt), signal);
    checkRoom(promptTokens, maxTokens, this.#info.contextTokens);
    const key = affinityOf(request);
    return this.#samples<Sample>(start, {
      request,
      promptTokens,
      onSample: request.onSample,
      write: async (index, seed, signals, elapsedMs) => {
        const { text, tokens, finish, decoded } = await this.#writer.write({
          ask: { seed, sampling, maxTokens, stop, grammar, grammarTrigger, thoughts },
          minTokens,
          prompt,
          send: (pieces) => this.#sent(pieces),
          key,
          ...signals,
          onText: onText === undefined ? undefined : (text, tokens) => onText({ index, tokens, text }),
        });
        const sample = { index, seed, text, tokens, finish, elapsedMs: elapsedMs() };
        return { sample, generated: tokens, decoded };
      },
    });
  }

  async #generatePlanned(request: PlannedRequest): Promise<PlannedGeneration> {
    const start = performance.now();
    const { prompt, plan, sampling, signal, onText } = request;
    const plans = this.#plans!;
    const ids = await this.#orAborted(this.#ids.of(prompt), signal);
    const { placed } = await this.#orAborted(
      checkPlannedRequest(request, ids.length, this.#info, (text) => plans.spell(text)),
      signal,
    );
    checkServerPlan(placed);
    const key = affinityOf(request);
    return this.#samples<PlannedSample>(start, {
      request,
      promptTokens: ids.length,
      onSample: request.onSample,
      write: async (index, seed, signals, elapsedMs) => {
        const { decoded, ...written } = await plans.write({
          ids,
          plan,
          sampling,
          seed,
          key,
          ...signals,
          onText:
            onText &&
            ((pieces, tokens) => {
              for (const piece of pieces) onText({ index, tokens, ...piece });
            }),
        });
        const { free, chosen } = written.tokens;
        return {
          sample: { index, seed, ...written, elapsedMs: elapsedMs() },
          generated: free + chosen,
          decoded,
        };
      },
    });
  }

  async #samples<S>(start: number, task: Omit<SamplesOf<S>, 'end'>) {
    try {
      return await allSamples<S>(start, { ...task, end: this.#end.signal });
    } catch (error) {
      if (this.#disposal !== null && task.request.signal?.aborted !== true) throw disposed();
      throw error;
    }
  }

  async #sent(prompt: Prompt): Promise<SentPrompt> {
    if (this.#dialect.tokenize !== null) return { kind: 'ids', ids: await this.#ids.of(prompt) };
    const messages = messagesOf(prompt);
    return messages === null ? { kind: 'text', text: textOf(prompt) } : { kind: 'chat', messages };
  }

  #count(prompt: Prompt): Promise<number> {
    if (this.#dialect.tokenize !== null) return this.#ids.of(prompt).then((ids) => ids.length);
    let count = this.#counted.get(prompt);
    if (count === undefined) {
      count = this.#countByAsking(prompt);
      this.#counted.set(prompt, count);
      count.catch(() => this.#counted.delete(prompt));
    }
    return count;
  }

  // A server that does not tokenize counts the prompt of a sample of one token; it keeps the prompt for those that follow.
  async #countByAsking(prompt: Prompt): Promise<number> {
    const sampling = { temperature: 0, topP: 1, minP: 0 };
    const { promptTokens } = await this.#writer.write({
      ask: { seed: 0, sampling, maxTokens: 1, stop: [] },
      minTokens: 0,
      prompt,
      send: (pieces) => this.#sent(pieces),
      key: digest(textOf(prompt)),
      signal: AbortSignal.any([this.#end.signal]),
      cancel: undefined,
      onText: undefined,
    });
    return promptTokens;
  }

  #tokenize(text: string, special: boolean) {
    const signal = AbortSignal.any([this.#end.signal]);
    const send = ({ connection }: FleetServer) =>
      this.#dialect.tokenize!(connection, text, special, { signal, timeoutMs: TOKENIZE_MS });
    return this.#attempts.aside(digest(text), signal, send);
  }

  /** A promise that others may wait for too, or the signal's reason. */
  async #orAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
    signal?.throwIfAborted();
    if (signal === undefined) return promise;
    // One of its own: Node warns of the eleventh listener of one signal.
    const own = AbortSignal.any([signal]);
    return new Promise<T>((resolve, reject) => {
      const onAbort = (): void => reject(own.reason);
      own.addEventListener('abort', onAbort, { once: true });
      promise.then(resolve, reject).finally(() => own.removeEventListener('abort', onAbort));
    });
  }

  async #track<T>(promise: Promise<T>): Promise<T> {
    this.#running.add(promise);
    try {
      return await promise;
    } catch (error) {
      if (this.#disposal !== null && error === this.#end.signal.reason) throw disposed();
      throw error;
    } finally {
      this.#running.delete(promise);
    }
  }

  #throwIfDisposed(): void {
    if (this.#disposal !== null) throw disposed();
  }

  async #dispose(): Promise<void> {
    await Promise.resolve();
    this.#end.abort(disposed());
    this.#fleet.end(disposed());
    await Promise.allSettled(this.#running);
    await Promise.all(this.#fleet.servers.map(({ connection }) => connection.close()));
  }
}

function disposed(): PgenrmError {
  return new PgenrmError('DISPOSED', 'this generator was disposed; load another one');
}

function bounds(slots: number | null, most: number | undefined): { most: number; first?: number } {
  if (most !== undefined) return { most, first: most };
  // One that says how many samples it writes at once is given two more, so that none waits for us.
  if (slots !== null && slots > 0) return { most: Math.min(MOST_IN_FLIGHT, slots + 2), first: slots + 2 };
  return { most: MOST_IN_FLIGHT };
}

/** Requests of one key go to one server. */
function affinityOf({ affinity, prompt }: Pick<GenerationRequest, 'affinity' | 'prompt'>): string {
  return digest(affinity ?? textOf(prompt));
}

function textOf(prompt: Prompt): string {
  return prompt.map(({ text }) => text).join('');
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}

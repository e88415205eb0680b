// One engine of the addon as promises: loading, requests, embeddings, closing.
// Knows the native boundary and its events; sizes, prompts and models' suitability are its callers'.
import { PgenrmError } from '../../errors.js';
import type {
  NativeBinding,
  NativeEmbeddingEvent,
  NativeEndEvent,
  NativeEngine,
  NativeEngineOptions,
  NativeEvent,
  NativeFailure,
  NativeRequest,
  NativeSampleEvent,
  NativeTextEvent,
} from '../../native/binding.js';
import type { Embeddings } from '../embedder.js';
import type { FinishReason, Generation, GenerationRequest, GenerationUsage, Sample } from '../generator.js';
import type { TokenRequest } from '../llama/llama-info.js';
import type { ShownTokens } from '../llama/shown-tokens.js';
import type { PlannedGeneration, PlannedRequest, PlannedSample } from '../plan.js';
import { describePart, type PlacedPart } from '../plan-parts.js';
import { watchSampleSignals } from '../sample-signals.js';
import type { StepStatistics } from './native-info.js';
import { fromNativeOutcome, toNativePlan } from './native-plan.js';

/** How a load is watched and stopped. */
export interface LoadWatch {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((share: number) => void) | undefined;
  readonly onStep?: ((statistics: StepStatistics) => void) | undefined;
}

interface Deferred<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
  readonly reject: (reason: unknown) => void;
}

function deferred<T>(): Deferred<T> {
  let resolve!: (value: T) => void;
  let reject!: (reason: unknown) => void;
  const promise = new Promise<T>((onValue, onReason) => {
    resolve = onValue;
    reject = onReason;
  });
  return { promise, resolve, reject };
}

type StepEvent = Extract<NativeEvent, { type: 'step' }>;

interface Signals {
  readonly signal?: AbortSignal | undefined;
  readonly sampleSignals?: GenerationRequest['sampleSignals'];
}

/** A request with its prompt as tokens, shape [promptTokens]. */
export type EngineRequest = TokenRequest & {
  readonly tokens: Int32Array;
  /** Control tokens whose texts become part of the text; default none. */
  readonly shown?: ShownTokens;
};

/** As {@link EngineRequest}, with a plan whose samples have `maxTokens` at most. */
export type PlannedEngineRequest = Omit<PlannedRequest, 'prompt'> & {
  readonly tokens: Int32Array;
  readonly placed: readonly PlacedPart[];
  readonly maxTokens: number;
};

type ReportedText = Omit<NativeTextEvent['pieces'][number], 'id'>;

interface OpenRequest {
  readonly text: (piece: ReportedText) => void;
  readonly sample: (sample: NativeSampleEvent) => void;
  readonly end: (event: NativeEndEvent | NativeEmbeddingEvent) => void;
}

/** An engine that has loaded its model. */
export class EngineHandle {
  readonly native: NativeEngine;
  readonly #open = new Map<number, OpenRequest>();
  readonly #watch: LoadWatch;
  readonly #ready = deferred<NativeFailure | null>();
  readonly #closed = deferred<void>();
  #lastStep = { at: performance.now(), generatedTokens: 0 };
  #disposed = false;

  /**
   * Loads a model into a new engine. Throws `MODEL_UNUSABLE` or `OUT_OF_MEMORY`; rejects with the signal's reason
   * when aborted. On failure nothing of the engine stays.
   */
  static async load(
    binding: NativeBinding,
    options: NativeEngineOptions,
    watch: LoadWatch,
  ): Promise<EngineHandle> {
    const engine = new EngineHandle(binding, options, watch);
    const stop = (): void => engine.native.close();
    watch.signal?.addEventListener('abort', stop, { once: true });
    const failure = await engine.#ready.promise;
    watch.signal?.removeEventListener('abort', stop);
    if (failure === null && !watch.signal?.aborted) return engine;
    await engine.dispose();
    watch.signal?.throwIfAborted();
    throw loadError(failure);
  }

  private constructor(binding: NativeBinding, options: NativeEngineOptions, watch: LoadWatch) {
    this.#watch = watch;
    this.native = new binding.Engine(options, (events) => {
      for (const event of events) this.#take(event);
    });
  }

  /** Runs one request over the tokens of its prompt; the errors are those of `Generator.generate`. */
  async generate(request: EngineRequest): Promise<Generation> {
    this.requireOpen();
    request.signal?.throwIfAborted();
    const samples: Sample[] = [];
    const end = await this.#run(request, () => this.#submit(request), {
      text: ({ part: _, ...piece }) => request.onText?.(piece),
      sample: ({ index, text, tokens, finish, elapsedMs }) => {
        const seed = request.seeds[index] as number;
        const sample = { index, seed, text, tokens, finish: finish as FinishReason, elapsedMs };
        samples.push(sample);
        request.onSample?.(sample);
      },
    });
    return { samples: samples.sort((a, b) => a.index - b.index), usage: usageOf(end, []) };
  }

  /** Runs one request with a plan; the errors are those of `Generator.generatePlanned`. */
  async generatePlanned(request: PlannedEngineRequest): Promise<PlannedGeneration> {
    const { placed } = request;
    this.requireOpen();
    request.signal?.throwIfAborted();
    const samples: PlannedSample[] = [];
    const submit = (): number => this.#submitNative(plannedRequest(request));
    const end = await this.#run(request, submit, {
      text: (piece) => request.onText?.(piece),
      sample: ({ index, text, finish, elapsedMs, plan }) => {
        const sample: PlannedSample = {
          index,
          seed: request.seeds[index] as number,
          text,
          ...fromNativeOutcome(plan as NonNullable<typeof plan>, placed),
          finish: finish === 'cancelled' ? 'cancelled' : 'complete',
          elapsedMs,
        };
        samples.push(sample);
        request.onSample?.(sample);
      },
    });
    return { samples: samples.sort((a, b) => a.index - b.index), usage: usageOf(end, placed) };
  }

  /** Embeds texts; the errors are those of `Embedder.embed`. */
  async embed(texts: readonly string[], signal?: AbortSignal): Promise<Embeddings> {
    this.requireOpen();
    signal?.throwIfAborted();
    const submit = (): number => {
      try {
        return this.native.embed({ texts });
      } catch (error) {
        throw new PgenrmError('INVALID_OPTION', (error as Error).message, { cause: error });
      }
    };
    const end = await this.#run({ signal }, submit, { text: () => undefined, sample: () => undefined });
    if (end.type !== 'embedding' || end.failure !== null) throw endError(end);
    return { vectors: end.vectors, dimension: end.dimension };
  }

  /** Throws `DISPOSED` once the engine was disposed. */
  requireOpen(): void {
    if (this.#disposed) throw new PgenrmError('DISPOSED', 'the model was disposed');
  }

  /** Ends everything and frees the model; twice is safe. */
  async dispose(): Promise<void> {
    this.#disposed = true;
    this.native.close();
    await this.#closed.promise;
  }

  async #run(
    { signal, sampleSignals = [] }: Signals,
    submit: () => number,
    listener: Pick<OpenRequest, 'text' | 'sample'>,
  ): Promise<NativeEndEvent | NativeEmbeddingEvent> {
    const ended = deferred<NativeEndEvent | NativeEmbeddingEvent>();
    const id = submit();
    let thrown: { readonly error: unknown } | undefined;
    const onAbort = (): void => this.native.cancel(id);
    signal?.addEventListener('abort', onAbort, { once: true });
    const unwatch = watchSampleSignals(sampleSignals, (index) => this.native.cancel(id, index));
    // What a listener throws ends its own request and no other.
    const guarded =
      <T>(listen: (reported: T) => void) =>
      (reported: T): void => {
        try {
          if (thrown === undefined) listen(reported);
        } catch (error) {
          thrown = { error };
          this.native.cancel(id);
        }
      };
    this.#open.set(id, {
      text: guarded(listener.text),
      sample: guarded(listener.sample),
      end: ended.resolve,
    });
    const event = await ended.promise;
    unwatch();
    signal?.removeEventListener('abort', onAbort);
    if (thrown !== undefined) throw thrown.error;
    if (wasCancelled(event)) throw signal?.reason;
    return event;
  }

  #withRate(event: StepEvent): StepStatistics {
    const {
      type: _,
      decodedTokens: _rows,
      calls: _calls,
      rowCells: _cells,
      cellsRead: _cellsRead,
      promptAttended: _promptAttended,
      sampleAttended: _sampleAttended,
      decodeMs: _decode,
      drawMs: _draw,
      ...step
    } = event;
    const at = performance.now();
    const { at: lastAt, generatedTokens } = this.#lastStep;
    this.#lastStep = { at, generatedTokens: step.generatedTokens };
    const seconds = (at - lastAt) / 1000;
    return { ...step, generatedTokensPerSecond: (step.generatedTokens - generatedTokens) / seconds };
  }

  #submit(request: EngineRequest): number {
    return this.#submitNative({
      prompt: request.tokens,
      seeds: Uint32Array.from(request.seeds),
      ...request.sampling,
      maxTokens: request.maxTokens,
      minTokens: request.minTokens ?? 0,
      stop: request.stop ?? [],
      ...nativeThoughts(request),
      grammar: request.grammar ?? '',
      grammarTrigger: request.grammarTrigger ?? '',
      plan: null,
      streams: request.onText !== undefined,
    });
  }

  #submitNative(request: NativeRequest): number {
    try {
      return this.native.submit(request);
    } catch (error) {
      const refused = error as Error & { code?: string };
      const code = refused.code === 'GRAMMAR_INVALID' ? 'GRAMMAR_INVALID' : 'INVALID_OPTION';
      throw new PgenrmError(code, refused.message, { cause: error });
    }
  }

  #take(event: NativeEvent): void {
    switch (event.type) {
      case 'progress':
        this.#watch.onProgress?.(event.share);
        return;
      case 'step':
        this.#watch.onStep?.(this.#withRate(event));
        return;
      case 'ready':
        this.#ready.resolve(event.failure);
        return;
      case 'closed':
        this.#ready.resolve({ code: 'closed', detail: 'it was closed while it loaded' });
        this.#closed.resolve();
        return;
      case 'text':
        for (const { id, ...piece } of event.pieces) this.#open.get(id)?.text(piece);
        return;
      case 'sample':
        this.#open.get(event.id)?.sample(event);
        return;
      case 'end':
      case 'embedding':
        this.#open.get(event.id)?.end(event);
        this.#open.delete(event.id);
    }
  }
}

function wasCancelled(event: NativeEndEvent | NativeEmbeddingEvent): boolean {
  return event.type === 'end' ? event.status === 'cancelled' : event.failure?.code === 'cancelled';
}

function nativeThoughts({ thoughts, shown = new Map() }: Pick<EngineRequest, 'thoughts' | 'shown'>) {
  return {
    thoughtsOpened: thoughts?.opened ?? false,
    thoughtsOpen: thoughts?.open ?? [],
    thoughtsClose: thoughts?.close ?? [],
    shownTokens: Int32Array.from(shown.keys()),
    shownTexts: [...shown.values()],
  };
}

function plannedRequest(request: PlannedEngineRequest): NativeRequest {
  return {
    prompt: request.tokens,
    maxTokens: request.maxTokens,
    seeds: Uint32Array.from(request.seeds),
    ...request.sampling,
    minTokens: 0,
    stop: [],
    ...nativeThoughts({}),
    grammar: '',
    grammarTrigger: '',
    plan: toNativePlan(request.plan),
    streams: request.onText !== undefined,
  };
}

// Throws what an end that is none of a finished request stands for; `placed` are the parts of its plan.
function usageOf(end: NativeEndEvent | NativeEmbeddingEvent, placed: readonly PlacedPart[]): GenerationUsage {
  if (end.type !== 'end' || end.status !== 'done') throw endError(end, placed);
  const { promptTokens, decodedPromptTokens, generatedTokens, prefillMs, totalMs } = end;
  return { promptTokens, decodedPromptTokens, generatedTokens, prefillMs, totalMs };
}

function endError(
  end: NativeEndEvent | NativeEmbeddingEvent,
  placed: readonly PlacedPart[] = [],
): PgenrmError {
  if (end.type === 'embedding') return failureError(end.failure?.code ?? 'closed', end.failure?.detail ?? '');
  if (end.status !== 'planFailed') return failureError(end.status, end.detail);
  const part = placed[end.part];
  const where = part === undefined ? '' : ` at ${describePart(part)}`;
  return new PgenrmError('DECODE_FAILED', `The plan cannot be followed${where}: ${end.detail}.`);
}

function failureError(code: NativeEndEvent['status'] | NativeFailure['code'], detail: string): PgenrmError {
  if (code === 'closed') {
    return new PgenrmError('DISPOSED', 'the model was disposed while the request ran');
  }
  if (code === 'tooLong') return new PgenrmError('CONTEXT_OVERFLOW', detail);
  return new PgenrmError(code === 'noMemory' ? 'OUT_OF_MEMORY' : 'DECODE_FAILED', detail);
}

function loadError(failure: NativeFailure | null): PgenrmError {
  const code = failure?.code === 'noMemory' ? 'OUT_OF_MEMORY' : 'MODEL_UNUSABLE';
  return new PgenrmError(code, `the model was not loaded: ${failure?.detail ?? 'it was stopped'}`);
}

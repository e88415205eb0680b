// The Generator on node-llama-cpp's public API: used where the native addon is absent, and as its baseline.
// Owns model, context and the queue of requests; prompts, chains and users are unknown here.
import { performance } from 'node:perf_hooks';
import type { LlamaContext, LlamaGrammar, LlamaModel, Token } from 'node-llama-cpp';
import { messageOf, PgenrmError } from '../../errors.js';
import type {
  Generation,
  GenerationRequest,
  GenerationUsage,
  GeneratorInfo,
  ModelInfo,
  Prompt,
  Sample,
} from '../generator.js';
import { checkGrammar } from '../grammar-check.js';
import type { TokenGenerator, TokenRequest } from '../llama/llama-info.js';
import { PromptTokens } from '../llama/prompt-tokens.js';
import { MarkTokens } from '../llama/shown-tokens.js';
import type { PlannedGeneration, PlannedRequest, PlannedSample, PlannedTokens } from '../plan.js';
import { checkPlannedRequest } from '../plan-bounds.js';
import { type PartText, PlanRun } from '../plan-run/plan-run.js';
import { TokenJoins, toBytes } from '../plan-run/token-joins.js';
import { checkPrompt, checkRequest, checkRoom, checkTokens } from '../request-checks.js';
import { watchSampleSignals } from '../sample-signals.js';
import type { LaneModel } from './lane-model.js';
import { NOTHING_PLANNED, type PlannedLaneSample } from './planned-sample.js';
import { loadPortableModel, type PortableModel, type PortableOptions } from './portable-model.js';
import { type LaneSample, type LaneTask, NOTHING_WRITTEN, SequenceLane } from './sequence-lane.js';
import { TokenPieces } from './token-pieces.js';

/** Samples that a request may start one after another while others wait. */
const TURN = 8;

type AnySample = Sample | PlannedSample;
type Written = LaneSample | PlannedLaneSample;
type Hooks = Pick<LaneTask, 'stopped' | 'cancelled' | 'onPrompt'>;

// What plain requests and those with a plan do each in its own way.
interface Work {
  readonly request: Pick<TokenRequest, 'seeds' | 'signal' | 'sampleSignals'>;
  /** Tokens of the prompt. */
  readonly prompt: Int32Array;
  /** A sample that was cancelled before it began. */
  readonly nothing: Written;
  write(
    lane: SequenceLane,
    index: number,
    hooks: Hooks,
    tell: (report: () => void) => void,
  ): Promise<Written | null>;
  report(sample: AnySample): void;
}

// A request while its samples are written.
interface Job extends Work {
  readonly start: number;
  readonly samples: (AnySample | undefined)[];
  /** Of samples that were cancelled while they ran. */
  readonly cancelled: Set<number>;
  readonly settle: {
    resolve: (generation: { readonly samples: AnySample[]; readonly usage: GenerationUsage }) => void;
    reject: (reason: unknown) => void;
  };
  next: number;
  running: number;
  /** Samples started since the request was last put behind the others. */
  turn: number;
  ended: number;
  decodedPromptTokens: number;
  prefillMs: number | null;
  settled: boolean;
}

/** Loads a model into the portable generator; the errors are those of {@link loadPortableModel}. */
export async function loadPortableGenerator(options: PortableOptions): Promise<TokenGenerator> {
  return new PortableGenerator(await loadPortableModel(options));
}

class PortableGenerator implements TokenGenerator {
  readonly info: GeneratorInfo;
  readonly model: ModelInfo;
  readonly #tokens: PromptTokens;
  readonly #joins: TokenJoins;
  readonly #vocabulary: number;
  readonly #markTokens: MarkTokens;
  readonly #llamaModel: LlamaModel;
  readonly #context: LlamaContext;
  readonly #free: SequenceLane[] = [];
  readonly #running = new Set<Promise<void>>();
  // Requests with samples still to start, the longest waiting first.
  readonly #waiting: Job[] = [];
  readonly #jobs = new Set<Job>();
  readonly #grammars = new Map<string, Promise<LlamaGrammar>>();
  #disposal: Promise<void> | null = null;

  constructor(loaded: PortableModel) {
    this.info = loaded.info;
    this.model = loaded.modelInfo;
    this.#tokens = new PromptTokens(loaded.tokenizer);
    this.#vocabulary = loaded.facts.tokens.length;
    this.#markTokens = new MarkTokens(loaded.tokenizer.controlTokens);
    this.#llamaModel = loaded.model;
    this.#context = loaded.context;
    const pieces = new TokenPieces(loaded.model, loaded.facts.tokens, loaded.facts.tokenizerModel);
    const endTokens = [...loaded.facts.tokens.keys()].filter((token) =>
      loaded.model.isEogToken(token as Token),
    ) as Token[];
    this.#joins = new TokenJoins({
      tokenize: (text) => loaded.tokenizer.tokenize(text),
      piece: (token) => pieces.of(token),
      ends: (token) => loaded.model.isEogToken(token as Token),
    });
    const { contextTokens } = loaded.info;
    const shared: LaneModel = {
      model: loaded.model,
      pieces,
      contextTokens,
      vocabularyTokens: this.#vocabulary,
      endTokens,
    };
    for (let index = 0; index < loaded.info.samplesAtOnce; index++) {
      this.#free.push(new SequenceLane(loaded.context, shared));
    }
  }

  tokensOf(prompt: Prompt): Int32Array {
    if (this.#disposal !== null) throw disposed();
    checkPrompt(prompt);
    return this.#tokens.of(prompt);
  }

  async countTokens(prompt: Prompt, { signal }: { readonly signal?: AbortSignal } = {}): Promise<number> {
    signal?.throwIfAborted();
    return this.tokensOf(prompt).length;
  }

  async generate(request: GenerationRequest): Promise<Generation> {
    return this.#generate(this.tokensOf(request.prompt), request);
  }

  async generateFrom(tokens: Int32Array, request: TokenRequest): Promise<Generation> {
    if (this.#disposal !== null) throw disposed();
    checkTokens(tokens, this.#vocabulary);
    return this.#generate(tokens, request);
  }

  async #generate(prompt: Int32Array, request: TokenRequest): Promise<Generation> {
    const start = performance.now();
    checkRequest(request, this.info);
    checkRoom(prompt.length, request.maxTokens, this.info.contextTokens);
    request.signal?.throwIfAborted();
    const grammar = request.grammar === undefined ? null : await this.#grammarFor(request.grammar);
    request.signal?.throwIfAborted();
    return (await this.#submit(start, {
      request,
      prompt,
      nothing: NOTHING_WRITTEN,
      report: (sample) => request.onSample?.(sample as Sample),
      write: (lane, index, hooks, tell) =>
        lane.run({
          ...hooks,
          request,
          prompt,
          seed: request.seeds[index]!,
          grammar,
          shown: this.#markTokens.of(request.thoughts),
          onText:
            request.onText &&
            ((text, tokens) => {
              if (text !== '') tell(() => request.onText?.({ index, tokens, text }));
            }),
        }),
    })) as Generation;
  }

  async generatePlanned(request: PlannedRequest): Promise<PlannedGeneration> {
    const start = performance.now();
    const prompt = this.tokensOf(request.prompt);
    const joins = this.#joins;
    const { placed } = await checkPlannedRequest(request, prompt.length, this.info, (text) =>
      joins.spell(toBytes(text)),
    );
    request.signal?.throwIfAborted();
    const grammars = new Map<string, LlamaGrammar>();
    for (const { part } of placed) {
      if (part.kind !== 'free' || part.grammar === undefined) continue;
      grammars.set(part.grammar, await this.#grammarFor(part.grammar));
    }
    request.signal?.throwIfAborted();
    const { sampling, seeds, plan } = request;
    return (await this.#submit(start, {
      request,
      prompt,
      nothing: NOTHING_PLANNED,
      report: (sample) => request.onSample?.(sample as PlannedSample),
      write: async (lane, index, hooks, tell) => {
        const seed = seeds[index]!;
        const run = await PlanRun.begin(plan, joins, sampling.temperature, seed, prompt.at(-1)!);
        const onText = (pieces: readonly PartText[], tokens: number): void => {
          for (const piece of pieces) tell(() => request.onText?.({ index, tokens, ...piece }));
        };
        return lane.follow({
          ...hooks,
          prompt,
          sampling,
          seed,
          run,
          joins,
          grammars,
          onText: request.onText && onText,
        });
      },
    })) as PlannedGeneration;
  }

  async #submit(
    start: number,
    work: Work,
  ): Promise<{ readonly samples: AnySample[]; readonly usage: GenerationUsage }> {
    const { request } = work;
    if (this.#disposal !== null) throw disposed();
    let job: Job | undefined;
    let unwatch: (() => void) | undefined;
    const onAbort = (): void => {
      if (job !== undefined) this.#fail(job, request.signal?.reason);
    };
    try {
      return await new Promise((resolve, reject) => {
        job = {
          ...work,
          start,
          samples: request.seeds.map(() => undefined),
          cancelled: new Set(),
          settle: { resolve, reject },
          next: 0,
          running: 0,
          turn: 0,
          ended: 0,
          decodedPromptTokens: 0,
          prefillMs: null,
          settled: false,
        };
        request.signal?.addEventListener('abort', onAbort, { once: true });
        this.#jobs.add(job);
        this.#waiting.push(job);
        const waiting = job;
        unwatch = watchSampleSignals(request.sampleSignals ?? [], (index) => this.#cancel(waiting, index));
        this.#dispatch();
      });
    } finally {
      unwatch?.();
      request.signal?.removeEventListener('abort', onAbort);
    }
  }

  #grammarFor(text: string): Promise<LlamaGrammar> {
    let grammar = this.#grammars.get(text);
    if (grammar === undefined) {
      checkGrammar(text, { namedTokens: false });
      grammar = this.#llamaModel.llama.createGrammar({ grammar: text }).catch((error: unknown) => {
        this.#grammars.delete(text);
        throw new PgenrmError(
          'GRAMMAR_INVALID',
          `llama.cpp refuses the GBNF grammar, most likely for left recursion: ${messageOf(error)}.`,
          { cause: error },
        );
      });
      this.#grammars.set(text, grammar);
    }
    return grammar;
  }

  #dispatch(): void {
    while (this.#free.length > 0 && this.#waiting.length > 0 && this.#disposal === null) {
      const { job, lane } = this.#pick();
      this.#free.splice(this.#free.indexOf(lane), 1);
      const index = job.next++;
      job.running++;
      this.#skipEnded(job);
      // After its turn a request goes behind the others.
      if (++job.turn === TURN && job.next < job.request.seeds.length) {
        this.#waiting.splice(this.#waiting.indexOf(job), 1);
        this.#waiting.push(job);
        job.turn = 0;
      }
      const run = this.#write(lane, job, index);
      this.#running.add(run);
      void run.then(() => {
        job.running--;
        this.#running.delete(run);
        this.#free.push(lane);
        this.#dispatch();
      });
    }
  }

  // Samples that were cancelled before they began are not started; a request without others waits no more.
  #skipEnded(job: Job): void {
    while (job.samples[job.next] !== undefined) job.next++;
    if (job.next < job.request.seeds.length) return;
    const place = this.#waiting.indexOf(job);
    if (place >= 0) this.#waiting.splice(place, 1);
    job.turn = 0;
  }

  #cancel(job: Job, index: number): void {
    if (job.settled || job.samples[index] !== undefined) return;
    if (index < job.next) {
      job.cancelled.add(index);
      return;
    }
    this.#take(job, index, job.nothing);
    this.#skipEnded(job);
  }

  // The request that runs least is next, the earlier one of two; but a lane goes on with its own request during
  // that one's turn, for it holds the prompt already.
  #pick(): { job: Job; lane: SequenceLane } {
    const next = this.#waiting.reduce((best, job) => (job.running < best.running ? job : best));
    for (const lane of this.#free) {
      const own = this.#waiting.find(({ prompt, turn }) => turn > 0 && lane.holds(prompt));
      if (own !== undefined && own.running <= next.running) return { job: own, lane };
    }
    const { prompt } = next;
    const lane = this.#free.reduce((best, free) => (free.shared(prompt) > best.shared(prompt) ? free : best));
    return { job: next, lane };
  }

  // Writes one sample; a failure ends its request and never the queue.
  async #write(lane: SequenceLane, job: Job, index: number): Promise<void> {
    try {
      const hooks: Hooks = {
        stopped: () => job.settled,
        cancelled: () => job.cancelled.has(index),
        onPrompt: (decoded, whole) => {
          job.decodedPromptTokens += decoded;
          if (whole) job.prefillMs ??= performance.now() - job.start;
        },
      };
      const written = await job.write(lane, index, hooks, (report) => this.#tell(job, report));
      if (written !== null && !job.settled) this.#take(job, index, written);
    } catch (error) {
      this.#fail(job, this.#disposal === null ? decodeError(error, job) : disposed());
      await lane.reset().catch((reason: unknown) => this.#failAll(reason));
    }
  }

  // Takes a sample that ended.
  #take(job: Job, index: number, written: Written): void {
    const { request, start } = job;
    const seed = request.seeds[index]!;
    const sample: AnySample = { index, seed, ...written, elapsedMs: performance.now() - start };
    job.samples[index] = sample;
    try {
      job.report(sample);
    } catch (error) {
      this.#fail(job, error);
      return;
    }
    if (++job.ended === request.seeds.length) this.#complete(job);
  }

  #tell(job: Job, report: () => void): void {
    if (job.settled) return;
    try {
      report();
    } catch (error) {
      this.#fail(job, error);
    }
  }

  #complete(job: Job): void {
    job.settled = true;
    this.#jobs.delete(job);
    const samples = job.samples as AnySample[];
    const totalMs = performance.now() - job.start;
    job.settle.resolve({
      samples,
      usage: {
        promptTokens: job.prompt.length,
        decodedPromptTokens: job.decodedPromptTokens,
        generatedTokens: samples.reduce((sum, { tokens }) => sum + decided(tokens), 0),
        prefillMs: job.prefillMs ?? totalMs,
        totalMs,
      },
    });
  }

  #fail(job: Job, reason: unknown): void {
    if (job.settled) return;
    job.settled = true;
    this.#jobs.delete(job);
    const place = this.#waiting.indexOf(job);
    if (place >= 0) this.#waiting.splice(place, 1);
    job.settle.reject(reason);
  }

  #failAll(reason: unknown): void {
    for (const job of [...this.#jobs])
      this.#fail(job, this.#disposal === null ? decodeError(reason, job) : disposed());
  }

  close(): Promise<void> {
    this.#disposal ??= this.#dispose();
    return this.#disposal;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #dispose(): Promise<void> {
    // `disposal` is set once this returns its promise; the jobs are failed after that.
    await Promise.resolve();
    for (const job of [...this.#jobs]) this.#fail(job, disposed());
    await Promise.all(this.#running);
    await this.#context.dispose();
    await this.#llamaModel.dispose();
  }
}

// Of a plan, tokens that were drawn or chosen.
function decided(tokens: number | PlannedTokens): number {
  return typeof tokens === 'number' ? tokens : tokens.free + tokens.chosen;
}

function disposed(): PgenrmError {
  return new PgenrmError('DISPOSED', 'The generator was disposed; load another one.');
}

function decodeError(error: unknown, job: Job): unknown {
  if (error instanceof PgenrmError) return error;
  const message = messageOf(error);
  if (/memory|alloc/i.test(message)) {
    return new PgenrmError('OUT_OF_MEMORY', `llama.cpp ran out of memory while decoding: ${message}.`, {
      cause: error,
    });
  }
  return new PgenrmError(
    'DECODE_FAILED',
    `llama.cpp failed on a prompt of ${job.prompt.length} tokens: ${message}.`,
    { cause: error },
  );
}

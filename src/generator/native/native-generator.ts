// The Generator on the C++ addon: one engine with its own thread, requests in, finished samples out.
// Knows the native boundary; batching, sharing and sampling are the engine's.
import { freemem } from 'node:os';
import { requireTextDecoder } from '../../model-file/model-facts.js';
import { readModelFacts } from '../../model-file/read-model-facts.js';
import type { NativeStatistics } from '../../native/binding.js';
import { checkEngineOptions, type EngineOptions, type ThreadWish } from '../../options/engine-options.js';
import type { Generation, GenerationRequest, ModelInfo, Prompt } from '../generator.js';
import { checkGrammar } from '../grammar-check.js';
import { mostThreads } from '../llama/cpu-threads.js';
import type { GpuChoice } from '../llama/gpu-choice.js';
import { LLAMA_CAPABILITIES, type TokenRequest } from '../llama/llama-info.js';
import { chooseLlama } from '../llama/llama-library.js';
import { describeModel } from '../llama/model-description.js';
import { PromptTokens } from '../llama/prompt-tokens.js';
import { MarkTokens } from '../llama/shown-tokens.js';
import type { PlannedGeneration, PlannedRequest } from '../plan.js';
import { checkPlannedRequest } from '../plan-bounds.js';
import { checkPrompt, checkRequest, checkRoom, checkTokens } from '../request-checks.js';
import { attentionKernel, attentionShape } from './attention-shape.js';
import { planEngine } from './engine-plan.js';
import { EngineHandle } from './native-engine.js';
import type { EngineCounters, NativeGenerator, StepStatistics } from './native-info.js';
import { openLibrary, requireBinding } from './native-library.js';
import { planWeights } from './weight-plan.js';

/** How to load a model for generation. */
export interface GeneratorOptions {
  /** The GGUF file. */
  readonly modelPath: string;
  /** Default `auto`. */
  readonly gpu?: GpuChoice;
  /** Most tokens of prompt and answer together; default: what the model was trained for, at most 8192. */
  readonly contextTokens?: number;
  /** Samples that decode at once; default 32 on a CPU, 128 on a GPU. */
  readonly maxSequences?: number;
  /** Most threads of the CPU: a number, or `background` for half of the cores; default: the cores that are useful. */
  readonly threads?: ThreadWish;
  /** Settings of the native engine; the portable generator takes none. */
  readonly engine?: EngineOptions;
  /** Stops the load; the call then rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /** Why this generator was chosen, for its `info`. */
  readonly why?: string;
  /** Share of the model that is loaded, 0 to 1. */
  readonly onProgress?: (share: number) => void;
  /** Called at most ten times a second while the native generator works; the portable one never calls it. */
  readonly onStep?: (statistics: StepStatistics) => void;
}

/** Sizes of the engine that a caller may fix. */
export type EngineSizes = Pick<GeneratorOptions, 'contextTokens' | 'maxSequences' | 'threads' | 'engine'>;

/**
 * Loads a model into the native engine.
 * Throws `GENERATOR_UNAVAILABLE` (no addon, no library), `LIBRARY_MISMATCH`, `MODEL_NOT_FOUND`, `MODEL_UNUSABLE`,
 * `OUT_OF_MEMORY`, `INVALID_OPTION`; rejects with the signal's reason when aborted.
 */
export async function loadNativeGenerator(options: GeneratorOptions): Promise<NativeGenerator> {
  options.signal?.throwIfAborted();
  checkEngineOptions(options.engine);
  const binding = requireBinding();
  const facts = await readModelFacts(options.modelPath);
  requireTextDecoder(facts);
  const choice = await chooseLlama(options.gpu);
  const { library, devices, repackedTypes } = openLibrary(binding, choice);
  const gpus = choice.gpu === false ? [] : devices.filter((device) => device.gpu);
  const weights = planWeights(facts, repackedTypes, choice.gpu !== false);
  const shape = attentionShape(facts);
  const plan = planEngine(
    {
      trainedContext: facts.trainedContext,
      modelBytes: facts.tensorBytes,
      layers: shape.layers,
      cellBytes: shape.cellBytes,
      gpuMemoryFree: gpus.length === 0 ? null : gpus.reduce((sum, device) => sum + device.memoryFree, 0),
      memoryFree: freemem(),
      attentionKernel: attentionKernel(facts, binding.attentionKernel),
      threads: mostThreads(options.threads, choice.llama.cpuMathCores),
    },
    { ...options, ...options.engine },
  );
  const engine = await EngineHandle.load(
    binding,
    {
      library,
      modelPath: facts.path,
      gpuLayers: plan.gpuLayers,
      mapsWeights: weights.maps,
      cells: plan.cells,
      sequences: plan.sequences,
      batch: plan.batch,
      threads: plan.threads,
      kvQ8_0: plan.kvCache.type === 'q8_0',
      flashAttention: FLASH_CODES[plan.kvCache.flashAttention],
      attentionKernel: plan.kvCache.attention === 'pgenrm',
      generates: true,
      embeddingTokens: plan.batch,
      pooling: -1,
      maxRunning: plan.maxSequences,
      prefillChunk: plan.prefillChunk,
      maxUnfinished: plan.maxUnfinished,
      maxIdleCells: plan.maxIdleCells,
      workers: plan.workers,
      reportsSteps: options.onStep !== undefined,
    },
    options,
  );
  return new AddonGenerator(engine, facts.path, {
    kind: 'native',
    engine: 'llama.cpp',
    version: choice.release,
    capabilities: LLAMA_CAPABILITIES,
    backend: choice.gpu === false ? 'cpu' : choice.gpu,
    devices: choice.devices,
    contextTokens: plan.contextTokens,
    samplesAtOnce: plan.workers * plan.maxSequences,
    tokensAtOnce: engine.native.modelInfo().cells,
    ...(options.why === undefined ? {} : { why: options.why }),
    details: {
      maxSequences: plan.maxSequences,
      threads: plan.threads,
      scheduling: {
        workers: plan.workers,
        batch: plan.batch,
        prefillChunk: plan.prefillChunk,
        maxUnfinished: plan.maxUnfinished,
        maxIdleCells: plan.maxIdleCells,
      },
      kvCache: { ...plan.kvCache, cells: engine.native.modelInfo().cells },
    },
    choices: [...choice.reasons, ...weights.reasons, ...plan.choices],
  });
}

const FLASH_CODES = { auto: -1, off: 0, on: 1 } as const;

class AddonGenerator implements NativeGenerator {
  readonly info: NativeGenerator['info'];
  readonly model: ModelInfo;
  readonly #engine: EngineHandle;
  readonly #tokens: PromptTokens;
  readonly #vocabulary: number;
  readonly #markTokens: MarkTokens;

  constructor(engine: EngineHandle, modelPath: string, info: NativeGenerator['info']) {
    this.#engine = engine;
    this.info = info;
    const model = engine.native.modelInfo();
    this.model = {
      name: modelPath,
      description: describeModel(model.description, model.parameters),
      parameters: model.parameters,
      sizeBytes: model.sizeBytes,
      trainedContext: model.trainedContext,
      chatTemplate: model.chatTemplate,
      bosToken: model.bosToken,
      eosToken: model.eosToken,
      metadata: new Map(model.metadata),
    };
    this.#vocabulary = model.vocabulary;
    this.#markTokens = new MarkTokens(model.controlTokens);
    this.#tokens = new PromptTokens({
      tokenize: (text) => engine.native.tokenize(text),
      controlTokens: new Map(model.controlTokens),
    });
  }

  tokensOf(prompt: Prompt): Int32Array {
    this.#engine.requireOpen();
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
    this.#engine.requireOpen();
    checkTokens(tokens, this.#vocabulary);
    return this.#generate(tokens, request);
  }

  async #generate(tokens: Int32Array, request: TokenRequest): Promise<Generation> {
    checkRequest(request, this.info);
    checkRoom(tokens.length, request.maxTokens, this.info.contextTokens);
    // llama.cpp would print why a grammar is wrong, and not say it.
    if (request.grammar !== undefined) checkGrammar(request.grammar);
    return this.#engine.generate({ ...request, tokens, shown: this.#markTokens.of(request.thoughts) });
  }

  async generatePlanned(request: PlannedRequest): Promise<PlannedGeneration> {
    const tokens = this.tokensOf(request.prompt);
    const { maxTokens, placed } = await checkPlannedRequest(request, tokens.length, this.info, (text) =>
      this.#engine.native.spell(text),
    );
    return this.#engine.generatePlanned({ ...request, tokens, placed, maxTokens });
  }

  forget(): void {
    this.#engine.requireOpen();
    this.#engine.native.forget();
  }

  counters(): EngineCounters {
    const { decodedPromptTokens: promptRows, decodedTokens: sampleRows, ...all } = this.statistics();
    const { calls, rowCells, cellsRead, promptAttended, sampleAttended } = all;
    const { generatedTokens, preempted, decodeMs, drawMs, cells } = all;
    return {
      calls,
      promptRows,
      sampleRows,
      rowCells,
      cellsRead,
      promptAttended,
      sampleAttended,
      generatedTokens,
      preempted,
      decodeMs,
      drawMs,
      cells,
    };
  }

  statistics(): NativeStatistics {
    this.#engine.requireOpen();
    return this.#engine.native.statistics();
  }

  async close(): Promise<void> {
    await this.#engine.dispose();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

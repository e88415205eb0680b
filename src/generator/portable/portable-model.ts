// Loads a GGUF into node-llama-cpp for the portable generator and states what was chosen and why.
// Owns loading and its errors; writes no text.
import { resolve } from 'node:path';
import type { Llama, LlamaContext, LlamaModel, Token } from 'node-llama-cpp';
import { messageOf, PgenrmError } from '../../errors.js';
import { type ModelFacts, requireTextDecoder } from '../../model-file/model-facts.js';
import { withQuietConsole } from '../../model-file/quiet-console.js';
import { readModelFacts } from '../../model-file/read-model-facts.js';
import type { ThreadWish } from '../../options/engine-options.js';
import type { GeneratorInfo, ModelInfo } from '../generator.js';
import { chooseThreads } from '../llama/cpu-threads.js';
import type { GpuChoice } from '../llama/gpu-choice.js';
import { LLAMA_CAPABILITIES, type LlamaDetails } from '../llama/llama-info.js';
import { chooseLlama, type LlamaChoice, listenToLlama, nodeLlamaCpp } from '../llama/llama-library.js';
import { describeModel } from '../llama/model-description.js';
import type { Tokenizer } from '../llama/prompt-tokens.js';

/** How the portable generator loads a model. */
export interface PortableOptions {
  /** Path of a GGUF file, or of the first part of a split one. */
  readonly modelPath: string;
  /** Default `auto`. */
  readonly gpu?: GpuChoice;
  /** Most tokens of prompt and answer together; 64 to the trained context. Default: that, at most 8192. */
  readonly contextTokens?: number;
  /** Most samples that decode at once, 1 to 256. Default: 1 on the CPU, 16 on a GPU, fewer where memory is short. */
  readonly maxSequences?: number;
  /** CPU threads, 1 to 1024. Default: the idle cores that are useful for arithmetic. */
  readonly threads?: ThreadWish;
  /** Why this generator was chosen, for its `info`. */
  readonly why?: string;
  readonly signal?: AbortSignal;
  /** Called with the share of the model that is loaded, 0 to 1. */
  readonly onProgress?: (fraction: number) => void;
}

/** A model and a context in memory, and what is known of them. */
export interface PortableModel {
  readonly facts: ModelFacts;
  readonly model: LlamaModel;
  readonly context: LlamaContext;
  readonly info: GeneratorInfo;
  readonly modelInfo: ModelInfo;
  readonly tokenizer: Tokenizer;
}

const MOST_DEFAULT_CONTEXT = 8192;
const FALLBACK_CONTEXT = 4096;

/**
 * Loads a model. Throws `INVALID_OPTION`, `MODEL_NOT_FOUND`, `MODEL_UNUSABLE` (damaged, not a text decoder,
 * refused by llama.cpp), `OUT_OF_MEMORY` and `GENERATOR_UNAVAILABLE`; rejects with the
 * signal's reason when aborted.
 */
export async function loadPortableModel(options: PortableOptions): Promise<PortableModel> {
  const notes: string[] = [];
  const loaded = await withQuietConsole(
    (line) => notes.push(line),
    () => load(options),
  );
  if (notes.length === 0) return loaded;
  return { ...loaded, info: { ...loaded.info, choices: [...loaded.info.choices, ...notes] } };
}

async function load(options: PortableOptions): Promise<PortableModel> {
  const { signal } = options;
  signal?.throwIfAborted();
  checkInteger('maxSequences', options.maxSequences, 1, 256);
  if (options.threads !== 'background') checkInteger('threads', options.threads, 1, 1024);
  const facts = await readModelFacts(resolve(options.modelPath));
  requireTextDecoder(facts);
  checkInteger('contextTokens', options.contextTokens, 64, Math.max(64, facts.trainedContext || 2 ** 20));
  const choice = await chooseLlama(options.gpu ?? 'auto');
  signal?.throwIfAborted();
  const choices = [...choice.reasons];
  const contextTokens = chooseContext(options, facts, choices);
  const model = await loadModel(choice, facts, contextTokens, options);
  try {
    const { threads, reason } = await chooseThreads(options.threads, choice.llama.cpuMathCores);
    choices.push(`${threads} CPU ${threads === 1 ? 'thread' : 'threads'}: ${reason}`);
    allowThreads(choice.llama, threads);
    const context = await createContext(model, choice, contextTokens, threads, options, choices);
    signal?.throwIfAborted();
    if (choice.gpu !== false) choices.push(`${model.gpuLayers} layers on the GPU: as many as fit its memory`);
    const backend = choice.gpu === false ? 'cpu' : choice.gpu;
    return {
      facts,
      model,
      context,
      info: {
        kind: 'portable',
        engine: 'llama.cpp',
        version: choice.release,
        capabilities: LLAMA_CAPABILITIES,
        backend,
        devices: choice.gpu === false ? ['CPU'] : choice.devices,
        contextTokens,
        samplesAtOnce: context.totalSequences,
        ...(options.why === undefined ? {} : { why: options.why }),
        choices,
        details: { maxSequences: context.totalSequences, threads } satisfies LlamaDetails,
      },
      modelInfo: {
        name: facts.path,
        description: describeModel(model.typeDescription, facts.parameters),
        parameters: facts.parameters,
        sizeBytes: facts.tensorBytes,
        trainedContext: model.trainContextSize,
        chatTemplate: facts.chatTemplate ?? '',
        bosToken: model.tokens.bosString ?? '',
        eosToken: model.tokens.eosString ?? '',
        metadata: facts.metadata,
      },
      tokenizer: makeTokenizer(model, facts),
    };
  } catch (error) {
    // The model's disposal takes its contexts with it.
    await model.dispose();
    throw error;
  }
}

function checkInteger(name: string, value: number | undefined, low: number, high: number): void {
  if (value !== undefined && !(Number.isInteger(value) && value >= low && value <= high)) {
    throw new PgenrmError(
      'INVALID_OPTION',
      `${name} must be an integer from ${low} to ${high}, got ${value}.`,
    );
  }
}

function chooseContext(options: PortableOptions, facts: ModelFacts, choices: string[]): number {
  if (options.contextTokens !== undefined) {
    choices.push(`context of ${options.contextTokens} tokens: asked for`);
    return options.contextTokens;
  }
  if (facts.trainedContext === 0) {
    choices.push(`context of ${FALLBACK_CONTEXT} tokens: the model does not state its trained context`);
    return FALLBACK_CONTEXT;
  }
  const context = Math.min(facts.trainedContext, MOST_DEFAULT_CONTEXT);
  choices.push(
    context < facts.trainedContext
      ? `context of ${context} tokens: enough for chains; the model allows ${facts.trainedContext}`
      : `context of ${context} tokens: what the model was trained with`,
  );
  return context;
}

function allowThreads(llama: Llama, threads: number): void {
  if (llama.maxThreads !== 0 && llama.maxThreads < threads) llama.maxThreads = threads;
}

async function loadModel(
  choice: LlamaChoice,
  facts: ModelFacts,
  contextTokens: number,
  { signal, onProgress }: PortableOptions,
): Promise<LlamaModel> {
  const log = listenToLlama();
  // llama.cpp reports from a thread of its own, so that a late report may come after the model.
  let reporting = true;
  let callbackError: { error: unknown } | undefined;
  const report = (fraction: number): void => {
    if (!reporting) return;
    try {
      onProgress?.(fraction);
    } catch (error) {
      reporting = false;
      callbackError = { error };
    }
  };
  try {
    const model = await choice.llama.loadModel({
      modelPath: facts.path,
      gpuLayers: choice.gpu === false ? 0 : { fitContext: { contextSize: contextTokens } },
      ...(signal === undefined ? {} : { loadSignal: signal }),
      onLoadProgress: (fraction) => {
        if (fraction < 1) report(fraction);
      },
    });
    report(1);
    reporting = false;
    if (callbackError === undefined) return model;
    await model.dispose();
  } catch (error) {
    throw loadError(error, facts, log.lines, signal);
  } finally {
    log.stop();
  }
  throw callbackError.error;
}

function loadError(
  error: unknown,
  facts: ModelFacts,
  lines: readonly string[],
  signal: AbortSignal | undefined,
): unknown {
  if (signal?.aborted === true) return signal.reason;
  const said = [messageOf(error), ...lines].join('; ');
  if (
    error instanceof nodeLlamaCpp().InsufficientMemoryError ||
    /out of memory|failed to allocate|unable to allocate/i.test(said)
  ) {
    return new PgenrmError(
      'OUT_OF_MEMORY',
      `Not enough memory for ${facts.path} (${gigabytes(facts.bytes)}): ${said}. ` +
        'Use a smaller or more quantized model, or free memory.',
      { cause: error },
    );
  }
  return new PgenrmError(
    'MODEL_UNUSABLE',
    `llama.cpp cannot load ${facts.path} (architecture ${facts.architecture}): ${said}. ` +
      'Use a GGUF made for this release of llama.cpp, or download it again.',
    { cause: error },
  );
}

function gigabytes(bytes: number): string {
  return `${(bytes / 2 ** 30).toFixed(2)} GiB`;
}

async function createContext(
  model: LlamaModel,
  choice: LlamaChoice,
  contextTokens: number,
  threads: number,
  options: PortableOptions,
  choices: string[],
): Promise<LlamaContext> {
  const wanted = options.maxSequences ?? (choice.gpu === false ? 1 : 16);
  for (let sequences = wanted; ; sequences = Math.floor(sequences / 2)) {
    const log = listenToLlama();
    try {
      const context = await model.createContext({
        sequences,
        contextSize: contextTokens,
        threads,
        // Only a full cache lets a sequence go back to the end of the prompt.
        swaFullCache: true,
        failedCreationRemedy: false,
        ...(options.signal === undefined ? {} : { createSignal: options.signal }),
      });
      choices.push(
        `${sequences} ${sequences === 1 ? 'sample' : 'samples'} at once: ${sequencesReason(options, sequences, wanted, choice.gpu !== false)}`,
      );
      return context;
    } catch (error) {
      if (options.signal?.aborted === true) throw options.signal.reason;
      if (sequences > 1 && options.maxSequences === undefined) continue;
      throw new PgenrmError(
        'OUT_OF_MEMORY',
        `No memory for a context of ${sequences} x ${contextTokens} tokens: ` +
          `${[messageOf(error), ...log.lines].join('; ')}. Lower contextTokens or maxSequences.`,
        { cause: error },
      );
    } finally {
      log.stop();
    }
  }
}

function sequencesReason(options: PortableOptions, sequences: number, wanted: number, gpu: boolean): string {
  if (options.maxSequences !== undefined) return 'asked for';
  if (sequences < wanted) return `${wanted} do not fit the memory`;
  return gpu
    ? 'a GPU decodes many rows for the price of one'
    : 'each would decode the prompt for itself, and a CPU gains little from rows side by side';
}

function makeTokenizer(model: LlamaModel, facts: ModelFacts): Tokenizer {
  const controlTokens = new Map<string, number>();
  for (const [token, text] of facts.tokens.entries()) {
    if (model.getTokenAttributes(token as Token).control) controlTokens.set(text, token);
  }
  return {
    tokenize: (text) => Int32Array.from(model.tokenize(text, false)),
    controlTokens,
  };
}

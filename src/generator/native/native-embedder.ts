// The Embedder on the C++ addon: texts in batches, pooled as the GGUF says or as forced, on a thread of its own.
// Serves embedding models and judges alike; knows nothing of what is embedded.
import { PgenrmError } from '../../errors.js';
import { readModelFacts } from '../../model-file/read-model-facts.js';
import type { ThreadWish } from '../../options/engine-options.js';
import type { Embedder } from '../embedder.js';
import { mostThreads } from '../llama/cpu-threads.js';
import type { GpuChoice } from '../llama/gpu-choice.js';
import { chooseLlama } from '../llama/llama-library.js';
import { EngineHandle } from './native-engine.js';
import { openLibrary, requireBinding } from './native-library.js';
import { planWeights } from './weight-plan.js';

/** How the vectors of a text's tokens become one: `auto` as the GGUF says, or the mean where it says nothing. */
export const POOLINGS = ['auto', 'mean', 'cls', 'last'] as const;

/** How tokens become one vector. @useDeclaredType */
export type Pooling = (typeof POOLINGS)[number];

/** How to load a model for embedding. */
export interface EmbedderOptions {
  /** The GGUF file: an embedding model, or any text model. */
  readonly modelPath: string;
  /** Default `auto`. */
  readonly pooling?: Pooling;
  /** Default `auto`. */
  readonly gpu?: GpuChoice;
  /** Most tokens of one text; default: what the model was trained for, at most 2048. */
  readonly maxTokens?: number;
  /** Threads of the CPU backend; default: the cores that are idle. */
  readonly threads?: ThreadWish;
  readonly signal?: AbortSignal;
  readonly onProgress?: (share: number) => void;
}

/**
 * Loads a model for embedding. Throws `GENERATOR_UNAVAILABLE`, `LIBRARY_MISMATCH`, `MODEL_NOT_FOUND`,
 * `MODEL_UNUSABLE`, `INVALID_OPTION`; rejects with the signal's reason when aborted.
 */
export async function loadNativeEmbedder(options: EmbedderOptions): Promise<Embedder> {
  options.signal?.throwIfAborted();
  const pooling = options.pooling ?? 'auto';
  if (!POOLINGS.includes(pooling)) {
    throw new PgenrmError('INVALID_OPTION', `pooling must be one of ${POOLINGS.join(', ')}, got ${pooling}`);
  }
  const binding = requireBinding();
  const facts = await readModelFacts(options.modelPath);
  const trained = facts.trainedContext || 2048;
  const maxTokens = options.maxTokens ?? Math.min(trained, 2048);
  if (!Number.isInteger(maxTokens) || maxTokens < 1 || maxTokens > trained) {
    throw new PgenrmError(
      'INVALID_OPTION',
      `maxTokens must be a whole number from 1 to ${trained}, got ${maxTokens}`,
    );
  }
  const choice = await chooseLlama(options.gpu);
  const { library, repackedTypes } = openLibrary(binding, choice);
  const { threads } = mostThreads(options.threads, choice.llama.cpuMathCores);
  const engine = await EngineHandle.load(
    binding,
    {
      library,
      modelPath: facts.path,
      gpuLayers: choice.gpu === false ? 0 : -1,
      mapsWeights: planWeights(facts, repackedTypes, choice.gpu !== false).maps,
      generates: false,
      embeddingTokens: maxTokens,
      pooling: { auto: -1, mean: 1, cls: 2, last: 3 }[pooling],
      threads,
      // The generating side is not made; its sizes are the least that the addon takes.
      cells: 64,
      sequences: 2,
      batch: 1,
      kvQ8_0: false,
      flashAttention: -1,
      attentionKernel: choice.gpu === false && binding.attentionKernel !== null,
      maxUnfinished: 1,
      workers: 1,
      maxIdleCells: 0,
      maxRunning: 1,
      prefillChunk: 1,
      reportsSteps: false,
    },
    options,
  );
  return {
    modelPath: facts.path,
    maxTokens,
    embed: (texts, { signal } = {}) => engine.embed(texts, signal),
    close: () => engine.dispose(),
    [Symbol.asyncDispose]: () => engine.dispose(),
  };
}

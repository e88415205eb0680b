// Sizes the native engine for one model on one machine: context, KV cells, sequences, batch, layers on the GPU.
// Pure arithmetic over facts that the caller brings; each choice comes with its reason, for people.
import { PgenrmError } from '../../errors.js';
import { checkEngineValues, type EngineOptions, type ThreadWish } from '../../options/engine-options.js';
import type { ThreadChoice } from '../llama/cpu-threads.js';
import type { AttentionKernel } from './attention-shape.js';
import { planKvCache } from './kv-plan.js';
import type { KvCacheInfo } from './native-info.js';

/** What the plan is made from; memory in bytes. */
export interface EngineFacts {
  readonly trainedContext: number;
  readonly modelBytes: number;
  /** Layers of the model; 0 where the file does not say. */
  readonly layers: number;
  /** Bytes of one KV cell at f16, all layers together. */
  readonly cellBytes: number;
  /** Free memory of the GPU, or null where the CPU decodes. */
  readonly gpuMemoryFree: number | null;
  readonly memoryFree: number;
  readonly attentionKernel: AttentionKernel;
  /** Threads of the CPU backend, and why. */
  readonly threads: ThreadChoice;
}

/** What the caller may fix. */
export interface EngineWishes extends EngineOptions {
  /** Most tokens of prompt and answer together; default: what the model was trained for, at most 8192. */
  readonly contextTokens?: number;
  /** Samples that decode at once, 1 to 255; default 32 on a CPU, 128 on a GPU. See {@link MAX_SEQUENCES}. */
  readonly maxSequences?: number;
  /** Most threads of the CPU; checked here, chosen before. */
  readonly threads?: ThreadWish;
}

/** The sizes that the engine is loaded with. */
export interface EnginePlan {
  readonly contextTokens: number;
  readonly maxSequences: number;
  readonly threads: number;
  readonly kvCache: KvCacheInfo;
  /** Parts that decode at once, each of all the sizes below. */
  readonly workers: number;
  /** KV cells. */
  readonly cells: number;
  /** Most cells that idle prompts hold. */
  readonly maxIdleCells: number;
  readonly sequences: number;
  readonly batch: number;
  readonly prefillChunk: number;
  /** A prompt is let in while fewer samples than this are unfinished. */
  readonly maxUnfinished: number;
  readonly gpuLayers: number;
  readonly choices: readonly string[];
}

/**
 * llama.cpp's own limit (LLAMA_MAX_SEQ). Every running sample has a sequence and so has every prompt that it came of, so
 * that 256 samples at once cannot be: with c chains a prompt, 256 c / (c + 1) run, such as 128 of one chain each, 227 of
 * eight, 240 of sixteen.
 */
const MAX_SEQUENCES = 256;
const DEFAULT_CONTEXT = 8192;
/** Prompts that are held at once. */
const PROMPT_SEQUENCES = 64;
/**
 * Weights for each of which a worker has a thread, the most workers unasked, and samples of each below which it lets a prompt
 * in: small models gain nothing from more rows, and lose what caches hold. Two workers of one thread gain a quarter
 * with 4 MB of weights and nothing with 62; more than two were not measured (bench/results/generation.md).
 */
const WORKERS = { bytesPerThread: 32 * 2 ** 20, most: 8, unfinished: 16 };
/** Most rows of prompts in a step beside those of samples. */
const PREFILL = { cpu: 256, gpu: 1024 };
/** Memory left to everything else on the GPU: scratch buffers, the display. */
const GPU_RESERVE = 768 * 2 ** 20;
/**
 * Plans an engine. Throws `INVALID_OPTION` for a wish out of range and `OUT_OF_MEMORY` where the KV cells of one
 * context do not fit.
 */
export function planEngine(facts: EngineFacts, wishes: EngineWishes = {}): EnginePlan {
  const onGpu = facts.gpuMemoryFree !== null;
  const contextTokens =
    whole('contextTokens', wishes.contextTokens, 64, Math.max(64, facts.trainedContext || 2 ** 20)) ??
    Math.min(facts.trainedContext || DEFAULT_CONTEXT, DEFAULT_CONTEXT);
  const maxSequences = whole('maxSequences', wishes.maxSequences, 1, MAX_SEQUENCES - 1) ?? (onGpu ? 128 : 32);
  if (wishes.threads !== 'background') whole('threads', wishes.threads, 1, 1024);
  checkEngineValues(wishes);
  const { threads } = facts.threads;
  const choices: string[] = [];

  const gpuLayers = layersOnGpu(facts, contextTokens, choices);
  const sequences = Math.min(MAX_SEQUENCES, maxSequences + PROMPT_SEQUENCES);
  const room = onGpu
    ? Math.max(0, (facts.gpuMemoryFree as number) - facts.modelBytes - GPU_RESERVE) * 0.9
    : Math.max(0, facts.memoryFree - facts.modelBytes) * 0.25;
  const kvPlan = (workers: number) =>
    planKvCache(
      {
        onGpu,
        contextTokens,
        maxSequences,
        workers,
        cellBytes: facts.cellBytes,
        modelBytes: facts.modelBytes,
        attentionKernel: facts.attentionKernel,
        room,
      },
      wishes,
    );
  // Where cells are asked for, they may not suffice for more than one; llama.cpp's rows pass over the cells of all.
  const single = wishes.kvCells !== undefined || onGpu ? null : kvPlan(1).kvCache;
  // Each has a context at least, which may take half of the room together.
  const roomy = Math.floor(room / 2 / Math.max(1, contextTokens * facts.cellBytes));
  const most = single?.attention === 'pgenrm' ? Math.min(roomy, WORKERS.most) : 1;
  const workers = wishes.workers ?? usualWorkers(facts, most);
  if (onGpu && workers > 1) {
    throw new PgenrmError(
      'INVALID_OPTION',
      `workers share the threads of a CPU, and a GPU decodes here; got ${workers}, leave it out`,
    );
  }
  const { kvCache, cells, maxIdleCells, reasons } = kvPlan(workers);
  const maxUnfinished =
    workers > 1
      ? Math.min(WORKERS.unfinished, maxSequences)
      : // A GPU decodes empty rows for the price of full ones; to a CPU prompts in wait are memory to read.
        maxSequences + Math.ceil(maxSequences / (onGpu ? 1 : 4));
  choices.push(
    ...reasons,
    ...(workers > 1
      ? [
          `workers: ${workers}, ${wishes.workers === undefined ? 'for threads that compute so small a model together wait for each other much of the time' : 'asked for'}; one that works alone has all threads`,
        ]
      : []),
    `threads of the CPU, for decoding and sampling: at most ${threads} (${facts.threads.reason}), fewer for each call while other work has the cores`,
  );
  return {
    contextTokens,
    maxSequences,
    threads,
    kvCache,
    workers,
    cells,
    maxIdleCells,
    sequences,
    // The CPU computes a large batch no faster, and a smaller one stops sooner and takes less memory.
    batch: onGpu ? 2048 : PREFILL.cpu + maxSequences,
    prefillChunk: onGpu ? PREFILL.gpu : PREFILL.cpu,
    maxUnfinished,
    gpuLayers,
    choices,
  };
}

/** As many as have a thread each, or more where the weights are many. */
function usualWorkers({ modelBytes, threads }: EngineFacts, most: number): number {
  const each = Math.ceil(modelBytes / WORKERS.bytesPerThread);
  return Math.max(1, Math.min(Math.floor(threads.threads / each), most, WORKERS.most));
}

function layersOnGpu(facts: EngineFacts, contextTokens: number, choices: string[]): number {
  if (facts.gpuMemoryFree === null) return 0;
  const forLayers = facts.gpuMemoryFree - GPU_RESERVE - contextTokens * facts.cellBytes;
  if (forLayers >= facts.modelBytes || facts.layers === 0) {
    choices.push('all layers on the GPU');
    return -1;
  }
  const layers = Math.max(0, Math.floor((facts.layers * forLayers) / facts.modelBytes));
  choices.push(
    `${layers} of ${facts.layers} layers on the GPU: ${megabytes(facts.gpuMemoryFree)} MB free, the model has ${megabytes(facts.modelBytes)} MB`,
  );
  return layers;
}

function whole(name: string, value: number | undefined, low: number, high: number): number | undefined {
  if (value === undefined) return undefined;
  if (!Number.isInteger(value) || value < low || value > high) {
    throw new PgenrmError(
      'INVALID_OPTION',
      `${name} must be a whole number from ${low} to ${high}, got ${value}`,
    );
  }
  return value;
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(0);
}

// Sizes the native engine for one model on one machine: context, KV cells, sequences, batch, layers on the GPU.
// Pure arithmetic over facts that the caller brings; each choice comes with its reason, for people.
import { PgenrmError } from '../../errors.js';
import { checkEngineOptions, type EngineOptions } from '../../options/engine-options.js';
import type { KvCacheInfo } from '../generator.js';
import type { ThreadChoice } from '../llama/cpu-threads.js';
import type { AttentionKernel } from './attention-shape.js';
import { planKvCache } from './kv-plan.js';

/** What the plan is made from; memory in bytes. */
export interface EngineFacts {
  readonly trainedContext: number;
  readonly modelBytes: number;
  /** Layers of the model; 0 where the file does not say. */
  readonly layers: number;
  /** Attention heads of a layer; 0 where the file does not say. */
  readonly heads: number;
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
  /** Samples that decode at once, {@link LonePlan} aside, 1 to 255; default 32 on a CPU, 128 on a GPU. See {@link MAX_SEQUENCES}. */
  readonly maxSequences?: number;
  /** Threads of the CPU backend; default: the physical cores. */
  readonly threads?: number;
}

/** Samples that come alone: what is theirs, beside `maxSequences` others; of the KV cells what is theirs. */
export interface LonePlan {
  readonly maxRunning: number;
  readonly maxUnfinished: number;
  /** Samples and prompts together. */
  readonly sequences: number;
  readonly cells: number;
  /** Most bytes of their evicted prompts in host memory. */
  readonly hostCacheBytes: number;
}

/** The sizes that the engine is loaded with. */
export interface EnginePlan {
  readonly contextTokens: number;
  readonly maxSequences: number;
  readonly threads: number;
  readonly kvCache: KvCacheInfo;
  /** Parts that decode at once, each of all the sizes below. */
  readonly workers: number;
  /** KV cells, those of `lone` aside. */
  readonly cells: number;
  /** Most cells that idle prompts hold. */
  readonly maxIdleCells: number;
  /** Most bytes of evicted prompts in host memory. */
  readonly hostCacheBytes: number;
  readonly sequences: number;
  readonly batch: number;
  readonly prefillChunk: number;
  /** A prompt is let in while fewer samples than this are unfinished, those of `lone` aside. */
  readonly maxUnfinished: number;
  /** Sizes of the lane for samples that come alone; null where they are as the others. */
  readonly lone: LonePlan | null;
  /** Unrelated prompts that it pays to have at work at once; null: as many as fill the sequences. */
  readonly promptsAtOnce: number | null;
  /** Whether samples and prompts are decoded in calls of their own. */
  readonly separatesPrompts: boolean;
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
/** Prompts that are held at once; in streams each takes a whole context of memory. */
const PROMPT_SEQUENCES = { unified: 64, streams: 16 };
/**
 * Samples at once in a mixed layout. More lone samples read more keys and values in a step than caches hold; with samples of
 * more prompts at once each passes over more cells of others. Of one prompt all may run.
 */
const MIXED = { lone: 8, unfinished: 16 };
/**
 * Weights for each of which a worker has a thread, the most workers unasked, and samples of each below which it lets a prompt
 * in: small models gain nothing from more rows, and lose what caches hold. Two workers of one thread gain a quarter
 * with 4 MB of weights and nothing with 62; more than two were not measured (bench/RESULTS.md, Generation).
 */
const WORKERS = { bytesPerThread: 32 * 2 ** 20, most: 8, unfinished: 16 };
/** Most rows of prompts in a step beside those of samples. */
const PREFILL = { cpu: 256, gpu: 1024 };
/** Memory left to everything else on the GPU: scratch buffers, the display. */
const GPU_RESERVE = 768 * 2 ** 20;
/**
 * What {@link promptsOnCpu} reckons with: tokens of a prompt and of a chain, and the bytes of weights that a CPU reads
 * in the time in which one head of one layer passes over a cell of another prompt (0.6 ns at 20 GB/s, two threads).
 */
const CPU_WORK = { prompt: 2000, chain: 250, bytesPerCell: 12 };

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
  whole('threads', wishes.threads, 1, 1024);
  checkEngineOptions(wishes);
  const { hostCacheBytes = 0 } = wishes;
  const { threads } = facts.threads;
  const choices: string[] = [];

  const gpuLayers = layersOnGpu(facts, contextTokens, choices);
  const unrelated = onGpu ? null : promptsOnCpu(facts);
  const prompts = wishes.kvLayout === 'streams' ? PROMPT_SEQUENCES.streams : PROMPT_SEQUENCES.unified;
  const sequences = Math.min(MAX_SEQUENCES, maxSequences + prompts);
  const allLone = Math.min(MIXED.lone, Math.floor(maxSequences / 4));
  const loneOf = (workers: number) => (allLone === 0 ? 0 : Math.max(1, Math.floor(allLone / workers)));
  const room = onGpu
    ? Math.max(0, (facts.gpuMemoryFree as number) - facts.modelBytes - GPU_RESERVE) * 0.9
    : Math.max(0, facts.memoryFree - facts.modelBytes) * 0.25;
  const kvPlan = (workers: number) =>
    planKvCache(
      {
        onGpu,
        contextTokens,
        maxSequences,
        sequences,
        workers,
        loneSequences: 2 * loneOf(workers),
        cellBytes: facts.cellBytes,
        modelBytes: facts.modelBytes,
        rereads: unrelated === 1,
        attentionKernel: facts.attentionKernel,
        room,
      },
      wishes,
    );
  // Where cells or their layout are asked for, they may not suffice for more than one.
  const asked = wishes.kvCells !== undefined || wishes.kvLayout !== undefined;
  const single = asked || onGpu ? null : kvPlan(1).kvCache;
  // Each has a context at least, which may take half of the room together.
  const roomy = Math.floor(room / 2 / Math.max(1, contextTokens * facts.cellBytes));
  const most =
    single?.layout === 'mixed' ? allLone : single?.attention === 'pgenrm' ? Math.min(roomy, WORKERS.most) : 1;
  const workers = wishes.workers ?? usualWorkers(facts, most);
  if (onGpu && workers > 1) {
    throw new PgenrmError(
      'INVALID_OPTION',
      `workers share the threads of a CPU, and a GPU decodes here; got ${workers}, leave it out`,
    );
  }
  const maxLone = loneOf(workers);
  const { kvCache, sharedCells, loneCells, maxIdleCells, reasons } = kvPlan(workers);
  const mixed = kvCache.layout === 'mixed';
  /** Whether each row passes over the cells of all. */
  const passes = !onGpu && kvCache.attention === 'llama.cpp';
  const maxUnfinished = mixed
    ? Math.ceil(MIXED.unfinished / workers)
    : workers > 1 && !passes
      ? Math.min(WORKERS.unfinished, maxSequences)
      : // A GPU decodes empty rows for the price of full ones; to a CPU prompts in wait are memory to read.
        maxSequences + Math.ceil(maxSequences / (onGpu ? 1 : 4));
  const hostShare = Math.floor(hostCacheBytes / workers);
  // Prompts in a lane of their own are in nobody's way; the engine lets in as many of the others as pay.
  const promptsAtOnce = mixed || !passes ? null : unrelated;
  choices.push(
    ...reasons,
    hostCacheBytes === 0
      ? 'idle prompts whose cells are needed: forgotten, for a copy in host memory saves little'
      : `idle prompts${mixed ? ' of samples that came alone' : ''} whose cells are needed: at most ${megabytes(hostCacheBytes)} MB of them in host memory, asked for`,
    !passes
      ? `samples and pieces of prompts: decoded in one call, ${onGpu ? 'whose rows a GPU computes at once' : 'which reads the weights once'}`
      : "samples and pieces of prompts: decoded in calls of their own, for llama.cpp's attention over a large batch passes over every cell that any 64 rows see",
    ...(mixed
      ? [
          `samples at once${workers > 1 ? ' of a worker' : ''}: ${maxLone} that came alone, and ${maxSequences} others, whose prompts are let in while fewer than ${maxUnfinished} are unfinished`,
        ]
      : []),
    ...(promptsAtOnce === null
      ? []
      : [
          `prompts at work at once: ${promptsAtOnce}, for every row of llama.cpp's attention passes over the cells of all prompts, and more rows in a step save reading ${megabytes(facts.modelBytes)} MB of weights`,
        ]),
    ...(workers > 1
      ? [
          `workers: ${workers}, ${wishes.workers === undefined ? 'for threads that compute so small a model together wait for each other much of the time' : 'asked for'}; one that works alone has all threads`,
        ]
      : []),
    `threads of the CPU, for decoding and sampling: ${threads} (${facts.threads.reason})`,
  );
  return {
    contextTokens,
    maxSequences,
    threads,
    kvCache,
    workers,
    cells: sharedCells,
    maxIdleCells,
    hostCacheBytes: mixed ? 0 : hostShare,
    sequences,
    // The CPU computes a large batch no faster, and a smaller one stops sooner and takes less memory.
    batch: onGpu ? 2048 : PREFILL.cpu + maxSequences,
    prefillChunk: onGpu ? PREFILL.gpu : PREFILL.cpu,
    maxUnfinished,
    lone: mixed
      ? {
          maxRunning: maxLone,
          maxUnfinished: 2 * maxLone,
          sequences: 2 * maxLone,
          cells: loneCells,
          hostCacheBytes: hostShare,
        }
      : null,
    promptsAtOnce,
    separatesPrompts: passes,
    gpuLayers,
    choices,
  };
}

/** As many as have a thread each, or more where the weights are many. */
function usualWorkers({ modelBytes, threads }: EngineFacts, most: number): number {
  const each = Math.ceil(modelBytes / WORKERS.bytesPerThread);
  return Math.max(1, Math.min(Math.floor(threads.threads / each), most, WORKERS.most));
}

/**
 * With n unrelated prompts P at work, an item costs the weights once for each of T / n steps and, for each of its P + T
 * rows, the cells of the n - 1 other prompts: the sum is least where n squared is T W / (P (P + T) c).
 */
function promptsOnCpu({ modelBytes, layers, heads }: EngineFacts): number {
  const { prompt, chain, bytesPerCell } = CPU_WORK;
  const foreign = prompt * (prompt + chain) * bytesPerCell * Math.max(1, layers * heads);
  return Math.max(1, Math.round(Math.sqrt((chain * modelBytes) / foreign)));
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

// Chooses how the native engine keeps keys and values: type, flash attention, how many cells, how many of
// them for prompts that nobody needs. Pure arithmetic; each choice comes with its reason, for people.
import { PgenrmError } from '../../errors.js';
import { checkEngineValues, type EngineOptions, type KvType } from '../../options/engine-options.js';
import type { AttentionKernel } from './attention-shape.js';
import type { KvCacheInfo } from './native-info.js';

/** What the choice is made from. */
export interface KvFacts {
  readonly onGpu: boolean;
  readonly contextTokens: number;
  /** Samples that decode at once. */
  readonly maxSequences: number;
  /** Workers, each with cells and sequences of its own. */
  readonly workers: number;
  /** Bytes of one cell at f16, all layers together. */
  readonly cellBytes: number;
  readonly modelBytes: number;
  readonly attentionKernel: AttentionKernel;
  /** Bytes that the cache may take. */
  readonly room: number;
}

/** Whose kernel computes attention, and why. */
interface AttentionPlan {
  readonly by: Required<KvCacheInfo>['attention'];
  readonly reasons: readonly string[];
}

/** What the caller may fix; `kvCells` at least one context of each worker. */
export type KvWishes = Pick<EngineOptions, 'kvType' | 'flashAttention' | 'attention' | 'kvCells'>;

/** The choice, with the reason for each part. */
export interface KvPlan {
  /** Its cells are those of all workers together. */
  readonly kvCache: KvCacheInfo;
  /** Cells of one worker, which all its sequences share: a common prefix is stored once. */
  readonly cells: number;
  /** Most cells of those that prompts may hold which nobody needs. */
  readonly maxIdleCells: number;
  readonly reasons: readonly string[];
}

/** Bytes of a value in 8 bits, with its share of the block's scale, over those of an f16. */
const Q8_0_SHARE = 34 / 64;
/**
 * Keys and values that pay beside so many bytes of weights, and at the least so many for each of two or more workers: a step
 * reads all that is in use, so that what caches do not hold costs more than rows of more prompts save. Two workers of
 * nano.gguf with prompts of 3,000 tokens took 20 s with 52 MB and 27 to 29 with 228 (bench/results/generation.md).
 */
const WORTH = { weights: 1.5, bytesPerWorker: 24 * 2 ** 20, workers: 2 };
/** Contexts of prompts that requests at work are given room for. */
const PROMPT_CONTEXTS = { cpu: 4, gpu: 8 };
/** Contexts of prompts that are kept for requests to come. */
const IDLE_CONTEXTS = { cpu: 2, gpu: 4 };

/**
 * Plans the cache. Throws `INVALID_OPTION` for a wish that is unknown or contradicts another, and `OUT_OF_MEMORY`
 * where the cells of one context do not fit.
 */
export function planKvCache(facts: KvFacts, wishes: KvWishes = {}): KvPlan {
  checkEngineValues(wishes);
  const { kvType: wishedType, flashAttention = 'auto' } = wishes;
  if (wishedType === 'q8_0' && flashAttention === 'off') {
    throw new PgenrmError(
      'INVALID_OPTION',
      'kvType q8_0 needs flash attention: leave flashAttention auto or on, or keep kvType f16',
    );
  }
  const { workers } = facts;
  const least = workers * padded(facts.contextTokens + 1);
  const { kvCells } = wishes;
  if (kvCells !== undefined && !(Number.isInteger(kvCells) && kvCells >= least)) {
    throw new PgenrmError(
      'INVALID_OPTION',
      `kvCells must be a whole number from ${least} on, which is what the context takes, got ${kvCells}`,
    );
  }
  const f16Fits = least * facts.cellBytes <= facts.room;
  // On a GPU the layers that do not fit stay with the CPU, and their cells with them.
  const type = wishedType ?? (f16Fits || facts.onGpu || flashAttention === 'off' ? 'f16' : 'q8_0');
  const attention = chooseAttention(facts, wishes, type);
  const cellBytes = facts.cellBytes * (type === 'f16' ? 1 : Q8_0_SHARE);
  const affordable = Math.floor(facts.room / Math.max(1, cellBytes));
  if (affordable < least && !facts.onGpu) {
    throw new PgenrmError(
      'OUT_OF_MEMORY',
      `${workers === 1 ? 'a context' : `${workers} contexts`} of ${facts.contextTokens} tokens ` +
        `${workers === 1 ? 'needs' : 'need'} ${megabytes(least * cellBytes)} MB of KV cache (${type}), there is room ` +
        `for ${megabytes(facts.room)} MB; lower the context length${workers === 1 ? '' : ' or the number of workers'}`,
    );
  }
  const useful = kvCells ?? usefulCells(facts, least, affordable, attention.by === 'pgenrm');
  const cells = padded(Math.ceil(useful / workers));
  const all = workers * cells;
  const idleContexts = facts.onGpu ? IDLE_CONTEXTS.gpu : IDLE_CONTEXTS.cpu;
  const typeReason =
    wishedType !== undefined ? ', asked for' : type === 'q8_0' ? ', for f16 has no room for one context' : '';
  return {
    kvCache: { type, flashAttention, attention: attention.by, cells: all },
    cells,
    maxIdleCells: Math.min(cells, idleContexts * facts.contextTokens),
    reasons: [
      `KV cache: ${type}${typeReason}, ${all} cells (${megabytes(all * cellBytes)} MB), in which a shared prefix is stored once`,
      ...attention.reasons,
    ],
  };
}

/** Whose kernel computes attention. Throws `INVALID_OPTION` where pgenrm's is asked for and cannot be. */
function chooseAttention(facts: KvFacts, wishes: KvWishes, type: KvType): AttentionPlan {
  const { attention = 'auto', flashAttention = 'auto' } = wishes;
  const kernel = kernelFor(facts, wishes, type);
  const flash =
    flashAttention === 'auto'
      ? 'flash attention: left to llama.cpp (on where the backend has it)'
      : `flash attention: ${flashAttention}, asked for`;
  if (attention === 'llama.cpp')
    return { by: attention, reasons: ["attention: llama.cpp's, asked for", flash] };
  if ('instructions' in kernel) {
    return {
      by: 'pgenrm',
      reasons: [
        `attention: pgenrm's (${kernel.instructions}), which reads what several rows share once for all of them and no cells of others; a kind of flash attention`,
      ],
    };
  }
  if (attention === 'pgenrm') {
    throw new PgenrmError('INVALID_OPTION', `attention pgenrm cannot be: ${kernel.obstacle}; leave it auto`);
  }
  return { by: 'llama.cpp', reasons: [`attention: llama.cpp's, for ${kernel.obstacle}`, flash] };
}

/** pgenrm's kernel, or what keeps it from being used. */
function kernelFor(facts: KvFacts, { flashAttention }: KvWishes, type: KvType): AttentionKernel {
  if (facts.onGpu) return { obstacle: 'a GPU decodes' };
  if ('obstacle' in facts.attentionKernel) return facts.attentionKernel;
  if (flashAttention === 'off') return { obstacle: 'flash attention is off' };
  return type === 'f16' ? facts.attentionKernel : { obstacle: `keys and values are ${type}` };
}

// Every running sample with an answer of a quarter of the context, over some whole contexts of prompts, and what is least
// beyond one context; where pgenrm's kernel reads them from memory, no more than is worth it.
function usefulCells(facts: KvFacts, least: number, affordable: number, ownKernel: boolean): number {
  const prompts = facts.onGpu ? PROMPT_CONTEXTS.gpu : PROMPT_CONTEXTS.cpu;
  const useful =
    least + facts.contextTokens * (prompts - 1) + Math.ceil((facts.maxSequences * facts.contextTokens) / 4);
  const worth = Math.max(
    WORTH.weights * facts.modelBytes,
    WORTH.bytesPerWorker * Math.max(WORTH.workers, facts.workers),
  );
  const most = ownKernel
    ? Math.min(affordable, Math.floor(worth / Math.max(1, facts.cellBytes)))
    : affordable;
  return Math.max(least, Math.min(useful, most));
}

/** llama.cpp rounds the cells up to a multiple of 256. */
function padded(cells: number): number {
  return Math.ceil(cells / 256) * 256;
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(0);
}

// Chooses how the native engine keeps keys and values: layout, type, flash attention, how many cells, how many of
// them for prompts that nobody needs. Pure arithmetic; each choice comes with its reason, for people.
import { PgenrmError } from '../../errors.js';
import {
  checkEngineOptions,
  type EngineOptions,
  type KvLayout,
  type KvType,
} from '../../options/engine-options.js';
import type { KvCacheInfo } from '../generator.js';
import type { AttentionKernel } from './attention-shape.js';

/** What the choice is made from. */
export interface KvFacts {
  readonly onGpu: boolean;
  readonly contextTokens: number;
  /** Samples that decode at once. */
  readonly maxSequences: number;
  /** Samples and prompts together; in a mixed layout those that share cells. */
  readonly sequences: number;
  /** Workers, each with such sequences of its own. */
  readonly workers: number;
  /** In a mixed layout, samples that came alone and their prompts; 0 where there can be none. */
  readonly loneSequences: number;
  /** Bytes of one cell at f16, all layers together. */
  readonly cellBytes: number;
  readonly modelBytes: number;
  /** Whether a prompt is decoded again for less than its cells cost rows that pass over them, as llama.cpp's on a CPU do. */
  readonly rereads?: boolean;
  readonly attentionKernel: AttentionKernel;
  /** Bytes that the cache may take. */
  readonly room: number;
}

/** Whose kernel computes attention, and why. */
interface AttentionPlan {
  readonly by: Required<KvCacheInfo>['attention'];
  readonly reasons: readonly string[];
}

/** What the caller may fix; `kvCells` at least one context of each sequence that has its own. */
export type KvWishes = Pick<
  EngineOptions,
  'kvLayout' | 'kvType' | 'flashAttention' | 'attention' | 'kvCells'
>;

/** The choice, with the reason for each part. */
export interface KvPlan {
  /** Its cells are those of all workers together. */
  readonly kvCache: KvCacheInfo;
  /** Cells of one worker, those of samples that came alone aside. */
  readonly sharedCells: number;
  /** Cells of one worker for samples that came alone, all sequences together; 0 unless the layout is mixed. */
  readonly loneCells: number;
  /** Most cells of shared ones that prompts may hold which nobody needs. */
  readonly maxIdleCells: number;
  readonly reasons: readonly string[];
}

/** Bytes of a value in 8 bits, with its share of the block's scale, over those of an f16. */
const Q8_0_SHARE = 34 / 64;
/** Share of the room that cells of lone samples may take unasked. */
const LONE_SHARE = 1 / 3;
/**
 * Keys and values that pay beside so many bytes of weights, and at the least so many for each of two or more workers: a step
 * reads all that is in use, so that what caches do not hold costs more than rows of more prompts save. Two workers of
 * nano.gguf with prompts of 3,000 tokens took 20 s with 52 MB and 27 to 29 with 228 (bench/RESULTS.md, Generation).
 */
const WORTH = { weights: 1.5, bytesPerWorker: 24 * 2 ** 20, workers: 2 };
/** Contexts of prompts that requests at work are given room for. */
const PROMPT_CONTEXTS = { cpu: 4, gpu: 8 };
/** Contexts of prompts that are kept for requests to come. */
const IDLE_CONTEXTS = { rereads: 1, cpu: 2, gpu: 4 };

/**
 * Plans the cache. Throws `INVALID_OPTION` for a wish that is unknown or contradicts another, and `OUT_OF_MEMORY`
 * where the cells of one context do not fit.
 */
export function planKvCache(facts: KvFacts, wishes: KvWishes = {}): KvPlan {
  checkEngineOptions(wishes);
  const {
    kvLayout: layout = usualLayout(facts, wishes),
    kvType: wishedType,
    flashAttention = 'auto',
  } = wishes;
  if (layout === 'mixed' && facts.loneSequences === 0) {
    throw new PgenrmError(
      'INVALID_OPTION',
      `kvLayout mixed needs a maxSequences of 4 or more, got ${facts.maxSequences}; raise it, or leave kvLayout unified`,
    );
  }
  if (wishedType === 'q8_0' && flashAttention === 'off') {
    throw new PgenrmError(
      'INVALID_OPTION',
      'kvType q8_0 needs flash attention: leave flashAttention auto or on, or keep kvType f16',
    );
  }
  const { workers } = facts;
  const contexts = workers * { unified: 1, streams: facts.sequences, mixed: 1 + facts.loneSequences }[layout];
  const least = contexts * padded(facts.contextTokens + 1);
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
  if (affordable < least && (!facts.onGpu || layout !== 'unified')) {
    throw new PgenrmError(
      'OUT_OF_MEMORY',
      `${contexts === 1 ? 'a context' : `${contexts} contexts`} of ${facts.contextTokens} tokens ` +
        `${contexts === 1 ? 'needs' : 'need'} ${megabytes(least * cellBytes)} MB of KV cache (${type}), there is room ` +
        `for ${megabytes(facts.room)} MB; lower the context length${contexts === 1 ? '' : ' or maxSequences, or leave kvLayout unified'}`,
    );
  }
  const useful =
    kvCells ??
    (layout === 'streams' ? least : usefulCells(facts, least, affordable, attention.by === 'pgenrm'));
  const loneCells = layout === 'mixed' ? facts.loneSequences * padded(facts.contextTokens + 1) : 0;
  const sharedCells = padded(Math.ceil(useful / workers)) - loneCells;
  const cells = workers * (sharedCells + loneCells);
  const passed = attention.by === 'llama.cpp' && facts.rereads === true;
  const idleContexts = IDLE_CONTEXTS[facts.onGpu ? 'gpu' : passed ? 'rereads' : 'cpu'];
  const maxIdleCells =
    layout === 'streams' ? sharedCells : Math.min(sharedCells, idleContexts * facts.contextTokens);
  const layoutReason = {
    unified: 'a shared prefix is stored once',
    streams: 'asked for: each sequence has its own cells, and a shared prefix is copied',
    mixed: `samples of one prompt share its cells, and each of ${workers * facts.loneSequences} sequences for samples that came alone has its own, so that no row passes over prompts of others`,
  }[layout];
  const typeReason =
    wishedType !== undefined ? ', asked for' : type === 'q8_0' ? ', for f16 has no room for one context' : '';
  return {
    kvCache: { layout, type, flashAttention, attention: attention.by, cells },
    sharedCells,
    loneCells,
    maxIdleCells,
    reasons: [
      `KV cache: ${layout}, ${type}${typeReason}, ${cells} cells (${megabytes(cells * cellBytes)} MB): ${layoutReason}`,
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

/**
 * Rows of llama.cpp's attention on a CPU pass over all cells that are shared; those of a GPU skip what is not theirs, and
 * pgenrm's read nothing else.
 */
function usualLayout(facts: KvFacts, wishes: KvWishes): KvLayout {
  const { kvCells, kvType } = wishes;
  if (facts.onGpu || facts.loneSequences === 0 || kvCells !== undefined) return 'unified';
  if (wishes.attention !== 'llama.cpp' && 'instructions' in kernelFor(facts, wishes, kvType ?? 'f16'))
    return 'unified';
  const cellBytes = facts.cellBytes * (kvType === 'q8_0' ? Q8_0_SHARE : 1);
  const loneBytes = facts.workers * facts.loneSequences * padded(facts.contextTokens + 1) * cellBytes;
  return loneBytes <= facts.room * LONE_SHARE ? 'mixed' : 'unified';
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

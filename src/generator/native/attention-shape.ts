// What a model's header says of its attention: sizes of a KV cell, and whether pgenrm's kernel computes such attention.
import type { ModelFacts } from '../../model-file/model-facts.js';

/** Attention of a model; 0 where the file does not say. */
export interface AttentionShape {
  readonly layers: number;
  readonly heads: number;
  readonly headsKv: number;
  /** Numbers of a key and of a value, of one head. */
  readonly keys: number;
  readonly values: number;
  /** Bytes of one KV cell at f16: keys and values of every layer. */
  readonly cellBytes: number;
}

/** Whether pgenrm's attention kernel can be used, and if not why. */
export type AttentionKernel = { readonly instructions: string } | { readonly obstacle: string };

/** Numbers of a key and of a value are a multiple of this; heads that share a key are no more than that. As in native/core/attention.h. */
const STEP = 16;
const MOST_SHARING = 64;
/** Architectures with a learned sink beside the products of a row, or with a bias by distance. */
const WITH_SINKS = new Set(['gpt-oss', 'mimo2', 'deepseek4', 'hy_v4', 'granite_swa']);
const WITH_BIAS = new Set(['bloom', 'jais', 'jina-bert-v2', 'mpt', 'refact']);

/** A number of the architecture's own metadata; 0 where it is absent or none. */
function numberIn({ metadata, architecture }: ModelFacts, key: string): number {
  return Number(metadata.get(`${architecture}.${key}`) ?? 0) || 0;
}

/** Reads it from the model's metadata. */
export function attentionShape(facts: ModelFacts): AttentionShape {
  const numberOf = (key: string) => numberIn(facts, key);
  const layers = numberOf('block_count');
  const heads = numberOf('attention.head_count');
  const headsKv = numberOf('attention.head_count_kv') || heads;
  const perHead = heads === 0 ? 0 : numberOf('embedding_length') / heads;
  const keys = numberOf('attention.key_length') || perHead;
  const values = numberOf('attention.value_length') || perHead;
  return { layers, heads, headsKv, keys, values, cellBytes: 2 * layers * headsKv * (keys + values) };
}

/** `instructions`: what the kernel runs on here, such as `avx2`; null where it does not. */
export function attentionKernel(facts: ModelFacts, instructions: string | null): AttentionKernel {
  if (instructions === null) return { obstacle: 'this processor has neither AVX2 nor NEON' };
  const { keys, values, heads, headsKv } = attentionShape(facts);
  const has = (key: string) => numberIn(facts, key) > 0;
  if (keys % STEP !== 0 || values % STEP !== 0) {
    return {
      obstacle: `the model's keys have ${keys} numbers and its values ${values}, not multiples of ${STEP}`,
    };
  }
  if (headsKv > 0 && heads / headsKv > MOST_SHARING) {
    return { obstacle: `${heads / headsKv} heads of the model share a key, more than ${MOST_SHARING}` };
  }
  if (has('attn_logit_softcapping')) return { obstacle: 'the model caps the products of its attention' };
  if (has('attention.max_alibi_bias') || WITH_BIAS.has(facts.architecture)) {
    return { obstacle: "the model's attention has a bias by distance (ALiBi)" };
  }
  if (WITH_SINKS.has(facts.architecture)) return { obstacle: "the model's attention has sinks" };
  if (facts.architecture === 'grok') return { obstacle: 'llama.cpp has no flash attention for this model' };
  return { instructions };
}

// What a model's arithmetic and memory come to: FLOPs of a token, of its attention, bytes of a KV cell.
// Reads the GGUF header; counts model FLOPs, that is what the weights ask for, whatever a kernel does.

import type { KvCacheInfo } from '../../generator/native/native-info.js';
import { readGgufHeader } from '../../model-file/gguf-header.js';
import type { GgufHeader } from '../../model-file/gguf-parse.js';
import { readModelFacts } from '../../model-file/read-model-facts.js';

/** Counts of one model; a multiplication and an addition are two FLOPs. */
export interface ModelCost {
  /** FLOPs of a token through all layers, without attention over the context and without the output matrix. */
  readonly flopsPerToken: number;
  /** FLOPs of the output matrix, which only tokens with logits go through. */
  readonly flopsPerOutput: number;
  /** FLOPs of attention for each token and each token that it attends to. */
  readonly flopsPerAttended: number;
  /** Bytes of a KV cell at f16. */
  readonly cellBytes: number;
  readonly layers: number;
}

/** Bytes of a q8_0 value, its share of the block's scale included, over those of an f16. */
const Q8_0_SHARE = 34 / 64;

/** Reads a model's counts. Errors: `MODEL_NOT_FOUND`, `MODEL_UNUSABLE`. */
export async function readModelCost(path: string): Promise<ModelCost> {
  const { parts, metadata, architecture } = await readModelFacts(path);
  const tensors: GgufHeader['tensors'][number][] = [];
  for (const part of parts) tensors.push(...(await readGgufHeader(part)).tensors);
  const number = (key: string): number => Number(metadata.get(`${architecture}.${key}`) ?? 0);
  const layers = number('block_count');
  const heads = number('attention.head_count');
  const headsKv = number('attention.head_count_kv') || heads;
  const perHead = heads === 0 ? 0 : number('embedding_length') / heads;
  const keys = number('attention.key_length') || perHead;
  const values = number('attention.value_length') || perHead;
  const experts = number('expert_count');
  const used = experts === 0 ? 1 : number('expert_used_count') / experts;
  const size = (shape: readonly number[]): number => shape.reduce((product, n) => product * n, 1);

  let body = 0;
  let output = 0;
  let embedding = 0;
  for (const { name, shape } of tensors) {
    // Vectors (norms, biases) are added or multiplied once a value: nothing beside the matrices.
    if (shape.length < 2) continue;
    if (name === 'output.weight') output += size(shape);
    else if (name === 'token_embd.weight') embedding += size(shape);
    else body += size(shape) * (name.includes('_exps') ? used : 1);
  }
  return {
    flopsPerToken: 2 * body,
    // Without an output matrix of its own the embedding is used for it.
    flopsPerOutput: 2 * (output === 0 ? embedding : output),
    flopsPerAttended: 2 * layers * heads * (keys + values),
    cellBytes: 2 * layers * headsKv * (keys + values),
    layers,
  };
}

/** Bytes of a KV cell as the generator keeps it. */
export function bytesOfCell({ cellBytes }: ModelCost, cache: KvCacheInfo | undefined): number {
  return cellBytes * (cache?.type === 'q8_0' ? Q8_0_SHARE : 1);
}

/** What a judgment decoded. */
export interface DecodedTokens {
  readonly requests: readonly {
    /** Tokens of the prompt, and how many of them were decoded. */
    readonly length: number;
    readonly decoded: number;
    readonly chains: number;
  }[];
  /** New tokens of all chains, which are taken as equally long. */
  readonly generated: number;
}

/**
 * Model FLOPs of a judgment: decoded prompt tokens attend to half of what was decoded with them and, where a part was
 * shared, to that part as well; new tokens to their prompt and half of their own chain. Embedding the text that similar
 * users are sought by is not among them.
 */
export function flopsOf(cost: ModelCost, { requests, generated }: DecodedTokens): number {
  const chains = requests.reduce((total, one) => total + one.chains, 0);
  const chainLength = chains === 0 ? 0 : generated / chains;
  let [decoded, attended] = [0, 0];
  for (const one of requests) {
    decoded += one.decoded;
    attended += one.decoded * (one.length - one.decoded / 2);
    attended += one.chains * chainLength * (one.length + chainLength / 2);
  }
  return (
    cost.flopsPerToken * (decoded + generated) +
    cost.flopsPerOutput * (requests.length + generated) +
    cost.flopsPerAttended * attended
  );
}

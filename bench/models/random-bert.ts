// Makes a small BERT with random weights: an encoder, which embeds text and writes none.
// For tests of what a judge must refuse, and of how texts become vectors.
import { type MetadataValue, type TensorSpec, writeGguf } from './gguf-writer.js';
import { POOLING_TYPES, type RandomPooling } from './random-llama.js';

/** What may differ between random BERTs. */
export interface RandomBertOptions {
  /** Default 1. */
  readonly seed?: number;
  /** How the file says that tokens become one vector. Default `mean`. */
  readonly pooling?: RandomPooling;
}

/** Writes a small BERT with random weights: a model that embeds text and cannot write any. */
export async function writeRandomBert(
  path: string,
  { seed = 1, pooling = 'mean' }: RandomBertOptions = {},
): Promise<{ bytes: number; parameters: number }> {
  const width = 32;
  const tokens = [
    '[PAD]',
    '[UNK]',
    '[CLS]',
    '[SEP]',
    '[MASK]',
    ...[...'abcdefghijklmnopqrstuvwxyz'].map((c) => `▁${c}`),
  ];
  const metadata: Record<string, MetadataValue> = {
    'general.architecture': { string: 'bert' },
    'general.name': { string: 'random bert' },
    'bert.context_length': { u32: 128 },
    'bert.embedding_length': { u32: width },
    'bert.block_count': { u32: 1 },
    'bert.feed_forward_length': { u32: 64 },
    'bert.attention.head_count': { u32: 2 },
    'bert.attention.layer_norm_epsilon': { f32: 1e-12 },
    'bert.attention.causal': { bool: false },
    'bert.pooling_type': { u32: POOLING_TYPES[pooling] },
    'tokenizer.ggml.model': { string: 'bert' },
    'tokenizer.ggml.tokens': { strings: tokens },
    'tokenizer.ggml.token_type': { i32: tokens.map((_, id) => (id < 5 ? 3 : 1)) },
    'tokenizer.ggml.token_type_count': { u32: 2 },
    'tokenizer.ggml.padding_token_id': { u32: 0 },
    'tokenizer.ggml.unknown_token_id': { u32: 1 },
    'tokenizer.ggml.cls_token_id': { u32: 2 },
    'tokenizer.ggml.bos_token_id': { u32: 2 },
    'tokenizer.ggml.seperator_token_id': { u32: 3 },
    'tokenizer.ggml.eos_token_id': { u32: 3 },
    'tokenizer.ggml.mask_token_id': { u32: 4 },
  };
  const tensor = (name: string, shape: number[], mean = 0): TensorSpec => {
    return { name, shape, type: 'F32', mean, deviation: mean === 0 ? 0.1 : 0 };
  };
  const affine = (name: string, input: number, output: number): TensorSpec[] => [
    tensor(`${name}.weight`, [input, output]),
    tensor(`${name}.bias`, [output]),
  ];
  const norm = (name: string): TensorSpec[] => [
    tensor(`${name}.weight`, [width], 1),
    tensor(`${name}.bias`, [width]),
  ];
  return writeGguf(
    path,
    metadata,
    [
      tensor('token_embd.weight', [width, tokens.length]),
      tensor('position_embd.weight', [width, 128]),
      tensor('token_types.weight', [width, 2]),
      ...norm('token_embd_norm'),
      ...affine('blk.0.attn_q', width, width),
      ...affine('blk.0.attn_k', width, width),
      ...affine('blk.0.attn_v', width, width),
      ...affine('blk.0.attn_output', width, width),
      ...norm('blk.0.attn_output_norm'),
      ...affine('blk.0.ffn_up', width, 64),
      ...affine('blk.0.ffn_down', 64, width),
      ...norm('blk.0.layer_output_norm'),
    ],
    seed,
  );
}

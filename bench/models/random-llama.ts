// Makes Llama and Qwen3 models as GGUF, with random weights and a made-up vocabulary, for benchmarks and tests.
// What such a model writes means nothing; its shape, speed and file layout are those of a real one.
import { PgenrmError } from '../../src/errors.js';
import { type MetadataValue, type TensorSpec, type TensorType, writeGguf } from './gguf-writer.js';
import { byteLevelVocabulary, sentencePieceVocabulary } from './made-up-vocabulary.js';

/** Shape of a random Llama model. */
export interface RandomLlamaOptions {
  readonly layers: number;
  /** Embedding length; a multiple of `heads`, and of 32 for Q8_0. */
  readonly width: number;
  readonly heads: number;
  /** Heads that hold keys and values; divides `heads`. Default `heads`. */
  readonly kvHeads?: number;
  readonly ffWidth: number;
  /** Tokens of the vocabulary; at least 256 bytes plus the control and user-defined tokens. */
  readonly vocabulary: number;
  /** Trained context in tokens. Default 4096. */
  readonly context?: number;
  /** Storage of the matrices. Default `F16`. */
  readonly type?: TensorType;
  /** Default 1. */
  readonly seed?: number;
  /** Chat template; null writes none. Default {@link RANDOM_LLAMA_TEMPLATE}. */
  readonly chatTemplate?: string | null;
  /** The output matrix is the embedding. Default false. */
  readonly tied?: boolean;
  /** Byte-level BPE as of Llama 3 (default), or SentencePiece as of Llama 2. */
  readonly tokenizer?: 'bpe' | 'spm';
  /** Texts that always are one token and show in the output. Default none. */
  readonly userDefined?: readonly string[];
  /** Control tokens beside the usual ones: they leave no text. Default none. */
  readonly control?: readonly string[];
  /** `qwen3` normalises the queries and keys of each head. Default `llama`. */
  readonly architecture?: 'llama' | 'qwen3';
  /** What the file says of how a text's tokens become one vector; default: nothing, as of a model that only writes. */
  readonly pooling?: RandomPooling;
  /** The file says that a text ends with the ending token, as that of Qwen3-Embedding does. Default false. */
  readonly appendsEnd?: boolean;
  /** Standard deviation of the logits, about: higher makes the model surer of itself. Default 1. */
  readonly logitDeviation?: number;
}

/** How the vectors of a text's tokens become one. */
export type RandomPooling = 'mean' | 'cls' | 'last';

/** llama.cpp's numbers of them. */
export const POOLING_TYPES: Readonly<Record<RandomPooling, number>> = { mean: 1, cls: 2, last: 3 };

/** A chat template of these control tokens. */
export const RANDOM_LLAMA_TEMPLATE =
  "{%- for message in messages -%}{{ '<|' + message['role'] + '|>' + message['content'] + '<|end|>' }}" +
  "{%- endfor -%}{%- if add_generation_prompt -%}{{ '<|assistant|>' }}{%- endif -%}";

/** Writes a random model to `path`; streams, so that models larger than memory can be made. */
export async function writeRandomLlama(
  path: string,
  options: RandomLlamaOptions,
): Promise<{ bytes: number; parameters: number }> {
  const { layers, width, heads, ffWidth, vocabulary, context = 4096, type = 'F16', seed = 1 } = options;
  const { kvHeads = heads, tied = false, userDefined, control, logitDeviation = 1 } = options;
  const { architecture = 'llama', pooling, appendsEnd = false } = options;
  const chatTemplate = options.chatTemplate === undefined ? RANDOM_LLAMA_TEMPLATE : options.chatTemplate;
  const headWidth = width / heads;
  if (!Number.isInteger(headWidth) || headWidth % 2 !== 0 || heads % kvHeads !== 0) {
    throw new PgenrmError(
      'INVALID_OPTION',
      `width ${width}, heads ${heads} and kvHeads ${kvHeads} do not divide`,
    );
  }
  const makeVocabulary = options.tokenizer === 'spm' ? sentencePieceVocabulary : byteLevelVocabulary;
  const metadata: Record<string, MetadataValue> = {
    'general.architecture': { string: architecture },
    'general.name': { string: `random ${architecture} ${layers}x${width}` },
    'general.file_type': { u32: { F32: 0, F16: 1, Q8_0: 7 }[type] },
    [`${architecture}.context_length`]: { u32: context },
    [`${architecture}.embedding_length`]: { u32: width },
    [`${architecture}.block_count`]: { u32: layers },
    [`${architecture}.feed_forward_length`]: { u32: ffWidth },
    [`${architecture}.attention.head_count`]: { u32: heads },
    [`${architecture}.attention.head_count_kv`]: { u32: kvHeads },
    [`${architecture}.attention.layer_norm_rms_epsilon`]: { f32: 1e-5 },
    [`${architecture}.rope.dimension_count`]: { u32: headWidth },
    [`${architecture}.rope.freq_base`]: { f32: 10000 },
    [`${architecture}.vocab_size`]: { u32: vocabulary },
    ...makeVocabulary(vocabulary, { ...(userDefined && { userDefined }), ...(control && { control }) }),
  };
  if (pooling !== undefined) metadata[`${architecture}.pooling_type`] = { u32: POOLING_TYPES[pooling] };
  if (appendsEnd) metadata['tokenizer.ggml.add_eos_token'] = { bool: true };
  if (chatTemplate !== null) metadata['tokenizer.chat_template'] = { string: chatTemplate };
  const matrix = (
    name: string,
    input: number,
    output: number,
    deviation = 1 / Math.sqrt(input),
  ): TensorSpec => {
    return { name: `${name}.weight`, shape: [input, output], type, mean: 0, deviation };
  };
  const norm = (name: string, size = width): TensorSpec => {
    return { name: `${name}.weight`, shape: [size], type: 'F32', mean: 1, deviation: 0.02 };
  };
  const logits = logitDeviation / Math.sqrt(width);
  const tensors = [matrix('token_embd', width, vocabulary, tied ? logits : 1), norm('output_norm')];
  if (!tied) tensors.push(matrix('output', width, vocabulary, logits));
  for (let layer = 0; layer < layers; layer++) {
    const block = `blk.${layer}.`;
    tensors.push(
      norm(`${block}attn_norm`),
      matrix(`${block}attn_q`, width, width),
      matrix(`${block}attn_k`, width, kvHeads * headWidth),
      matrix(`${block}attn_v`, width, kvHeads * headWidth),
      matrix(`${block}attn_output`, width, width),
      norm(`${block}ffn_norm`),
      matrix(`${block}ffn_gate`, width, ffWidth),
      matrix(`${block}ffn_up`, width, ffWidth),
      matrix(`${block}ffn_down`, ffWidth, width),
    );
    if (architecture === 'qwen3') {
      tensors.push(norm(`${block}attn_q_norm`, headWidth), norm(`${block}attn_k_norm`, headWidth));
    }
  }
  return writeGguf(path, metadata, tensors, seed);
}

// What the headers of a model's GGUF files say about it, and whether this package can generate text with it.
// Reads no file; the llama.cpp side may still find more to refuse.
import { PgenrmError } from '../errors.js';
import type { GgufHeader, GgufTensor } from './gguf-parse.js';

/** Facts read from the header of a model, all parts of a split model included. */
export interface ModelFacts {
  /** Absolute path of the file, or of the first part of a split model. */
  readonly path: string;
  /** Absolute paths of all parts; one where the model is not split. */
  readonly parts: readonly string[];
  /** Bytes of all parts on disk. */
  readonly bytes: number;
  /** Bytes of the tensors. */
  readonly tensorBytes: number;
  /** Bytes of the tensors by ggml type number. */
  readonly bytesByType: ReadonlyMap<number, number>;
  /** Elements of all tensors. */
  readonly parameters: number;
  readonly architecture: string;
  /** Context length the model was trained with, in tokens; 0 where the file does not say. */
  readonly trainedContext: number;
  /** The Jinja chat template, or null where there is none. */
  readonly chatTemplate: string | null;
  /** Scalar metadata by key, each as text. */
  readonly metadata: ReadonlyMap<string, string>;
  /** Tokenizer model, such as `gpt2` (byte-level BPE) or `llama` (SentencePiece). */
  readonly tokenizerModel: string;
  /** Text of each token by id. */
  readonly tokens: readonly string[];
  /** GGUF token types by id: 1 normal, 2 unknown, 3 control, 4 user-defined, 5 unused, 6 byte. */
  readonly tokenTypes: readonly number[];
}

const ENCODERS = new Set([
  'bert',
  'clip',
  'eurobert',
  'gemma-embedding',
  'jina-bert-v2',
  'jina-bert-v3',
  'llama-embed',
  'modern-bert',
  'neo-bert',
  'nomic-bert',
  'nomic-bert-moe',
  't5encoder',
  'wavtokenizer-dec',
]);
const DIFFUSION = new Set(['dream', 'llada', 'llada-moe', 'rnd1']);

/** The facts that the headers of a model's parts state together; `path` is the first part's. */
export function factsOf(path: string, parts: readonly string[], headers: readonly GgufHeader[]): ModelFacts {
  const tensors = headers.flatMap((header) => header.tensors);
  const [header] = headers as [GgufHeader];
  const { metadata } = header;
  const architecture = String(metadata.get('general.architecture') ?? '');
  const template = metadata.get('tokenizer.chat_template');
  const tokens = metadata.get('tokenizer.ggml.tokens');
  const types = metadata.get('tokenizer.ggml.token_type');
  return {
    path,
    parts,
    bytes: headers.reduce((sum, { fileBytes }) => sum + fileBytes, 0),
    tensorBytes: tensors.reduce((sum, tensor) => sum + (tensor.bytes ?? 0), 0),
    bytesByType: bytesByType(tensors),
    parameters: tensors.reduce((sum, { shape }) => sum + shape.reduce((product, n) => product * n, 1), 0),
    architecture,
    trainedContext: Number(metadata.get(`${architecture}.context_length`) ?? 0),
    chatTemplate: typeof template === 'string' && template.trim() !== '' ? template : null,
    metadata: scalars(header),
    tokenizerModel: String(metadata.get('tokenizer.ggml.model') ?? ''),
    tokens: Array.isArray(tokens) ? tokens.map(String) : [],
    tokenTypes: Array.isArray(types) ? types.map(Number) : [],
  };
}

function bytesByType(tensors: readonly GgufTensor[]): ReadonlyMap<number, number> {
  const sums = new Map<number, number>();
  for (const { type, bytes } of tensors) sums.set(type, (sums.get(type) ?? 0) + (bytes ?? 0));
  return sums;
}

/** Texts of the tokens that begin and end a sequence, as the file names them; '' where it names none. */
export function sequenceEnds({ metadata, tokens }: ModelFacts): { bosToken: string; eosToken: string } {
  const text = (end: 'bos' | 'eos'): string =>
    tokens[Number(metadata.get(`tokenizer.ggml.${end}_token_id`) ?? -1)] ?? '';
  return { bosToken: text('bos'), eosToken: text('eos') };
}

/**
 * Checks that the model writes text.
 * Throws `MODEL_UNUSABLE` for encoders (such as BERT), encoder-decoders, diffusion models and files without a
 * vocabulary: the message says what was found and what to do.
 */
export function requireTextDecoder(facts: ModelFacts): void {
  const { architecture, path } = facts;
  const refuse = (found: string, todo: string): PgenrmError =>
    new PgenrmError('MODEL_UNUSABLE', `${path} cannot be used as a judge: ${found}. ${todo}`);
  const decoder = 'Use an instruction-tuned text model (a decoder such as Llama, Qwen or Mistral).';
  if (architecture === '') throw refuse('its GGUF header names no architecture', decoder);
  const causal = facts.metadata.get(`${architecture}.attention.causal`);
  if (ENCODERS.has(architecture) || causal === 'false') {
    throw refuse(
      `its architecture ${architecture} is an encoder, which embeds text and writes none`,
      decoder,
    );
  }
  if (architecture === 't5') {
    throw refuse('its architecture t5 is an encoder-decoder, which takes no chat prompt', decoder);
  }
  if (DIFFUSION.has(architecture)) {
    throw refuse(`its architecture ${architecture} is a diffusion model, which has no next token`, decoder);
  }
  if (facts.tokens.length === 0 || ['none', 'no_vocab'].includes(facts.tokenizerModel)) {
    throw refuse('it has no vocabulary', 'Use the main file of the model, not a projector or an adapter.');
  }
}

function scalars({ metadata }: GgufHeader): Map<string, string> {
  const texts = new Map<string, string>();
  for (const [key, value] of metadata) if (typeof value !== 'object') texts.set(key, String(value));
  return texts;
}

// Vocabularies of made-up words for random models: every text can be written with them.
// Knows the GGUF keys of a tokenizer, nothing of weights.
import { PgenrmError } from '../../src/errors.js';
import type { MetadataValue } from './gguf-writer.js';

/** Control tokens of the made-up vocabularies; the last one ends a text. */
export const CONTROL_TOKENS = ['<|system|>', '<|user|>', '<|assistant|>', '<|end|>'] as const;

// GGUF token types.
const [NORMAL, UNKNOWN, CONTROL, USER_DEFINED, BYTE] = [1, 2, 3, 4, 6] as const;

// The printable character that stands for each byte in byte-level BPE vocabularies.
function byteCharacters(): string[] {
  const printable = (byte: number): boolean =>
    (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
  let moved = 256;
  return Array.from({ length: 256 }, (_, byte) => String.fromCodePoint(printable(byte) ? byte : moved++));
}

const LETTERS = [...'etaoinsrhldcumfpgwybvkxjqz'];

// Runs of letters, with and without a space before them, each the merge of two earlier tokens.
function* letterMerges(space: string): Generator<[left: string, right: string]> {
  for (const letter of LETTERS) yield [space, letter];
  for (let shorter = LETTERS; ; ) {
    const longer: string[] = [];
    for (const run of shorter) {
      for (const letter of LETTERS) {
        yield [run, letter];
        yield [`${space}${run}`, letter];
        longer.push(run + letter);
      }
    }
    shorter = longer;
  }
}

/** Tokens beside {@link CONTROL_TOKENS}; a text that spells one always is that token. */
export interface SpecialTokens {
  /** They show in texts. */
  readonly userDefined?: readonly string[];
  /** They leave no text, as the marks of thoughts of many models. */
  readonly control?: readonly string[];
}

class Vocabulary {
  readonly tokens: string[] = [];
  readonly types: number[] = [];
  readonly merges: string[] = [];
  readonly #room: number;
  readonly #special: readonly [text: string, type: number][];

  constructor(size: number, { userDefined = [], control = [] }: SpecialTokens, base: number) {
    this.#special = [
      ...CONTROL_TOKENS.map((text): [string, number] => [text, CONTROL]),
      ...control.map((text): [string, number] => [text, CONTROL]),
      ...userDefined.map((text): [string, number] => [text, USER_DEFINED]),
    ];
    this.#room = size - this.#special.length - base;
    if (this.#room < 0) {
      const least = this.#special.length + base;
      throw new PgenrmError('INVALID_OPTION', `vocabulary must be at least ${least}, got ${size}`);
    }
  }

  add(text: string, type: number): void {
    this.tokens.push(text);
    this.types.push(type);
  }

  /** Fills the room up with merges and ends with the special tokens; gives the metadata that all share. */
  close(space: string): Record<string, MetadataValue> {
    for (const [left, right] of letterMerges(space)) {
      if (this.merges.length >= this.#room) break;
      this.merges.push(`${left} ${right}`);
      this.add(left + right, NORMAL);
    }
    for (const [text, type] of this.#special) this.add(text, type);
    const end = this.tokens.indexOf('<|end|>');
    return {
      'tokenizer.ggml.tokens': { strings: this.tokens },
      'tokenizer.ggml.token_type': { i32: this.types },
      'tokenizer.ggml.bos_token_id': { u32: end },
      'tokenizer.ggml.eos_token_id': { u32: end },
      'tokenizer.ggml.add_bos_token': { bool: false },
    };
  }
}

/** A byte-level BPE vocabulary: 256 bytes, merges of letters, control and user-defined tokens. */
export function byteLevelVocabulary(size: number, special: SpecialTokens): Record<string, MetadataValue> {
  const bytes = byteCharacters();
  const vocabulary = new Vocabulary(size, special, bytes.length);
  for (const character of bytes) vocabulary.add(character, NORMAL);
  return {
    'tokenizer.ggml.model': { string: 'gpt2' },
    'tokenizer.ggml.pre': { string: 'gpt-2' },
    ...vocabulary.close('\u0120'),
    'tokenizer.ggml.merges': { strings: vocabulary.merges },
  };
}

/** A SentencePiece vocabulary: 256 bytes, letters and their runs, control and user-defined tokens. */
export function sentencePieceVocabulary(size: number, special: SpecialTokens): Record<string, MetadataValue> {
  const vocabulary = new Vocabulary(size, special, 258 + LETTERS.length);
  vocabulary.add('<unk>', UNKNOWN);
  for (let byte = 0; byte < 256; byte++) {
    vocabulary.add(`<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`, BYTE);
  }
  for (const text of ['\u2581', ...LETTERS]) vocabulary.add(text, NORMAL);
  const shared = vocabulary.close('\u2581');
  return {
    'tokenizer.ggml.model': { string: 'llama' },
    'tokenizer.ggml.pre': { string: 'default' },
    ...shared,
    // Of two possible merges the one of higher score is made: the earlier token's.
    'tokenizer.ggml.scores': { f32s: vocabulary.tokens.map((_, token) => -token) },
    'tokenizer.ggml.unknown_token_id': { u32: 0 },
  };
}

// The bytes that each token of a vocabulary writes, as llama.cpp writes them without special tokens:
// control and unknown tokens write nothing, user-defined ones their text.
import type { LlamaModel, Token } from 'node-llama-cpp';

const NOTHING = new Uint8Array();

// The byte that each printable stand-in of byte-level BPE means.
function byteOfCharacter(): Map<string, number> {
  const bytes = new Map<string, number>();
  let moved = 256;
  for (let byte = 0; byte < 256; byte++) {
    const printable = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
    bytes.set(String.fromCodePoint(printable ? byte : moved++), byte);
  }
  return bytes;
}

/** Bytes of tokens, worked out as they are asked for. */
export class TokenPieces {
  private readonly pieces = new Map<number, Uint8Array>();
  private readonly bytes = byteOfCharacter();
  private readonly byteLevel: boolean;
  private readonly spelled: boolean;
  private byText: Map<string, number> | undefined;

  /** `tokens` holds the vocabulary's texts by id; `tokenizerModel` is the GGUF's `tokenizer.ggml.model`. */
  constructor(
    private readonly model: LlamaModel,
    private readonly tokens: readonly string[],
    tokenizerModel: string,
  ) {
    this.byteLevel = tokenizerModel === 'gpt2';
    this.spelled = tokenizerModel === 'llama' || tokenizerModel === 't5' || tokenizerModel === 'bert';
  }

  /** The bytes that `token` writes; may be part of a character only. */
  of(token: number): Uint8Array {
    let piece = this.pieces.get(token);
    if (piece === undefined) {
      piece = this.read(token);
      this.pieces.set(token, piece);
    }
    return piece;
  }

  /** Tokens that write exactly `text`: at each place the longest one that fits. */
  spell(text: string): number[] {
    this.byText ??= this.index();
    const bytes = Buffer.from(text);
    const spelling: number[] = [];
    for (let at = 0; at < bytes.length; ) {
      let length = bytes.length - at;
      let token: number | undefined;
      for (; length > 0; length--) {
        token = this.byText.get(bytes.toString('latin1', at, at + length));
        if (token !== undefined) break;
      }
      if (token === undefined) return [];
      spelling.push(token);
      at += length;
    }
    return spelling;
  }

  private index(): Map<string, number> {
    const byText = new Map<string, number>();
    for (let token = 0; token < this.tokens.length; token++) {
      const key = Buffer.from(this.of(token)).toString('latin1');
      if (key !== '' && !byText.has(key)) byText.set(key, token);
    }
    return byText;
  }

  private read(token: number): Uint8Array {
    const text = this.tokens[token];
    const attributes = this.model.getTokenAttributes(token as Token);
    if (text === undefined || attributes.control || attributes.unknown) return NOTHING;
    if (!this.byteLevel && !this.spelled) {
      return Buffer.from(this.model.detokenize([token as Token], false));
    }
    if (attributes.userDefined) return Buffer.from(text);
    const byte = attributes.byte ? /^<0x([0-9A-Fa-f]{2})>$/.exec(text) : null;
    if (byte !== null) return Uint8Array.of(Number.parseInt(byte[1]!, 16));
    if (!attributes.normal) return NOTHING;
    if (!this.byteLevel) return Buffer.from(text.replaceAll('\u2581', ' '));
    const piece: number[] = [];
    for (const character of text) {
      const value = this.bytes.get(character);
      if (value === undefined) piece.push(...Buffer.from(character));
      else piece.push(value);
    }
    return Uint8Array.from(piece);
  }
}

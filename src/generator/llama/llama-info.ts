// What the generators on llama.cpp in this process have in common: what they can do, and what they tell of themselves.
// Knows the generator's interface; nothing of how tokens are decoded.

import type {
  Capabilities,
  Generation,
  GenerationRequest,
  Generator,
  GeneratorInfo,
  Prompt,
} from '../generator.js';

export const LLAMA_CAPABILITIES: Capabilities = {
  seeds: true,
  keepsDataText: true,
  grammar: true,
  minTokens: true,
  streaming: true,
  plans: true,
  embeddings: true,
};

/** `GeneratorInfo.details` of a generator on llama.cpp. */
export type LlamaDetails = {
  /** Samples that decode at once, in a worker where there are several. */
  readonly maxSequences: number;
  /** Of the CPU backend. */
  readonly threads: number;
};

/** The details of a generator on llama.cpp; null of another one. */
export function llamaDetails({ kind, details }: GeneratorInfo): LlamaDetails | null {
  return kind === 'native' || kind === 'portable' ? (details as LlamaDetails) : null;
}

/** A request without its prompt, which comes as tokens beside it. */
export type TokenRequest = Omit<GenerationRequest, 'prompt'>;

/** A generator that tells the tokens of a prompt, and takes tokens for one. */
export interface TokenGenerator extends Generator {
  /** Shape [promptTokens]. Throws `DISPOSED`. */
  tokensOf(prompt: Prompt): Int32Array;
  /** As `generate`, for a prompt that may hold any tokens, shape [promptTokens]; `INVALID_OPTION` for what is no token. */
  generateFrom(tokens: Int32Array, request: TokenRequest): Promise<Generation>;
}

/** The generator where it tells tokens; else null. */
export function telling(generator: Generator): TokenGenerator | null {
  return 'tokensOf' in generator ? (generator as TokenGenerator) : null;
}

// What lanes know of the model that they decode, and options of node-llama-cpp's sampling that they share.
// Knows no sequence and no request.
import type { LlamaContextSequenceRepeatPenalty, LlamaModel, Token } from 'node-llama-cpp';
import type { TokenPieces } from './token-pieces.js';

/** What a lane needs to know of the model that it decodes. */
export interface LaneModel {
  readonly model: LlamaModel;
  readonly pieces: TokenPieces;
  readonly contextTokens: number;
  readonly vocabularyTokens: number;
  /** Tokens that end a generation. */
  readonly endTokens: readonly Token[];
}

/** llama.cpp reads the largest seed as "draw one at random": another one stands for it. */
export function seedOf(seed: number): number {
  return seed === RANDOM_SEED ? 0x9e3779b9 : seed;
}

/** Options that keep tokens which end a generation from being drawn while `bars` says so. */
export function barringEnd(
  endTokens: readonly Token[],
  bars: () => boolean,
): { repeatPenalty: LlamaContextSequenceRepeatPenalty } {
  return {
    // A token bias would not do: node-llama-cpp leaves the tokens that end a generation out of it.
    repeatPenalty: {
      punishTokens: () => (bars() ? [...endTokens] : []),
      maxPunishTokens: Math.max(1, endTokens.length),
      penalty: 1,
      presencePenalty: BARRED,
    },
  };
}

// More than any logit: what is punished so is not drawn while anything else can be.
const BARRED = 1e9;

// llama.cpp reads this seed as "draw one at random".
const RANDOM_SEED = 2 ** 32 - 1;

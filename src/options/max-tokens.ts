// How many new tokens a chain may have where nobody says: what the model's metadata states, within the context.
// Knows ranges and the metadata key; nothing of generators or chains.

import { PgenrmError } from '../errors.js';
import { describeRange, inRange, JUDGE_RANGES } from './option-range.js';

/** The paper's bound on new tokens a chain. */
export const DEFAULT_MAX_TOKENS = 3072;

/** GGUF metadata key by which a model says how many new tokens its chains need at most. */
export const MAX_TOKENS_METADATA_KEY = 'pgenrm.max_tokens';

/**
 * New tokens a chain where nothing else is asked for: what the model's metadata says, else
 * {@link DEFAULT_MAX_TOKENS}, and half of `contextTokens` at most.
 *
 * Errors: `MODEL_UNUSABLE` where the metadata holds no whole number in range.
 */
export function defaultMaxTokens(contextTokens: number, metadata: ReadonlyMap<string, string>): number {
  const stated = metadata.get(MAX_TOKENS_METADATA_KEY);
  const wish = stated === undefined ? DEFAULT_MAX_TOKENS : Number(stated);
  if (!inRange(wish, JUDGE_RANGES.maxTokens)) {
    throw new PgenrmError(
      'MODEL_UNUSABLE',
      `the model's metadata key ${MAX_TOKENS_METADATA_KEY} must hold ${describeRange(JUDGE_RANGES.maxTokens)}; got '${stated}'`,
    );
  }
  return Math.max(1, Math.min(wish, Math.floor(contextTokens / 2)));
}

// Chooses whether a model's file is mapped into memory or read.
import type { ModelFacts } from '../../model-file/model-facts.js';

/** The choice, with its reason where it is not llama.cpp's own. */
export interface WeightPlan {
  readonly maps: boolean;
  readonly reasons: readonly string[];
}

/** Share of the weights from which on a copy of them makes the file's own pages a waste. */
const MOST = 0.5;

/**
 * A CPU that copies weights into an order of its own needs the file's pages for nothing after that, and mapped they would
 * stay in memory beside the copy. `repackedTypes`: ggml type numbers of weights that are copied.
 */
export function planWeights(
  { bytesByType, tensorBytes }: Pick<ModelFacts, 'bytesByType' | 'tensorBytes'>,
  repackedTypes: readonly number[],
  onGpu: boolean,
): WeightPlan {
  const copied = repackedTypes.reduce((sum, type) => sum + (bytesByType.get(type) ?? 0), 0);
  if (onGpu || copied <= MOST * tensorBytes) return { maps: true, reasons: [] };
  return {
    maps: false,
    reasons: ['weights: read, not mapped, for the CPU keeps them in an order of its own'],
  };
}

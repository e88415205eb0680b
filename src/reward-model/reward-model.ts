// The facade on Node: finds and loads a model, and judges responses for a user.
// Knows where models, kernels and templates come from here; what a reward model does is `base-reward-model.ts`.

import type { Generator } from '../generator/generator.js';
import { loadKernels } from '../native/choose-kernels.js';
import { BaseRewardModel } from './base-reward-model.js';
import { checkObject } from './judge-settings.js';
import type { LoadOptions } from './load/load-options.js';
import { loadParts } from './load/load-parts.js';
import type { OverOptions } from './load/over-options.js';
import { type Platform, rewardParts } from './reward-parts.js';

export type { JudgeManyOptions } from './base-reward-model.js';
export type { LoadOptions, LoadProgress } from './load/load-options.js';
export { GENERATOR_CHOICES, GPU_CHOICES, LOAD_RANGES, namesFile } from './load/load-options.js';
export type { OverOptions } from './load/over-options.js';

/** Each is loaded where it is needed: a template or a renderer of one's own needs no files and no worker threads. */
const NODE: Platform = {
  loadKernels,
  renderChatTemplate: async (source, options, signal) =>
    (await import('../template-guard/render-guarded.js')).renderGuarded(source, options, signal),
  resolveTemplate: async (name) =>
    (await import('../template-files/resolve-template.js')).resolveTemplate(name),
};

/**
 * A model that judges replies as one user would (P-GenRM, arXiv 2602.12116).
 *
 * Call `close()` in the end, or write `await using model = await RewardModel.load()`.
 */
export class RewardModel extends BaseRewardModel {
  /**
   * Finds and loads a model.
   *
   * Errors: `INVALID_OPTION`, `MODEL_NOT_FOUND`, `MODEL_UNUSABLE` (damaged, no text decoder, chat template unusable),
   * `TEMPLATE_INVALID`, `GENERATOR_UNAVAILABLE`, `LIBRARY_MISMATCH`, `OUT_OF_MEMORY`; with a bank also
   * `INPUT_NOT_FOUND`, `BANK_DAMAGED`, `BANK_MISMATCH` (the embedder is not the one that the bank was built with) and
   * `KERNELS_UNAVAILABLE`. Rejects with the signal's reason where it aborts.
   */
  static async load(options: LoadOptions = {}): Promise<RewardModel> {
    checkObject('options', options);
    const { generator, ...rest } = await loadParts(options);
    try {
      return await RewardModel.over(generator, { ...rest, ownsBank: true });
    } catch (error) {
      await generator[Symbol.asyncDispose]();
      await rest.embedder?.[Symbol.asyncDispose]();
      await rest.bank?.close();
      throw error;
    }
  }

  /**
   * Makes a reward model of a generator that is loaded already.
   *
   * Errors: `TEMPLATE_INVALID`, `MODEL_UNUSABLE` where the model's chat template cannot be used, `INVALID_OPTION` for a
   * bank without embedder or an embedder without bank, `BANK_MISMATCH` where the bank was built with another embedder,
   * `KERNELS_UNAVAILABLE`. A bank of another judge or template is taken: what it holds are embeddings.
   */
  static async over(generator: Generator, options: OverOptions = {}): Promise<RewardModel> {
    return new RewardModel(await rewardParts(generator, options, NODE));
  }
}

// A judge in this process: a loaded `RewardModel`, and an embedder where there is one.
// Knows the library; nothing of HTTP.

import { basename } from 'node:path';
import type { Embedder } from '../../generator/embedder.js';
import { chainsAtOnce } from '../../reward-model/judge-settings.js';
import type { JudgeOptions } from '../../reward-model/judgment.js';
import type { RewardModel } from '../../reward-model/reward-model.js';
import type { Judging } from './judging.js';

/** Makes a judge of a model; both are closed with it. `judge`: the options that requests judge with where they do not say. */
export function localJudging(
  model: RewardModel,
  {
    judge = {},
    embedder = null,
  }: { readonly judge?: JudgeOptions; readonly embedder?: Embedder | null } = {},
): Judging {
  return {
    modelName: basename(model.modelInfo.name).replace(/\.gguf$/i, ''),
    // One that waits beside each that runs: it is prompted while the other one decodes.
    concurrency: Math.min(64, 2 * model.concurrencyFor(chainsAtOnce(model.settings(judge)))),
    judge: (input, options) => model.judge(input, options),
    embed: embedder === null ? null : (texts, signal) => embedder.embed(texts, { signal }),
    async close() {
      await embedder?.[Symbol.asyncDispose]();
      await model.close();
    },
  };
}

// The formats whose rows are one exchange: PersonalRewardBench, TRL and RewardBench.
// Knows their field names; the reading of an exchange is shared.

import { isAbsent } from './fields.js';
import type { Format } from './format.js';
import { COMMON_FIELDS, hasReplies, readExchangeRow } from './format.js';

const TRL_PROMPTS = ['prompt', 'query', 'question', 'conversations'] as const;

/** PersonalRewardBench: `context` turns, `chosen` and `rejected` turns, or `responses` without label. */
export const personalRewardBench: Format = {
  name: 'personal-reward-bench',
  fields: [...COMMON_FIELDS, 'context'],
  needs: 'context, chosen, rejected (or responses in place of the pair); user_id and split are used',
  fits: (row) => !isAbsent(row.context) && hasReplies(row),
  read: (row) => [readExchangeRow(row, ['context'])],
};

/** RewardBench: `prompt`, `chosen`, `rejected`, `subset`. */
export const rewardBench: Format = {
  name: 'reward-bench',
  fields: [...COMMON_FIELDS, 'prompt'],
  needs: 'prompt, chosen, rejected, subset',
  fits: (row) => !isAbsent(row.prompt) && !isAbsent(row.subset) && hasReplies(row),
  read: (row) => [readExchangeRow(row, ['prompt'])],
};

/**
 * TRL: `prompt`, `chosen`, `rejected` as texts or turn lists; the prompt may stand inside both lists, or in ShareGPT's
 * `conversations`.
 */
export const trl: Format = {
  name: 'trl',
  fields: [...COMMON_FIELDS, ...TRL_PROMPTS],
  needs: 'chosen, rejected with a prompt (or the prompt inside both); user_id and history are used',
  fits: (row) => hasReplies(row),
  read: (row) => [readExchangeRow(row, TRL_PROMPTS)],
};

// What trainers send and read: OpenRLHF's remote reward, verl's classifier client, slime's and miles' remote reward.
// Schemas only; fields that are not ours are let through.

import { z } from 'zod';
import { COMPARISON, SITUATION, USER } from './common.js';

const TEXTS = z.array(z.string()).min(1);

/** What OpenRLHF's `labels` hold as a JSON text; a text that is no JSON object is the id of a stored user. */
export const LABEL = z.strictObject({
  user: USER.optional(),
  ...SITUATION,
  groupSize: z.int().min(1).max(256).optional(),
});

export const GET_REWARD_REQUEST = z
  .looseObject({
    query: TEXTS.describe('Prompt and response in one text each.'),
    prompts: TEXTS,
    labels: z.array(z.string().nullable()).optional(),
  })
  .refine(({ query, prompts }) => query.length === prompts.length, {
    message: 'query and prompts must have the same length',
    path: ['prompts'],
  })
  .refine(({ query, labels }) => labels === undefined || labels.length === query.length, {
    message: 'labels must have the length of query',
    path: ['labels'],
  });

const NUMBERS = z.array(z.number());

export const GET_REWARD_ANSWER = z.object({
  rewards: NUMBERS.describe('(score - 1) / 9, from 0 to 1.'),
  scores: NUMBERS.describe('The same; OpenRLHF filters by them.'),
  extra_logs: z.object({
    raw_score: NUMBERS.describe('1 to 10.'),
    group_size: NUMBERS.describe('Candidates of the comparison.'),
    lost_chains: NUMBERS,
  }),
});

export const CLASSIFY_REQUEST = z.looseObject({
  model: z.string().optional(),
  input: z
    .union([z.string(), TEXTS])
    .describe('A conversation as a chat template writes it; the last turn is the candidate.'),
  use_activation: z.boolean().nullish(),
  user: USER.optional(),
  groupSize: z.int().min(1).max(256).optional(),
});

export const CLASSIFY_ANSWER = z.object({
  id: z.string(),
  object: z.literal('list'),
  created: z.int(),
  model: z.string(),
  data: z.array(
    z.object({
      index: z.int(),
      label: z.string(),
      probs: NUMBERS.describe('One number: (score - 1) / 9, from 0 to 1.'),
      num_classes: z.int(),
      raw_score: z.number(),
      comparison: COMPARISON,
    }),
  ),
  usage: z.object({ prompt_tokens: z.int(), total_tokens: z.int() }),
});

export type GetRewardRequest = z.infer<typeof GET_REWARD_REQUEST>;
export type GetRewardAnswer = z.infer<typeof GET_REWARD_ANSWER>;
export type ClassifyRequest = z.infer<typeof CLASSIFY_REQUEST>;
export type ClassifyAnswer = z.infer<typeof CLASSIFY_ANSWER>;

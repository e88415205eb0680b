// What `/v1/judge` and `/v1/rank` take and answer.
// Schemas only.

import { z } from 'zod';
import { COMPARISON, COST, FAILURE, JUDGE_OPTIONS, SITUATION, USER } from './common.js';

const INPUT_FIELDS = {
  id: z.string().max(500).optional().describe('Names the item and fixes its seeds.'),
  user: USER.optional().describe('Absent: a user of whom nothing is known.'),
  ...SITUATION,
  candidates: z.array(z.string()).min(1),
  groupSize: z
    .int()
    .min(1)
    .max(256)
    .optional()
    .describe('Of a single candidate: how many requests will come for this user and prompt.'),
};

/** One item to judge, or several under `inputs`. */
export const JUDGE_REQUEST = z
  .strictObject({
    ...INPUT_FIELDS,
    candidates: INPUT_FIELDS.candidates.optional(),
    inputs: z.array(z.strictObject(INPUT_FIELDS)).min(1).optional(),
    options: JUDGE_OPTIONS.optional(),
    chains: z.boolean().optional().describe('Whether the answer holds the chains.'),
    stream: z.boolean().optional().describe('Answer with server-sent events, one a chain.'),
  })
  .refine((body) => (body.inputs === undefined) !== (body.candidates === undefined), {
    message: 'give either candidates (one item) or inputs (several)',
  });

export const RANK_REQUEST = z.strictObject({
  ...INPUT_FIELDS,
  topN: z.int().min(1).optional().describe('Most candidates in the answer; default all.'),
  options: JUDGE_OPTIONS.optional(),
});

const CHAIN = z.object({
  comparison: z.int().describe('Number of the judgment, from 0.'),
  level: z.enum(['individual', 'prototype']),
  index: z.int(),
  seed: z.int(),
  order: z.array(z.int()).describe('Candidate shown at each position of its prompt.'),
  text: z.string(),
  scores: z.array(z.number()).nullable(),
  lost: z.string().nullable(),
  tokens: z.int(),
});

export const JUDGED = z.object({
  id: z.string().optional(),
  model: z.string(),
  scores: z.array(z.number()).describe('1 to 10, in the order of the candidates.'),
  rewards: z.array(z.number()).describe('(score - 1) / 9, from 0 to 1.'),
  winner: z.int().nullable().describe('Null on a tie.'),
  tie: z.boolean(),
  uncertainty: z.unknown().describe('As in the library; null where several comparisons were made.'),
  usable: z.int(),
  lost: z.record(z.string(), z.int()),
  usedEvents: z.int().describe('Fewest events of the history that a prompt showed.'),
  droppedEvents: z.int().describe('Most events for which a prompt had no room.'),
  comparison: COMPARISON,
  cost: COST,
  chains: z.array(CHAIN).optional(),
});

export const JUDGED_MANY = z.object({
  results: z.array(
    z.union([
      z.object({ index: z.int(), ...JUDGED.shape }),
      z.object({ index: z.int(), error: FAILURE.shape.error }),
    ]),
  ),
});

export const JUDGE_ANSWER = z.union([JUDGED, JUDGED_MANY]);

const RANKED = z.object({
  index: z.int(),
  candidate: z.string(),
  score: z.number(),
  reward: z.number(),
  rank: z.int().describe('From 1; equal scores share a rank.'),
});

export const RANK_ANSWER = z.object({
  id: z.string().optional(),
  model: z.string(),
  best: RANKED,
  tie: z.boolean().describe('Whether another candidate has the score of the best.'),
  ranked: z.array(RANKED),
  comparison: COMPARISON,
  cost: COST,
});

export type JudgeRequest = z.infer<typeof JUDGE_REQUEST>;
export type RankRequest = z.infer<typeof RANK_REQUEST>;
export type Judged = z.infer<typeof JUDGED>;
export type RankAnswer = z.infer<typeof RANK_ANSWER>;

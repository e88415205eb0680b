// What the rerank endpoints take and answer: the union of what vLLM's, Jina's and Cohere's clients send and read.
// Schemas only; fields that are not ours are let through, as those servers do.

import { z } from 'zod';
import { COMPARISON, COST, JUDGE_OPTIONS, USER } from './common.js';

const DOCUMENT = z.union([z.string(), z.looseObject({ text: z.string() })]);

export const RERANK_REQUEST = z.looseObject({
  model: z.string().optional(),
  query: z.string().min(1),
  documents: z.array(DOCUMENT).min(1),
  top_n: z.int().min(0).nullish().describe('Most results; 0 or absent: all.'),
  return_documents: z.boolean().nullish().describe('Default true.'),
  instruction: z.string().nullish().describe('Shown as a system turn before the query.'),
  max_tokens_per_doc: z.int().min(1).nullish().describe('Not applied: documents are judged whole.'),
  user: USER.optional().describe('For whom to rank: the extra field of a personalized reranker.'),
  options: JUDGE_OPTIONS.optional(),
});

export const RERANK_ANSWER = z.object({
  id: z.string(),
  model: z.string(),
  usage: z.object({ prompt_tokens: z.int(), total_tokens: z.int() }),
  results: z.array(
    z.object({
      index: z.int(),
      document: z.object({ text: z.string() }).optional(),
      relevance_score: z.number().describe('(score - 1) / 9, from 0 to 1.'),
      raw_score: z.number().describe('1 to 10.'),
    }),
  ),
  meta: z.object({
    api_version: z.object({ version: z.string() }),
    billed_units: z.object({ search_units: z.int() }),
    warnings: z.array(z.string()).optional(),
  }),
  comparison: COMPARISON,
  cost: COST,
});

export type RerankRequest = z.infer<typeof RERANK_REQUEST>;
export type RerankAnswer = z.infer<typeof RERANK_ANSWER>;

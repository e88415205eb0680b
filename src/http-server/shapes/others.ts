// What the embedding, user and operation endpoints take and answer.
// Schemas only.

import { z } from 'zod';
import { TURN, USER_ID } from './common.js';

export const EMBEDDINGS_REQUEST = z.looseObject({
  model: z.string().optional(),
  input: z.union([z.string().min(1), z.array(z.string().min(1)).min(1)]),
  encoding_format: z.enum(['float', 'base64']).nullish(),
  dimensions: z.int().min(1).nullish().describe('Only the embedder’s own number is taken.'),
});

export const EMBEDDINGS_ANSWER = z.object({
  object: z.literal('list'),
  model: z.string(),
  data: z.array(
    z.object({
      object: z.literal('embedding'),
      index: z.int(),
      embedding: z.union([
        z.array(z.number()),
        z.string().describe('base64 of 32-bit floats, little-endian'),
      ]),
    }),
  ),
});

export const STORED_USER = z.object({
  id: USER_ID,
  version: z.int(),
  criteria: z.string().optional(),
  history: z.array(
    z.object({
      context: z.array(TURN),
      chosen: z.string(),
      rejected: z.string(),
      chosenScore: z.number().optional(),
      rejectedScore: z.number().optional(),
    }),
  ),
});

export const USER_WRITTEN = z.object({ id: USER_ID, version: z.int(), events: z.int() });
export const USER_FORGOTTEN = z.object({ id: USER_ID, forgotten: z.literal(true) });

export const HEALTH = z.object({
  status: z.enum(['loading', 'ok', 'stopping', 'failed']),
  version: z.string(),
  model: z.string().nullable(),
  waiting: z.int().describe('Comparisons that wait for their turn.'),
  running: z.int(),
});

export type EmbeddingsRequest = z.infer<typeof EMBEDDINGS_REQUEST>;
export type EmbeddingsAnswer = z.infer<typeof EMBEDDINGS_ANSWER>;

// Parts that many requests share: turns, users, judge options, what a comparison cost.
// Schemas only; ranges are those of the library.

import { z } from 'zod';
import { DECODING_CHOICES, READOUT_CHOICES } from '../../guided/decoding.js';
import { JUDGE_RANGES, type NumberRange } from '../../options/option-range.js';
import { GRAMMAR_CHOICES, RETRIEVAL_CHOICES, SCORE_PREFERENCES } from '../../reward-model/judgment.js';
import { AGGREGATE_METHOD_CHOICES } from '../../scaling/aggregate-levels.js';
import { NEIGHBOUR_WEIGHTS } from '../../scaling/neighbour-weights.js';

/** A number within one of the library's ranges. */
function within({ integer, min, max, aboveMin }: NumberRange) {
  const number = integer ? z.int() : z.number();
  return (aboveMin === true ? number.gt(min) : number.min(min)).max(max);
}

export const TURN = z.strictObject({
  role: z.enum(['system', 'user', 'assistant']),
  content: z.string(),
});

const PROMPT = z.string().describe('One turn of the user; give this or context, not both.');
const CONTEXT = z.array(TURN).min(1).describe('The conversation; its last turn is the query.');

/** Where candidates reply to: a prompt or a conversation. */
export const SITUATION = { prompt: PROMPT.optional(), context: CONTEXT.optional() };

/** A choice of the user: an event of their history. */
export const CHOICE = z
  .strictObject({
    ...SITUATION,
    chosen: z.string(),
    rejected: z.string(),
    chosenScore: z.number().optional(),
    rejectedScore: z.number().optional(),
  })
  .refine(({ prompt, context }) => (prompt === undefined) !== (context === undefined), {
    message: 'give either prompt or context',
  });

/** Name of a stored user. */
export const USER_ID = z
  .string()
  .min(1)
  .max(200)
  .refine((id) => !/\p{Cc}|\p{Cs}/u.test(id), {
    message: 'an id holds no control characters and no half characters',
  });

export const USER_BODY = z.strictObject({
  history: z.array(CHOICE).default([]).describe('Choices of the user, oldest first.'),
  criteria: z.string().optional().describe('What the user states to want, in free text.'),
});

const INLINE_USER = z.strictObject({ id: USER_ID.optional(), ...USER_BODY.shape });

/** The id of a stored user, or all that is known of one. */
export const USER = z
  .union([USER_ID, INLINE_USER])
  .describe('The id of a stored user, or an object with history and criteria.');

export const JUDGE_OPTIONS = z.strictObject({
  individual: within(JUDGE_RANGES.individual).optional(),
  prototypes: within(JUDGE_RANGES.prototypes).optional(),
  retrieveBy: z.enum(RETRIEVAL_CHOICES).optional(),
  includeSelf: z.boolean().optional(),
  aggregate: z
    .strictObject({
      method: z.enum(AGGREGATE_METHOD_CHOICES).optional(),
      trim: within(JUDGE_RANGES.trim).optional(),
      individualShare: within(JUDGE_RANGES.individualShare).optional(),
      neighbourWeights: z.enum(NEIGHBOUR_WEIGHTS).optional(),
    })
    .optional(),
  adaptive: within(JUDGE_RANGES.adaptive).optional(),
  seed: within(JUDGE_RANGES.seed).optional(),
  temperature: within(JUDGE_RANGES.temperature).optional(),
  topP: within(JUDGE_RANGES.topP).optional(),
  minP: within(JUDGE_RANGES.minP).optional(),
  maxTokens: within(JUDGE_RANGES.maxTokens).optional(),
  historyEvents: within(JUDGE_RANGES.historyEvents).optional(),
  decoding: z.enum(DECODING_CHOICES).optional(),
  readout: z.enum(READOUT_CHOICES).optional(),
  grammar: z.enum(GRAMMAR_CHOICES).optional(),
  prefer: z.enum(SCORE_PREFERENCES).optional(),
  attempt: within(JUDGE_RANGES.attempt).optional(),
});

export const COST = z.object({
  comparisons: z.int().describe('Judgments that were made.'),
  chains: z.int().describe('Chains that were written, lost ones among them.'),
  promptTokens: z.int(),
  decodedPromptTokens: z.int().describe('Prompt tokens that no earlier prompt had decoded.'),
  generatedTokens: z.int(),
});

/** How the candidates were compared. */
export const COMPARISON = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('whole').describe('All candidates in one prompt.') }),
  z.object({
    kind: z.literal('gathered').describe('With candidates of other requests for the same user and prompt.'),
    group: z.string(),
    size: z.int().describe('Different candidates in the comparison.'),
    requests: z.int().describe('Requests that it answers.'),
    position: z.int().describe('Place of this candidate, from 0.'),
  }),
  z.object({
    kind: z.literal('anchored').describe("With responses of the user's own history."),
    anchors: z.array(
      z.object({
        event: z.int().describe('Index into the history.'),
        which: z.enum(['chosen', 'rejected']),
        score: z.number(),
      }),
    ),
  }),
  z.object({
    kind: z.literal('groups').describe('In overlapping groups with shared anchors.'),
    seed: z.int(),
    anchors: z.array(z.int()).describe('Candidates that every group holds.'),
    groups: z.array(
      z.object({
        candidates: z.array(z.int()),
        scores: z.array(z.number()).describe('As the chains of this group stated them.'),
        shift: z.number().describe('Added to them, so that the anchors agree over the groups.'),
      }),
    ),
  }),
]);

/** Body of every answer that is a failure. */
export const FAILURE = z.object({
  error: z.object({
    code: z.string(),
    message: z.string(),
    param: z.string().nullable().describe('The field that does not fit.'),
  }),
  message: z.string().describe("The error's message once more, where some clients look for it."),
});

export type Comparison = z.infer<typeof COMPARISON>;
export type Cost = z.infer<typeof COST>;
export type GivenUser = z.infer<typeof USER>;
export type GivenOptions = z.infer<typeof JUDGE_OPTIONS>;

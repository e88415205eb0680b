// Plans on SGLang: tokens drawn with /generate, and choices weighed by `token_ids_logprob`.
// Written from the sources of 0.5.23.

import { brokeOff, countOr, fieldsOf, textOr, wrongAnswer } from './dialect.js';
import type { DrawAsk, Drawn, PlanDialect } from './plan-dialect.js';
import { checkDrawn, tokenPlans } from './token-plans.js';

/** Sampling parameters that every request has, for the server may have been started with others. */
export const SGLANG_FIXED = {
  n: 1,
  top_k: -1,
  repetition_penalty: 1,
  presence_penalty: 0,
  frequency_penalty: 0,
  no_stop_trim: false,
  ignore_eos: false,
  spaces_between_special_tokens: false,
} as const;

/** Less than any logit. */
const NEVER = -1e6;

export function sglangPlans(model: string): PlanDialect {
  return tokenPlans({
    engine: 'SGLang',
    model,
    decoding: { fields: { skip_special_tokens: true }, text: 'text' },
    drawing: {
      path: '/generate',
      body: ({ ids, seed, sampling, maxTokens, stop, grammar, mayEnd, never }) => ({
        input_ids: ids,
        sampling_params: {
          ...SGLANG_FIXED,
          max_new_tokens: maxTokens,
          sampling_seed: seed,
          temperature: sampling.temperature,
          top_p: sampling.topP,
          min_p: sampling.minP,
          stop,
          skip_special_tokens: true,
          ...(mayEnd ? {} : { min_new_tokens: maxTokens }),
          ...(never.length === 0
            ? {}
            : { logit_bias: Object.fromEntries(never.map((token) => [token, NEVER])) }),
          ...(grammar === undefined ? {} : { ebnf: grammar }),
        },
        stream: false,
      }),
    },
    drawn,
    weighing: {
      path: '/generate',
      // Unless it was started with SGLANG_RETURN_ORIGINAL_LOGPROB.
      scales: true,
      body: (ids, tokens, temperature) => ({
        input_ids: ids,
        sampling_params: {
          ...SGLANG_FIXED,
          max_new_tokens: 1,
          sampling_seed: 0,
          temperature,
          top_p: 1,
          min_p: 0,
        },
        return_logprob: true,
        token_ids_logprob: tokens,
        stream: false,
      }),
      read(answer, before) {
        const meta = metaOf(answer, before);
        const [told] = listOf(meta.output_token_ids_logprobs);
        const [own] = listOf(meta.output_token_logprobs);
        const drawn = listOf(own)[0];
        if (!Array.isArray(told) || typeof drawn !== 'number')
          throw wrongAnswer('log-probabilities', meta.output_token_ids_logprobs ?? null);
        const logits = new Map(told.map((pair) => [listOf(pair)[1] as number, listOf(pair)[0] as number]));
        return { logits, drawn };
      },
    },
  });
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function metaOf(answer: unknown, before: number): Readonly<Record<string, unknown>> {
  const meta = fieldsOf(fieldsOf(answer).meta_info);
  const { type, message } = fieldsOf(meta.finish_reason);
  if (type === 'abort') throw brokeOff(textOr(message, 'no reason'));
  if (meta.prompt_tokens !== before)
    throw wrongAnswer(`${before} tokens before those asked for`, meta.prompt_tokens ?? null);
  return meta;
}

function drawn(answer: unknown, ask: DrawAsk): Drawn {
  const { finish_reason: reason, cached_tokens: cached } = metaOf(answer, ask.ids.length);
  const { type, matched } = fieldsOf(reason);
  if (type !== 'stop' && type !== 'length')
    throw wrongAnswer('a finish_reason of stop or length', reason ?? null);
  const finish = type === 'length' ? 'length' : typeof matched === 'string' ? 'stop' : 'end';
  const { output_ids: tokens } = fieldsOf(answer);
  const last = listOf(tokens).at(-1);
  return checkDrawn(tokens, finish, finish === 'end' && last === matched, ask, countOr(cached));
}

// Plans on vLLM: tokens drawn with /v1/completions, and choices weighed by `logprob_token_ids`.
// Written from the sources of 0.33.

import { countOr, fieldsOf, wrongAnswer } from './dialect.js';
import type { DrawAsk, Drawn, PlanDialect } from './plan-dialect.js';
import { checkDrawn, tokenPlans } from './token-plans.js';

/** Sent with every request, for the server may have been started with others. */
export const VLLM_FIXED = {
  n: 1,
  top_k: 0,
  repetition_penalty: 1,
  presence_penalty: 0,
  frequency_penalty: 0,
  include_stop_str_in_output: false,
  ignore_eos: false,
  add_special_tokens: false,
  spaces_between_special_tokens: false,
} as const;

/** The least that a bias can be. */
const NEVER = -100;

export function vllmPlans(model: string): PlanDialect {
  return tokenPlans({
    engine: 'vLLM',
    model,
    decoding: { fields: {}, text: 'prompt' },
    drawing: {
      path: '/v1/completions',
      body: ({ ids, seed, sampling, maxTokens, stop, grammar, mayEnd, never }) => ({
        model,
        prompt: ids,
        ...VLLM_FIXED,
        max_tokens: maxTokens,
        seed,
        temperature: sampling.temperature,
        top_p: sampling.topP,
        min_p: sampling.minP,
        stop,
        skip_special_tokens: true,
        return_token_ids: true,
        stream: false,
        ...(mayEnd ? {} : { min_tokens: maxTokens }),
        ...(never.length === 0
          ? {}
          : { logit_bias: Object.fromEntries(never.map((token) => [token, NEVER])) }),
        ...(grammar === undefined ? {} : { structured_outputs: { grammar } }),
      }),
    },
    drawn,
    weighing: {
      path: '/v1/completions',
      scales: false,
      body: (ids, tokens, temperature) => ({
        model,
        prompt: ids,
        ...VLLM_FIXED,
        max_tokens: 1,
        seed: 0,
        temperature,
        top_p: 1,
        min_p: 0,
        logprobs: 1,
        logprob_token_ids: tokens,
        return_tokens_as_token_ids: true,
        stream: false,
      }),
      read(answer, before) {
        const { logprobs } = choiceOf(answer, before);
        const { top_logprobs: top, token_logprobs: own } = fieldsOf(logprobs);
        if (!Array.isArray(top) || !Array.isArray(own) || typeof own[0] !== 'number')
          throw wrongAnswer('log-probabilities', logprobs ?? null);
        const logits = new Map<number, number>();
        for (const [name, logit] of Object.entries(fieldsOf(top[0])))
          logits.set(Number(/^token_id:(\d+)$/.exec(name)?.[1] ?? Number.NaN), logit as number);
        return { logits, drawn: own[0] };
      },
    },
  });
}

function choiceOf(answer: unknown, before: number): Readonly<Record<string, unknown>> {
  const { choices, usage } = fieldsOf(answer);
  if (!Array.isArray(choices) || choices.length !== 1) throw wrongAnswer('one choice', choices ?? null);
  const { prompt_tokens: read } = fieldsOf(usage);
  if (read !== before) throw wrongAnswer(`${before} tokens before those asked for`, read ?? null);
  return fieldsOf(choices[0]);
}

function drawn(answer: unknown, ask: DrawAsk): Drawn {
  const { finish_reason: reason, stop_reason: by, token_ids: tokens } = choiceOf(answer, ask.ids.length);
  if (reason !== 'stop' && reason !== 'length')
    throw wrongAnswer('a finish_reason of stop or length', reason ?? null);
  const finish = reason === 'length' ? 'length' : typeof by === 'string' ? 'stop' : 'end';
  const { prompt_tokens_details: details } = fieldsOf(fieldsOf(answer).usage);
  return checkDrawn(tokens, finish, finish === 'end', ask, countOr(fieldsOf(details).cached_tokens));
}

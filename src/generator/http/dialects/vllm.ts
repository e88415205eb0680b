// vLLM: prompts as token ids to /v1/completions, tokens from /tokenize, the chat template as /tokenize renders it.
// Written from the sources of 0.33; fields that it would ignore with a warning are never sent.

import { renderedTemplate, SLOTS } from '../rendered-template.js';
import {
  type Ask,
  countOr,
  type Dialect,
  fieldsOf,
  type SampleAsk,
  type Token,
  type Tokenize,
  textOr,
  UNTOLD,
  wrongAnswer,
} from './dialect.js';
import { completionReader, readCompletion } from './openai-answers.js';
import { VLLM_FIXED, vllmPlans } from './vllm-plans.js';
import { checkXgrammar } from './xgrammar.js';

/** Looks at a vLLM server that has `model`. */
export async function openVllm(
  ask: Ask,
  model: string,
  entry: Readonly<Record<string, unknown>>,
): Promise<Dialect> {
  const version = textOr(fieldsOf(await ask('GET', '/version')).version, 'unknown');
  const context = countOr(entry.max_model_len);
  if (context === null) throw wrongAnswer('max_model_len in /v1/models', entry);
  return {
    name: 'vllm',
    capabilities: {
      seeds: true,
      keepsDataText: false,
      grammar: true,
      minTokens: true,
      streaming: true,
      plans: true,
      embeddings: false,
    },
    facts: {
      ...UNTOLD,
      engine: 'vLLM',
      version,
      model,
      contextTokens: context,
      chatTemplate: await chatTemplateOf(ask, model),
    },
    remarks: [
      'seeds repeat as far as the batch allows: start the server with VLLM_BATCH_INVARIANT=1 for the same texts every time',
      'a grammar holds where the server was started without --reasoning-parser',
      'in guided chains the model writes no character that takes several tokens',
      'text of data that looks like a control token is divided before it is tokenized; spellings that look like none may become one',
    ],
    stopsHere: false,
    waitsForGrammar: false,
    tokenize: tokenizeFor(model),
    plans: vllmPlans(model),
    request: (sample) => ({ path: '/v1/completions', body: body(sample, model) }),
    read: readCompletion,
    reader: completionReader,
  };
}

/** `/tokenize` as vLLM and SGLang answer it: `{ tokens: [...] }`. */
export function tokenizeFor(model: string): Tokenize {
  return async (connection, prompt, _special, options) => {
    const body = { model, prompt, add_special_tokens: false };
    const answer = fieldsOf(await connection.json('POST', '/tokenize', { ...options, body }));
    const { tokens } = answer;
    if (!Array.isArray(tokens) || !tokens.every((token) => Number.isSafeInteger(token)))
      throw wrongAnswer('token ids', answer);
    return tokens.map((id: number): Token => ({ id, piece: null }));
  };
}

/** The chat template as text around places for messages; null where the server renders none. */
async function chatTemplateOf(ask: Ask, model: string): Promise<string | null> {
  for (const roles of [['system', 'user'], ['user']] as const) {
    const messages = roles.map((role) => ({ role, content: SLOTS[role] }));
    try {
      const { tokens } = fieldsOf(
        await ask('POST', '/tokenize', {
          model,
          messages,
          add_generation_prompt: true,
          chat_template_kwargs: { enable_thinking: false },
        }),
      );
      const { prompt } = fieldsOf(await ask('POST', '/detokenize', { model, tokens }));
      const template = typeof prompt === 'string' ? renderedTemplate(prompt, roles) : null;
      if (template !== null) return template;
    } catch {
      // It has no template for these roles: the next ones are tried.
    }
  }
  return null;
}

function body(ask: SampleAsk, model: string): Record<string, unknown> {
  const { prompt, sampling, thoughts, grammar } = ask;
  if (grammar !== undefined) checkXgrammar(grammar, 'vLLM');
  return {
    model,
    prompt: prompt.kind === 'ids' ? prompt.ids : prompt.kind === 'text' ? prompt.text : '',
    max_tokens: ask.maxTokens,
    ...VLLM_FIXED,
    seed: ask.seed,
    temperature: sampling.temperature,
    top_p: sampling.topP,
    min_p: sampling.minP,
    stop: ask.stop,
    ...(ask.mayEnd ? {} : { min_tokens: ask.maxTokens, return_token_ids: true }),
    ...(grammar === undefined ? {} : { structured_outputs: { grammar } }),
    skip_special_tokens: thoughts === undefined,
    stream: ask.stream,
    ...(ask.stream ? { stream_options: { include_usage: true } } : {}),
  };
}

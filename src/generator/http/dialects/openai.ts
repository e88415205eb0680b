// Any server with the OpenAI routes alone: messages to /v1/chat/completions, which puts its own chat template around them.
// Sends what that interface documents and nothing more; what it lacks is refused by name.

import { PgenrmError } from '../../../errors.js';
import { CHAT_TEMPLATE } from '../chat-marks.js';
import { type Dialect, type SampleAsk, UNTOLD } from './dialect.js';
import { completionReader, readCompletion } from './openai-answers.js';

/** A server of which nothing is known but its model. */
export function openOpenAi(model: string): Dialect {
  return {
    name: 'openai',
    capabilities: {
      seeds: false,
      keepsDataText: false,
      grammar: false,
      minTokens: false,
      streaming: true,
      plans: false,
      embeddings: false,
    },
    facts: {
      ...UNTOLD,
      engine: 'OpenAI-compatible',
      version: 'unknown',
      model,
      contextTokens: null,
      chatTemplate: CHAT_TEMPLATE,
    },
    remarks: [
      'seeds are sent, and nothing promises that they repeat',
      'text of data that spells a control token may become that token',
      'tokens of a prompt are counted by asking for one token; those of a text that a stop string ended are the pieces that came',
    ],
    stopsHere: true,
    waitsForGrammar: false,
    tokenize: null,
    plans: null,
    request: (ask) => ({
      path: ask.prompt.kind === 'chat' ? '/v1/chat/completions' : '/v1/completions',
      body: body(ask, model),
    }),
    read: readCompletion,
    reader: completionReader,
  };
}

function body(ask: SampleAsk, model: string): Record<string, unknown> {
  const { prompt, sampling, stream } = ask;
  if (sampling.minP > 0) {
    throw new PgenrmError(
      'INVALID_OPTION',
      `minP must be 0, for an OpenAI-compatible server has no min_p, got ${sampling.minP}; use topP.`,
    );
  }
  if (sampling.temperature > 2) {
    throw new PgenrmError(
      'INVALID_OPTION',
      `temperature must be from 0 to 2 for an OpenAI-compatible server, got ${sampling.temperature}.`,
    );
  }
  return {
    model,
    ...(prompt.kind === 'chat'
      ? { messages: prompt.messages }
      : { prompt: prompt.kind === 'text' ? prompt.text : prompt.ids }),
    max_tokens: ask.maxTokens,
    n: 1,
    seed: ask.seed,
    temperature: sampling.temperature,
    top_p: sampling.topP,
    presence_penalty: 0,
    frequency_penalty: 0,
    stream,
    ...(stream ? { stream_options: { include_usage: true } } : {}),
  };
}

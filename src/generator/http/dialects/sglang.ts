// SGLang: prompts as token ids to /generate, which its router passes too; tokens from /tokenize.
// Written from the sources of 0.5.23. It tells no chat template: one has to be given.

import {
  type Ask,
  brokeOff,
  checkWritten,
  countOr,
  type Dialect,
  endedEarly,
  fieldsOf,
  idsOf,
  type SampleAsk,
  type StreamReader,
  textOr,
  UNTOLD,
  type Written,
  wrongAnswer,
} from './dialect.js';
import { SGLANG_FIXED, sglangPlans } from './sglang-plans.js';
import { tokenizeFor } from './vllm.js';
import { checkXgrammar } from './xgrammar.js';

/** Looks at an SGLang server that has `model`. */
export async function openSglang(
  ask: Ask,
  model: string,
  entry: Readonly<Record<string, unknown>>,
): Promise<Dialect> {
  const info = fieldsOf(await ask('GET', '/server_info'));
  const context = countOr(entry.max_model_len);
  if (context === null) throw wrongAnswer('max_model_len in /v1/models', entry);
  const repeats = info.enable_deterministic_inference === true;
  return {
    name: 'sglang',
    capabilities: {
      seeds: repeats,
      keepsDataText: false,
      grammar: true,
      minTokens: true,
      streaming: true,
      plans: true,
      embeddings: false,
    },
    facts: {
      ...UNTOLD,
      engine: 'SGLang',
      version: textOr(info.version, 'unknown'),
      model,
      contextTokens: context,
      slots: countOr(info.max_running_requests),
      chatTemplate: null,
    },
    remarks: [
      repeats
        ? 'seeds repeat: the server runs with --enable-deterministic-inference'
        : 'seeds do not repeat: start the server with --enable-deterministic-inference for the same texts every time',
      'a grammar holds where the server was started with the grammar backend xgrammar, its default, and without --reasoning-parser',
      'in guided chains the model writes no character that takes several tokens',
      'text of data that looks like a control token is divided before it is tokenized; spellings that look like none may become one',
    ],
    stopsHere: false,
    waitsForGrammar: false,
    tokenize: tokenizeFor(model),
    plans: sglangPlans(model),
    request: (sample) => ({ path: '/generate', body: body(sample) }),
    read: (answer, sample) => written(fieldsOf(answer), sample),
    reader,
  };
}

function body(ask: SampleAsk): Record<string, unknown> {
  const { prompt, sampling, thoughts, grammar } = ask;
  if (grammar !== undefined) checkXgrammar(grammar, 'SGLang');
  return {
    ...(prompt.kind === 'ids'
      ? { input_ids: prompt.ids }
      : { text: prompt.kind === 'text' ? prompt.text : '' }),
    sampling_params: {
      max_new_tokens: ask.maxTokens,
      ...SGLANG_FIXED,
      sampling_seed: ask.seed,
      temperature: sampling.temperature,
      top_p: sampling.topP,
      min_p: sampling.minP,
      stop: ask.stop,
      ...(ask.mayEnd ? {} : { min_new_tokens: ask.maxTokens }),
      ...(grammar === undefined ? {} : { ebnf: grammar }),
      skip_special_tokens: thoughts === undefined,
    },
    stream: ask.stream,
  };
}

function written(
  { text, meta_info: meta, output_ids }: Readonly<Record<string, unknown>>,
  ask: SampleAsk,
): Written {
  const { finish_reason: reason, completion_tokens, prompt_tokens, cached_tokens } = fieldsOf(meta);
  const { type, matched, message } = fieldsOf(reason);
  if (type === 'abort') throw brokeOff(textOr(message, 'no reason'));
  if (type !== 'stop' && type !== 'length') throw wrongAnswer('a finish_reason of stop or length', reason);
  const stoppedBy = type === 'stop' && typeof matched === 'string' ? matched : null;
  return checkWritten(
    {
      text: text as string,
      tokens: completion_tokens as number,
      finish: type === 'length' ? 'length' : stoppedBy !== null ? 'stop' : 'endOfGeneration',
      stoppedBy,
      promptTokens: prompt_tokens as number,
      cachedTokens: countOr(cached_tokens),
      ids: idsOf(output_ids, ask),
    },
    ask,
  );
}

/** Each event has the whole text so far. */
function reader(ask: SampleAsk): StreamReader {
  let last: Readonly<Record<string, unknown>> = {};
  const done = (): boolean => fieldsOf(fieldsOf(last.meta_info).finish_reason).type !== undefined;
  return {
    take(event) {
      const fields = fieldsOf(event);
      if (fields.error !== undefined) throw brokeOff(JSON.stringify(fields.error));
      if (typeof fields.text !== 'string') throw wrongAnswer('a text', event);
      last = fields;
      return done();
    },
    get text() {
      return textOr(last.text, '');
    },
    get tokens() {
      return countOr(fieldsOf(last.meta_info).completion_tokens) ?? 0;
    },
    written() {
      if (!done()) throw endedEarly();
      return written(last, ask);
    },
  };
}

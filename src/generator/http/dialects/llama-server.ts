// llama.cpp's llama-server: prompts as token ids to /completion, grammars, text of data that stays text.
// Written from the sources of release v0.5.0.

import { ServerFailure } from '../connection.js';
import {
  type Ask,
  brokeOff,
  checkWritten,
  countOr,
  type Dialect,
  fieldsOf,
  idsOf,
  type SampleAsk,
  type StreamReader,
  type Token,
  type Tokenize,
  textOr,
  type Written,
  wrongAnswer,
} from './dialect.js';
import { grammarFields } from './lazy-grammar.js';
import { llamaPlans, seedOf } from './llama-plans.js';

const FIELDS = ['content', 'tokens_predicted', 'tokens_evaluated', 'stop_type', 'stopping_word', 'timings'];
/** Sent with every request, for the server may have been started with others. */
const FIXED = {
  samplers: ['temperature', 'min_p', 'top_p'],
  top_k: 0,
  typical_p: 1,
  top_n_sigma: -1,
  xtc_probability: 0,
  dynatemp_range: 0,
  mirostat: 0,
  repeat_penalty: 1,
  presence_penalty: 0,
  frequency_penalty: 0,
  dry_multiplier: 0,
  ignore_eos: false,
  cache_prompt: true,
};

/** Looks at a llama-server. */
export async function openLlamaServer(ask: Ask): Promise<Dialect> {
  const props = fieldsOf(await ask('GET', '/props'));
  const models = fieldsOf(await ask('GET', '/v1/models'));
  const entry = fieldsOf((Array.isArray(models.data) ? models.data : [])[0]);
  const meta = fieldsOf(entry.meta);
  const probe = fieldsOf(await ask('POST', '/tokenize', { content: '', add_special: true }));
  const context = countOr(fieldsOf(props.default_generation_settings).n_ctx);
  if (context === null || !Array.isArray(probe.tokens))
    throw wrongAnswer('what llama-server tells in /props', props);
  return {
    name: 'llama-server',
    capabilities: {
      seeds: true,
      keepsDataText: true,
      grammar: true,
      minTokens: true,
      streaming: true,
      plans: true,
      embeddings: false,
    },
    facts: {
      engine: 'llama-server',
      version: textOr(props.build_info, 'unknown'),
      model: textOr(entry.id, textOr(props.model_alias, textOr(props.model_path, 'unknown'))),
      contextTokens: context,
      trainedContext: countOr(meta.n_ctx_train),
      parameters: countOr(meta.n_params),
      sizeBytes: countOr(meta.size),
      slots: countOr(props.total_slots),
      chatTemplate: textOr(props.chat_template, ''),
      bosToken: textOr(props.bos_token, ''),
      eosToken: textOr(props.eos_token, ''),
      addsBos: probe.tokens.length > 0,
    },
    remarks: [
      'a grammar without a trigger holds from the first token on, also where a model would think first',
    ],
    stopsHere: false,
    waitsForGrammar: true,
    tokenize,
    plans: llamaPlans(FIXED),
    request: (sample) => ({ path: '/completion', body: body(sample) }),
    read: (answer, sample) => written(fieldsOf(answer), textOr(fieldsOf(answer).content, ''), sample),
    reader,
  };
}

const tokenize: Tokenize = async (connection, text, special, options) => {
  const answer = fieldsOf(
    await connection.json('POST', '/tokenize', {
      ...options,
      body: { content: text, add_special: false, parse_special: special, with_pieces: special },
    }),
  );
  if (!Array.isArray(answer.tokens)) throw wrongAnswer('tokens', answer);
  return answer.tokens.map((token: unknown): Token => {
    const id = special ? fieldsOf(token).id : token;
    if (!Number.isSafeInteger(id)) throw wrongAnswer('token ids', token);
    const piece = fieldsOf(token).piece;
    return { id: id as number, piece: typeof piece === 'string' ? piece : null };
  });
};

function body(ask: SampleAsk): Record<string, unknown> {
  const { prompt, sampling, thoughts, grammar, stream } = ask;
  const marks = thoughts === undefined ? [] : [...thoughts.open, ...thoughts.close];
  return {
    ...FIXED,
    prompt: prompt.kind === 'ids' ? prompt.ids : promptText(prompt),
    n_predict: ask.maxTokens,
    seed: seedOf(ask.seed),
    temperature: sampling.temperature,
    min_p: sampling.minP,
    top_p: sampling.topP,
    stop: ask.stop,
    stream,
    ...(ask.mayEnd ? {} : { ignore_eos: true, return_tokens: true }),
    response_fields: ask.mayEnd ? FIELDS : [...FIELDS, 'tokens'],
    ...(marks.length === 0 ? {} : { preserved_tokens: marks }),
    ...(grammar === undefined ? {} : grammarFields(grammar, ask)),
  };
}

function promptText(prompt: Exclude<SampleAsk['prompt'], { kind: 'ids' }>): string {
  if (prompt.kind === 'text') return prompt.text;
  throw new ServerFailure('llama-server is given prompts and no messages', null, 'INTERNAL');
}

function written(final: Readonly<Record<string, unknown>>, text: string, ask: SampleAsk): Written {
  if (typeof final.content !== 'string') throw wrongAnswer('content', final);
  const ends = { word: 'stop', eos: 'endOfGeneration', limit: 'length' } as const;
  const finish = ends[final.stop_type as keyof typeof ends];
  if (finish === undefined) throw wrongAnswer('a stop_type of word, eos or limit', final.stop_type);
  const cached = countOr(fieldsOf(final.timings).cache_n);
  return checkWritten(
    {
      text,
      tokens: final.tokens_predicted as number,
      finish,
      stoppedBy: finish === 'stop' ? textOr(final.stopping_word, '') : null,
      promptTokens: final.tokens_evaluated as number,
      cachedTokens: cached,
      ids: idsOf(final.tokens, ask),
    },
    ask,
  );
}

function reader(ask: SampleAsk): StreamReader {
  let text = '';
  let tokens = 0;
  let final: Readonly<Record<string, unknown>> | null = null;
  return {
    take(event) {
      const fields = fieldsOf(event);
      if (fields.error !== undefined || fields.message !== undefined) throw brokeOff(JSON.stringify(fields));
      if (typeof fields.content !== 'string') throw wrongAnswer('content', event);
      text += fields.content;
      tokens = countOr(fields.tokens_predicted) ?? tokens;
      if (typeof fields.stop_type !== 'string' || fields.stop_type === 'none') return false;
      final = fields;
      return true;
    },
    get text() {
      return text;
    },
    get tokens() {
      return tokens;
    },
    written() {
      if (final === null) throw wrongAnswer('a last event', null);
      return written(final, text, ask);
    },
  };
}

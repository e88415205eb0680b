// Strict stand-ins for inference servers that cannot run here: they refuse fields that the real ones do not know, wrong types
// and a missing key, and write made-up words that depend on the seed. Each character is a token of a prompt.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';

// biome-ignore lint/suspicious/noExplicitAny: bodies of any shape are looked into
type Json = any;

export type StandInKind = 'vllm' | 'sglang' | 'openai';

/** What goes wrong with a request, instead of its answer. */
export type Fault =
  | { readonly status: number; readonly body?: string; readonly headers?: Record<string, string> }
  | { readonly change: (answer: Record<string, Json>) => unknown }
  | 'hang up'
  | 'cut the stream'
  | 'never answer';

export interface StandInOptions {
  readonly kind: StandInKind;
  readonly key?: string;
  readonly model?: string;
  readonly context?: number;
  readonly port?: number;
  readonly deterministic?: boolean;
  /** Behind a router, which adds fields of its own: unknown ones and ones of null are passed over. */
  readonly routed?: boolean;
  /** Milliseconds for a sample. */
  readonly delay?: number;
  /** The fault of the nth request (from 0) to a path; none: it is answered. */
  readonly fault?: (path: string, nth: number) => Fault | undefined;
  /** The words that it writes; default: made up by the seed. */
  readonly words?: (seed: number, prompt: string) => readonly string[];
}

export interface StandIn extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  /** Bodies by path, with headers. */
  readonly requests: { path: string; body: Json; headers: Record<string, unknown> }[];
  /** Most samples that were at work at once. */
  readonly most: () => number;
}

type Check = (value: unknown) => boolean;
const number: Check = (value) => typeof value === 'number';
const whole: Check = (value) => Number.isInteger(value);
const truth: Check = (value) => typeof value === 'boolean';
const text: Check = (value) => typeof value === 'string';
const texts: Check = (value) => Array.isArray(value) && value.every(text);
const ids: Check = (value) => Array.isArray(value) && value.length > 0 && value.every(whole);
const object: Check = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);

const OPENAI: Record<string, Check> = {
  model: text,
  max_tokens: whole,
  n: whole,
  seed: whole,
  temperature: (value) => number(value) && (value as number) >= 0 && (value as number) <= 2,
  top_p: number,
  presence_penalty: number,
  frequency_penalty: number,
  stop: texts,
  stream: truth,
  stream_options: object,
};
const VLLM: Record<string, Check> = {
  ...OPENAI,
  temperature: number,
  prompt: (value) => text(value) || ids(value),
  min_p: number,
  top_k: whole,
  repetition_penalty: number,
  include_stop_str_in_output: truth,
  ignore_eos: truth,
  add_special_tokens: truth,
  skip_special_tokens: truth,
  spaces_between_special_tokens: truth,
  min_tokens: whole,
  return_token_ids: truth,
  logit_bias: object,
  logprobs: (value) => value === 1,
  logprob_token_ids: ids,
  return_tokens_as_token_ids: truth,
  structured_outputs: (value) => object(value) && text((value as Json).grammar),
};
const SGLANG = {
  input_ids: ids,
  text,
  sampling_params: object,
  stream: truth,
  return_logprob: truth,
  token_ids_logprob: ids,
};
const SGLANG_SAMPLING: Record<string, Check> = {
  max_new_tokens: whole,
  n: whole,
  sampling_seed: whole,
  temperature: number,
  top_p: number,
  min_p: number,
  top_k: (value) => value === -1 || (whole(value) && (value as number) > 0),
  repetition_penalty: number,
  presence_penalty: number,
  frequency_penalty: number,
  stop: texts,
  no_stop_trim: truth,
  ignore_eos: truth,
  skip_special_tokens: truth,
  spaces_between_special_tokens: truth,
  min_new_tokens: whole,
  logit_bias: object,
  ebnf: text,
};

function wrong(
  body: Record<string, unknown>,
  fields: Record<string, Check>,
  needed: readonly string[],
): string | null {
  for (const [name, value] of Object.entries(body)) {
    if (fields[name] === undefined) return `unknown field ${name}`;
    if (!fields[name](value)) return `${name} has a wrong type or value`;
  }
  const lacking = needed.find((name) => body[name] === undefined);
  return lacking === undefined ? null : `${lacking} is missing`;
}

interface Asked {
  /** A grammar that holds from the first token on. */
  readonly grammar: string | undefined;
  readonly least: number;
  readonly wantsIds: boolean;
  /** Tokens whose log-probabilities are asked for. */
  readonly weighed: readonly number[] | undefined;
  readonly prompt: string;
  readonly promptTokens: number;
  readonly seed: number;
  readonly greedy: boolean;
  readonly temperature: number;
  readonly most: number;
  readonly stop: readonly string[];
}

interface Wrote {
  readonly pieces: string[];
  /** With the words of a stop string; absent where there is none. */
  readonly drawn?: readonly string[];
  readonly reason: 'stop' | 'length';
  readonly stoppedBy: string | null;
}

/** The literals of a grammar that is a choice of them; a stand-in holds no other. */
function literalsOf(grammar: string): string[] {
  const found = /^root ::= ("[^"\\]*"(?: \| "[^"\\]*")*)$/.exec(grammar.trim());
  return found === null ? [] : found[1]!.split(' | ').map((one) => one.slice(1, -1));
}

function write(
  { prompt, seed, greedy, most, least, stop, grammar }: Asked,
  { words }: StandInOptions,
): Wrote {
  if (grammar !== undefined) {
    const texts = literalsOf(grammar);
    return { pieces: [texts[seed % texts.length]!], reason: 'stop', stoppedBy: null };
  }
  let state = (greedy ? 7 : seed + 1) >>> 0;
  const made = Array.from({ length: most }, (_, index) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return `w${(state >>> 8) % 1000}.${index} `;
  });
  const given = words?.(seed, prompt);
  const all = (given ?? made).slice(0, most);
  let whole = '';
  for (const [index, word] of all.entries()) {
    whole += word;
    const found = stop.map((one) => ({ one, at: whole.indexOf(one) })).filter(({ at }) => at >= 0);
    // As vLLM does, no stop string counts before the least tokens are there.
    if (found.length === 0 || index < least) continue;
    const { one, at } = found.reduce((best, next) => (next.at < best.at ? next : best));
    const kept = all.slice(0, index);
    const before = kept.join('');
    const pieces =
      at >= before.length
        ? [...kept, whole.slice(before.length, at)]
        : [whole.slice(0, at), ...kept.slice(1).map(() => ''), ''];
    return { pieces, drawn: all.slice(0, index + 1), reason: 'stop', stoppedBy: one };
  }
  return {
    pieces: all.length < least ? [...all, ...made.slice(all.length, least)] : all,
    reason: given !== undefined && given.length <= most ? 'stop' : 'length',
    stoppedBy: null,
  };
}

/** Starts one on a free port of loopback. */
export async function startStandIn(options: StandInOptions): Promise<StandIn> {
  const { kind, key, model = 'made-up', context = 4096, delay = 0, fault } = options;
  const requests: StandIn['requests'] = [];
  const counts = new Map<string, number>();
  let atWork = 0;
  let most = 0;

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const path = request.url!;
    const body = chunks.length === 0 ? {} : JSON.parse(Buffer.concat(chunks).toString('utf8'));
    requests.push({ path, body, headers: request.headers });
    const nth = counts.get(path) ?? 0;
    counts.set(path, nth + 1);
    const say = (status: number, value: unknown, headers: Record<string, string> = {}): void => {
      response.writeHead(status, { 'content-type': 'application/json', ...headers });
      response.end(typeof value === 'string' ? value : JSON.stringify(value));
    };
    const bad = (status: number, message: string): void =>
      say(status, { error: { message, type: 'BadRequestError', code: status } });
    if (key !== undefined && request.headers.authorization !== `Bearer ${key}`) {
      return bad(401, `Unauthorized: ${request.headers.authorization ?? 'no key'}`);
    }
    const wrongWith = fault?.(path, nth);
    if (wrongWith === 'hang up') return void request.socket.destroy();
    if (wrongWith === 'never answer') return;
    if (typeof wrongWith === 'object' && 'status' in wrongWith)
      return say(
        wrongWith.status,
        wrongWith.body ?? { error: { message: 'made to fail' } },
        wrongWith.headers,
      );
    // Routers ask workers whether they are there, and what they have.
    if (path === '/health') return say(200, {});
    if (path === '/model_info' || path === '/get_model_info')
      return say(200, { model_path: model, served_model_name: model, is_generation: true });
    if (path === '/v1/models') {
      const owner = { vllm: 'vllm', sglang: 'sglang', openai: 'someone' }[kind];
      const length = kind === 'openai' ? {} : { max_model_len: context };
      return say(200, { object: 'list', data: [{ id: model, object: 'model', owned_by: owner, ...length }] });
    }
    if (path === '/version' && kind === 'vllm') return say(200, { version: '0.33.0' });
    if (path === '/server_info' && options.routed === true) return say(200, { served_model_name: model });
    if (path === '/server_info' && kind === 'sglang')
      return say(200, {
        served_model_name: model,
        version: '0.5.23',
        enable_deterministic_inference: options.deterministic === true,
        max_running_requests: 16,
      });
    if (path === '/tokenize' && kind !== 'openai') {
      if (body.messages !== undefined) {
        if (kind !== 'vllm') return bad(422, 'prompt is missing');
        const said = body.messages.map((one: Json) => `<|${one.role}|>${one.content}<|end|>`).join('');
        return say(200, { tokens: tokensOf(`${said}<|assistant|>`), max_model_len: context });
      }
      const problem = wrong(body, { model: text, prompt: text, add_special_tokens: truth }, ['prompt']);
      if (problem !== null) return bad(400, problem);
      const tokens = tokensOf(body.prompt);
      return say(200, { tokens, count: tokens.length, max_model_len: context });
    }
    if (path === '/detokenize' && kind === 'vllm') return say(200, { prompt: promptOf(body.tokens) });
    if (path === '/detokenize' && kind === 'sglang') {
      const problem = wrong(body, { model: text, tokens: ids, skip_special_tokens: truth }, ['tokens']);
      return problem === null ? say(200, { text: promptOf(body.tokens) }) : bad(400, problem);
    }
    if (path === '/v1/embeddings') {
      const problem = wrong(body, { model: text, input: texts, encoding_format: text }, ['model', 'input']);
      if (problem !== null) return bad(400, problem);
      if (body.input.some((one: string) => one.length > context))
        return bad(400, `This model's maximum context length is ${context} tokens`);
      const value = {
        data: body.input.map((one: string, index: number) => ({
          object: 'embedding',
          index,
          embedding: Array.from(
            { length: 8 },
            (_, at) => 1 + ((one.charCodeAt(at % one.length) * (at + 3)) % 17),
          ),
        })),
      };
      const change = typeof wrongWith === 'object' && 'change' in wrongWith ? wrongWith.change : undefined;
      return say(200, change?.(value) ?? value);
    }
    const route = asked(kind, path, options.routed === true ? knownFields(kind, path, body) : body);
    if (route === null) return say(404, { detail: 'Not Found' });
    if (typeof route === 'string') return bad(400, route);
    if (body.model !== undefined && body.model !== model)
      return bad(404, `The model ${body.model} does not exist.`);
    if (route.promptTokens + route.most > context)
      return bad(400, `This model's maximum context length is ${context} tokens`);
    atWork += 1;
    most = Math.max(most, atWork);
    try {
      const wrote = write(route, options);
      if (delay > 0) await new Promise((resolve) => setTimeout(resolve, delay));
      const change = typeof wrongWith === 'object' && 'change' in wrongWith ? wrongWith.change : undefined;
      if (body.stream !== true) {
        const whole = whole_(kind, path, route, wrote);
        return say(200, change?.(whole as Record<string, Json>) ?? whole);
      }
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      for (const [index, event] of events(kind, path, route, wrote).entries()) {
        if (wrongWith === 'cut the stream' && index === 2) return void request.socket.destroy();
        response.write(`data: ${JSON.stringify(change?.(event as Record<string, Json>) ?? event)}\n\n`);
        await new Promise((resolve) => setImmediate(resolve));
      }
      response.end('data: [DONE]\n\n');
    } finally {
      atWork -= 1;
    }
  };

  const server = createServer(
    (request, response) => void answer(request, response).catch(() => response.destroy()),
  );
  await new Promise<void>((resolve) => server.listen(options.port ?? 0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    requests,
    most: () => most,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const tokensOf = (value: string): number[] => [...value].map((char) => char.codePointAt(0)!);

/** Words that were written are tokens beyond the last character. */
const WORDS: string[] = [];
const FIRST_WORD = 0x110000;
const wordToken = (word: string): number => {
  if (!WORDS.includes(word)) WORDS.push(word);
  return FIRST_WORD + WORDS.indexOf(word);
};
const promptOf = (value: string | number[]): string =>
  typeof value === 'string'
    ? value
    : value
        .map((id) => (id < FIRST_WORD ? String.fromCodePoint(id) : (WORDS[id - FIRST_WORD] ?? '\ufffd')))
        .join('');

/** A body without what a router added. */
function knownFields(kind: StandInKind, path: string, body: Json): Json {
  const fields: Record<string, Check> =
    kind === 'vllm' ? VLLM : kind === 'sglang' ? SGLANG : { ...OPENAI, messages: object, prompt: text };
  if (kind === 'openai' && path === '/v1/completions') delete fields.messages;
  return Object.fromEntries(Object.entries(body).filter(([name, value]) => name in fields && value !== null));
}

/** What is asked for; a message where the request is refused, null where there is no such route. */
function asked(kind: StandInKind, path: string, body: Json): Asked | string | null {
  if (kind === 'sglang') {
    if (path !== '/generate') return null;
    const params = body.sampling_params ?? {};
    const problem =
      wrong(body, SGLANG, ['sampling_params']) ??
      wrong(params, SGLANG_SAMPLING, ['max_new_tokens', 'temperature', 'top_p', 'top_k', 'min_p']);
    if (problem !== null) return problem;
    const prompt = promptOf(body.input_ids ?? body.text);
    if (params.ebnf !== undefined && literalsOf(params.ebnf).length === 0)
      return 'the grammar cannot be compiled';
    return {
      prompt,
      grammar: params.ebnf,
      least: params.min_new_tokens ?? 0,
      weighed: body.return_logprob === true ? body.token_ids_logprob : undefined,
      wantsIds: true,
      promptTokens: (body.input_ids ?? [...prompt]).length,
      seed: params.sampling_seed,
      greedy: params.temperature === 0,
      temperature: params.temperature,
      most: params.max_new_tokens,
      stop: params.stop ?? [],
    };
  }
  const chat = path === '/v1/chat/completions';
  if (!chat && path !== '/v1/completions') return null;
  if (chat && kind !== 'openai') return null;
  const fields =
    kind === 'vllm' ? VLLM : { ...OPENAI, ...(chat ? { messages: Array.isArray } : { prompt: text }) };
  const problem = wrong(body, fields, [
    'model',
    chat ? 'messages' : 'prompt',
    'max_tokens',
    'temperature',
    'top_p',
  ]);
  if (problem !== null) return problem;
  const prompt = chat
    ? body.messages.map((one: Json) => `${one.role}: ${one.content}`).join('\n')
    : promptOf(body.prompt);
  const grammar = body.structured_outputs?.grammar;
  if (grammar !== undefined && literalsOf(grammar).length === 0) return 'the grammar cannot be compiled';
  return {
    prompt,
    grammar,
    least: body.min_tokens ?? 0,
    weighed: body.logprob_token_ids,
    wantsIds: body.return_token_ids === true,
    promptTokens: (Array.isArray(body.prompt) ? body.prompt : [...prompt]).length,
    seed: body.seed,
    greedy: body.temperature === 0,
    temperature: body.temperature,
    most: body.max_tokens,
    stop: body.stop ?? [],
  };
}

function usageOf({ promptTokens }: Asked, { pieces }: Wrote) {
  return {
    prompt_tokens: promptTokens,
    completion_tokens: pieces.length,
    total_tokens: promptTokens + pieces.length,
  };
}

/** A made-up log-probability of a token behind a prompt. */
function weightOf({ prompt }: Asked, token: number): number {
  let state = token + 1;
  for (const char of prompt.slice(-40)) state = (Math.imul(state, 1_664_525) + char.charCodeAt(0)) >>> 0;
  return -0.5 - ((state >>> 8) % 1000) / 200;
}

function logprobsOf(route: Asked, weighed: readonly number[]) {
  const entries = weighed.map((token) => [`token_id:${token}`, weightOf(route, token)] as const);
  return {
    tokens: ['x'],
    token_logprobs: [-0.5],
    top_logprobs: [Object.fromEntries(entries)],
    text_offset: [0],
  };
}

function whole_(kind: StandInKind, path: string, route: Asked, wrote: Wrote): unknown {
  const value = wrote.pieces.join('');
  if (kind === 'sglang') return sglang(route, wrote, wrote.pieces.length, true);
  const told = kind === 'vllm' ? { stop_reason: wrote.stoppedBy } : {};
  const said =
    path === '/v1/chat/completions' ? { message: { role: 'assistant', content: value } } : { text: value };
  return {
    id: 'x',
    choices: [
      {
        index: 0,
        ...said,
        logprobs: route.weighed === undefined ? null : logprobsOf(route, route.weighed),
        finish_reason: wrote.reason,
        ...told,
        ...(route.wantsIds ? { token_ids: (wrote.drawn ?? wrote.pieces).map(wordToken) } : {}),
      },
    ],
    usage: usageOf(route, wrote),
  };
}

function sglang(
  route: Asked,
  { pieces, drawn = pieces, reason, stoppedBy }: Wrote,
  count: number,
  last: boolean,
): unknown {
  const finish = !last
    ? null
    : reason === 'length'
      ? { type: 'length', length: pieces.length }
      : { type: 'stop', matched: stoppedBy ?? 2 };
  const tokens = { prompt_tokens: route.promptTokens, completion_tokens: count, cached_tokens: 0 };
  const output_ids = drawn.slice(0, count).map(wordToken);
  const told =
    route.weighed === undefined
      ? {}
      : {
          output_token_logprobs: [[-0.5, output_ids[0], null]],
          output_token_ids_logprobs: [
            route.weighed.map((token) => [weightOf(route, token) / (route.temperature || 1), token, null]),
          ],
        };
  return {
    text: pieces.slice(0, count).join(''),
    output_ids,
    meta_info: { id: 'x', finish_reason: finish, ...tokens, ...told },
  };
}

function events(kind: StandInKind, path: string, route: Asked, wrote: Wrote): unknown[] {
  if (kind === 'sglang')
    return wrote.pieces.map((_, index) => sglang(route, wrote, index + 1, index + 1 === wrote.pieces.length));
  const chat = path === '/v1/chat/completions';
  const pieces = wrote.pieces.map((piece) => ({
    choices: [{ index: 0, ...(chat ? { delta: { content: piece } } : { text: piece }), finish_reason: null }],
  }));
  const told = kind === 'vllm' ? { stop_reason: wrote.stoppedBy } : {};
  const end = {
    choices: [{ index: 0, ...(chat ? { delta: {} } : { text: '' }), finish_reason: wrote.reason, ...told }],
  };
  return [...pieces, end, { choices: [], usage: usageOf(route, wrote) }];
}

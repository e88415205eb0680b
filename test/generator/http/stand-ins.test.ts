// The HTTP generator on strict stand-ins: the public laws in each dialect, and everything that a server can do wrong.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { GenerationRequest, Generator, Sample } from '../../../src/generator/generator.js';
import { loadHttpGenerator } from '../../../src/generator/http/http-generator.js';
import type { HttpOptions, RetryNote } from '../../../src/generator/http/http-options.js';
import { generatorConformance } from '../../../src/testing/conformance.js';
import { freePort } from '../../support/llama-server.js';
import {
  type Fault,
  type StandIn,
  type StandInOptions,
  startStandIn,
} from '../../support/stand-in-server.js';

const FREE = { temperature: 1, topP: 1, minP: 0 };
const request = (changes: Partial<GenerationRequest> = {}): GenerationRequest => ({
  prompt: [{ text: 'Some words to continue.', trusted: false }],
  seeds: [1, 2, 3],
  sampling: FREE,
  maxTokens: 12,
  ...changes,
});

const KEPT = 'keeps data that spells a control token as text';
/** A law whose plan weighs whole texts at a temperature other than 0 and 1. */
const AT_OTHER_TEMPERATURES = 'repeats the sample of a plan for its seed';
const NO_PLANS = 'it follows no plans';
const ALL_DONE = 'refuses what it says it cannot do';

describe.each<[string, StandInOptions, Partial<HttpOptions>, string[]]>([
  ['vLLM', { kind: 'vllm', key: 'sesame' }, {}, [KEPT, ALL_DONE]],
  ['SGLang', { kind: 'sglang', key: 'sesame', deterministic: true }, {}, [KEPT, ALL_DONE]],
  [
    "a server of OpenAI's routes",
    { kind: 'openai', key: 'sesame' },
    { contextTokens: 2048 },
    [
      KEPT,
      'writes minTokens at least',
      'holds a grammar',
      'repeats a text for its seed, alone and beside others, and draws others for others',
    ],
  ],
])('%s', (_, options, more, skips) => {
  let server: StandIn;
  beforeAll(async () => {
    server = await startStandIn(options);
  });
  afterAll(() => server[Symbol.asyncDispose]());
  const load = (): Promise<Generator> => loadHttpGenerator({ urls: [server.url], apiKey: 'sesame', ...more });

  it.each(generatorConformance(load).map((law) => [law.name, law] as const))('%s', async (name, law) => {
    if (options.kind === 'vllm' && name === AT_OTHER_TEMPERATURES) {
      await expect(law.run()).rejects.toThrow(/weighed whole needs a temperature of 0 or 1/);
      return;
    }
    const { skipped } = await law.run();
    if (skipped !== undefined && skipped !== NO_PLANS) expect(skips, skipped).toContain(name);
  });

  it('goes on behind a draft within thoughts that a stop string would end', async () => {
    await using thinking = await startStandIn({
      ...options,
      words: (seed, prompt) =>
        seed === 1 && !prompt.includes('END')
          ? ['I ', 'draft END', ' more</think>', 'answer ', 'END', 'never']
          : [' more</think>', 'answer ', 'END', 'never'],
    });
    await using generator = await loadHttpGenerator({ urls: [thinking.url], apiKey: 'sesame', ...more });
    const thoughts = { opened: true, open: ['<think>'], close: ['</think>'] };
    const { samples } = await generator.generate(
      request({ seeds: [1], stop: ['END'], thoughts, maxTokens: 40 }),
    );
    expect(samples[0]).toMatchObject({ text: 'I draft END more</think>answer ', finish: 'stop' });
  });

  it('refuses a server that refuses the key, without showing it', async () => {
    const failure = await loadHttpGenerator({ urls: [server.url], apiKey: 'wrong-key', ...more }).then(
      () => null,
      (error: Error) => error,
    );
    expect(failure).toMatchObject({ code: 'GENERATOR_UNAVAILABLE' });
    expect(`${failure!.message}${failure!.stack}${JSON.stringify(failure)}`).not.toContain('wrong-key');
    expect(failure!.message).toContain('refuses the key');
  });
});

describe.each(['vllm', 'sglang'] as const)('what one request cannot say: %s', (kind) => {
  const route = { vllm: '/v1/completions', sglang: '/generate' }[kind];
  const written = async (
    words: StandInOptions['words'],
    changes: Partial<GenerationRequest>,
  ): Promise<{ sample: Sample; bodies: Record<string, unknown>[]; told: string }> => {
    await using server = await startStandIn({ kind, deterministic: true, ...(words ? { words } : {}) });
    await using generator = await loadHttpGenerator({ urls: [server.url] });
    let told = '';
    const { samples } = await generator.generate(
      request({ seeds: [1], maxTokens: 40, onText: ({ text }) => (told += text), ...changes }),
    );
    const sent = server.requests.filter(({ path }) => path === route);
    return { sample: samples[0]!, told, bodies: sent.map(({ body }) => body.sampling_params ?? body) };
  };
  const grammar = 'root ::= "yes" | "no"';
  const grammarIn = (body: Record<string, unknown>) =>
    kind === 'sglang' ? body.ebnf : (body.structured_outputs as { grammar?: string } | undefined)?.grammar;

  it('a least number of tokens, and a stop string among them', async () => {
    const { sample, bodies, told } = await written(undefined, { minTokens: 5, maxTokens: 9 });
    expect(sample).toMatchObject({ tokens: 9, finish: 'length' });
    expect(bodies.map((body) => body.min_tokens ?? body.min_new_tokens)).toEqual([5, undefined]);
    expect(told).toBe(sample.text);
    const stopped = await written(() => ['a ', 'b END', ' c ', 'd ', 'e ', 'f '], {
      minTokens: 4,
      stop: ['END'],
    });
    expect(stopped.sample).toMatchObject({ text: 'a b ', finish: 'stop' });
    expect(stopped.bodies).toHaveLength(1);
  });

  it('a grammar behind its trigger, which stays free text', async () => {
    const { sample, bodies, told } = await written(
      (_, prompt) => (prompt.includes('GO') ? ['never'] : ['free ', 'text GO', ' more']),
      { grammar, grammarTrigger: 'GO' },
    );
    expect(sample.text).toMatch(/^free text GO(yes|no)$/);
    expect(told).toBe(sample.text);
    expect(bodies.map(grammarIn)).toEqual([undefined, grammar]);
  });

  it.each<[boolean, readonly string[][]]>([
    [true, [['a draft GO', ' on', '</think>', ' never']]],
    [
      false,
      [
        ['<think>a draft GO', ' never'],
        [' on', '</think>', ' never'],
      ],
    ],
  ])(
    'a grammar behind thoughts (opened by the prompt: %s) in which its trigger stands',
    async (opened, texts) => {
      const thoughts = { opened, open: ['<think>'], close: ['</think>'] };
      const { sample, bodies } = await written(
        (_, prompt) =>
          prompt.includes('</think>')
            ? [' so ', 'GO', ' never']
            : texts[Math.min(texts.length - 1, prompt.includes('GO') ? 1 : 0)]!,
        { grammar, grammarTrigger: 'GO', thoughts },
      );
      expect(sample.text).toMatch(/a draft GO on<\/think> so GO(yes|no)$/);
      expect(bodies.map(grammarIn)).toEqual([...bodies.slice(1).map(() => undefined), grammar]);
    },
  );

  it('a grammar without a trigger behind thoughts that the prompt opened', async () => {
    const thoughts = { opened: true, open: ['<think>'], close: ['</think>'] };
    const { sample } = await written(() => ['thinking', '</think>', ' never'], { grammar, thoughts });
    expect(sample.text).toMatch(/^thinking<\/think>(yes|no)$/);
  });

  it.each([
    ['root ::= . "a"', 'any character'],
    ['root ::= <[42]>', 'token'],
    ['root ::= "\\[a"', 'bracket'],
    ['root ::= 1a\n1a ::= "x"', 'digit'],
  ])('refuses the grammar %j by what it has', async (wrong, named) => {
    await expect(written(undefined, { grammar: wrong })).rejects.toMatchObject({
      code: 'INVALID_OPTION',
      message: expect.stringContaining(named),
    });
  });

  it('refuses a grammar beside a least number of tokens', async () => {
    await expect(written(undefined, { grammar, minTokens: 2 })).rejects.toThrow(/minTokens.*grammar/);
  });
});

/** Generates on a stand-in whose samples fail as told; gives what was repeated. */
async function withFaults(
  kind: 'vllm' | 'sglang' | 'openai',
  faults: readonly (Fault | undefined)[],
  changes: Partial<GenerationRequest> = {},
  more: Partial<HttpOptions> = {},
) {
  const route = { vllm: '/v1/completions', sglang: '/generate', openai: '/v1/completions' }[kind];
  await using server = await startStandIn({
    kind,
    fault: (path, nth) => (path === route ? faults[nth] : undefined),
  });
  const notes: RetryNote[] = [];
  await using generator = await loadHttpGenerator({
    urls: [server.url],
    patienceMs: 3_000,
    onRetry: (note) => notes.push(note),
    ...more,
  });
  const outcome = await generator.generate(request({ seeds: [5], ...changes })).then(
    ({ samples }) => ({ texts: samples.map(({ text }) => text), error: null }),
    (error: { code: string; message: string }) => ({ texts: [], error }),
  );
  return {
    ...outcome,
    reasons: notes.map(({ reason }) => reason),
    repeated: generator.info.details.repeated,
  };
}

describe('a server that fails', () => {
  // biome-ignore lint/suspicious/noExplicitAny: answers are made wrong
  const change = (path: (answer: any) => void): Fault => ({
    change: (answer) => {
      const copy = structuredClone(answer);
      path(copy);
      return copy;
    },
  });

  it.each<[string, Fault, string]>([
    ['hangs up', 'hang up', 'connection'],
    ['is full (429)', { status: 429, headers: { 'retry-after-ms': '5' } }, 'busy'],
    ['is full (503)', { status: 503, headers: { 'retry-after': '0' } }, 'busy'],
    ['fails', { status: 500, body: 'broken' }, 'server'],
    ['gives no choice', change((answer) => answer.choices.pop()), 'answer'],
    ['gives two choices', change((answer) => answer.choices.push(answer.choices[0])), 'answer'],
    ['gives a text of null', change((answer) => (answer.choices[0].text = null)), 'answer'],
    ['gives no reason why it ended', change((answer) => (answer.choices[0].finish_reason = null)), 'answer'],
    [
      'counts more tokens than were asked for',
      change((answer) => (answer.usage.completion_tokens = 99)),
      'answer',
    ],
    ['counts no tokens for a text', change((answer) => (answer.usage.completion_tokens = 0)), 'answer'],
    ['counts another prompt', change((answer) => (answer.usage.prompt_tokens += 1)), 'answer'],
    ['gives no usage', change((answer) => (answer.usage = null)), 'answer'],
    ['answers no JSON', { status: 200, body: 'ok' }, 'answer'],
  ])('%s: the sample is asked for again, and that is counted', async (_, fault, reason) => {
    const right = await withFaults('vllm', []);
    const { texts, reasons, repeated } = await withFaults('vllm', [fault]);
    expect(texts).toEqual(right.texts);
    expect(reasons).toEqual([reason]);
    expect(repeated).toMatchObject({ [reason]: 1 });
  });

  it.each(['vllm', 'sglang'] as const)(
    'a stream that %s cuts is asked for again, and no text comes twice',
    async (kind) => {
      let told = '';
      const onText = ({ text }: { text: string }) => {
        told += text;
      };
      const { texts, reasons } = await withFaults(kind, ['cut the stream'], { onText });
      expect(reasons).toEqual(['connection']);
      expect(told).toBe(texts[0]);
      expect(texts).toEqual((await withFaults(kind, [])).texts);
    },
  );

  it('gives wrong answers only: the error says what was expected, and nothing is made up', async () => {
    const none = change((answer) => answer.choices.pop());
    const { error, repeated } = await withFaults('vllm', [none, none, none, none]);
    expect(error).toMatchObject({ code: 'DECODE_FAILED' });
    expect(error!.message).toContain('one choice');
    expect(repeated).toMatchObject({ answer: 2 });
  });

  it('says nothing: a time-out, repeated once', async () => {
    const { texts, reasons } = await withFaults('vllm', ['never answer'], {}, { timeoutMs: 300 });
    expect(reasons).toEqual(['timeout']);
    expect(texts).toHaveLength(1);
  });

  it('answers with a web page: no second try', async () => {
    const page = { status: 200, body: '<!DOCTYPE html><html>hello</html>' };
    const { error, reasons } = await withFaults('vllm', [page]);
    expect(error!.message).toMatch(/web page.*is it an inference server/);
    expect(reasons).toEqual([]);
  });

  it("refuses a prompt as too long for its context: the error is the row's own", async () => {
    const { error } = await withFaults('vllm', [
      { status: 400, body: '{"error":{"message":"maximum context length is 8"}}' },
    ]);
    expect(error).toMatchObject({ code: 'CONTEXT_OVERFLOW' });
  });
});

describe('opening servers', () => {
  it('names the address where no server is, in seconds', async () => {
    const port = await freePort();
    const began = performance.now();
    await expect(loadHttpGenerator({ urls: [`http://127.0.0.1:${port}/v1`] })).rejects.toMatchObject({
      code: 'GENERATOR_UNAVAILABLE',
      message: expect.stringContaining(`127.0.0.1:${port}`),
    });
    expect(performance.now() - began).toBeLessThan(6_000);
  });

  it('waits while a server loads its model', async () => {
    await using server = await startStandIn({
      kind: 'vllm',
      fault: (path, nth) =>
        path === '/v1/models' && nth < 2 ? { status: 503, headers: { 'retry-after-ms': '20' } } : undefined,
    });
    await using generator = await loadHttpGenerator({ urls: [server.url] });
    expect(generator.info).toMatchObject({ kind: 'http', engine: 'vLLM', version: '0.33.0' });
  });

  it.each<[string, Fault, RegExp]>([
    ['a web page', { status: 200, body: '<html></html>' }, /web page/],
    ['no list of models', { status: 200, body: '{"data":[]}' }, /lists no model/],
    ['not found', { status: 404 }, /404/],
  ])('refuses what answers with %s', async (_, fault, message) => {
    await using server = await startStandIn({ kind: 'vllm', fault: () => fault });
    await expect(loadHttpGenerator({ urls: [server.url] })).rejects.toThrow(message);
  });

  it('refuses servers with different models, and a model that a server does not have', async () => {
    await using one = await startStandIn({ kind: 'vllm', model: 'one' });
    await using other = await startStandIn({ kind: 'vllm', model: 'other' });
    await expect(loadHttpGenerator({ urls: [one.url, other.url] })).rejects.toThrow(/differ in their model/);
    await expect(loadHttpGenerator({ urls: [one.url], model: 'other' })).rejects.toMatchObject({
      code: 'MODEL_NOT_FOUND',
    });
  });

  it('renders the chat template by what vLLM says', async () => {
    await using server = await startStandIn({ kind: 'vllm' });
    await using generator = await loadHttpGenerator({ urls: [server.url] });
    expect(generator.model.chatTemplate).toContain('<|assistant|>');
  });

  it.each([
    [{ urls: [] }],
    [{ urls: ['ftp://x'] }],
    [{ urls: ['nowhere'] }],
    [{ urls: ['http://a:b@127.0.0.1:1'] }],
    [{ urls: ['http://127.0.0.1:1', 'http://127.0.0.1:1/v1/'] }],
    [{ urls: ['http://127.0.0.1:1'], apiKey: 'two words' }],
    [{ urls: ['http://127.0.0.1:1'], timeoutMs: 1 }],
  ])('refuses %j', async (options) => {
    await expect(loadHttpGenerator(options)).rejects.toMatchObject({ code: 'INVALID_OPTION' });
  });
});

describe('several servers', () => {
  it('keep requests of one affinity at one place, and divide affinities', async () => {
    await using one = await startStandIn({ kind: 'vllm' });
    await using other = await startStandIn({ kind: 'vllm' });
    await using generator = await loadHttpGenerator({ urls: [one.url, other.url] });
    for (let user = 0; user < 12; user++)
      await generator.generate(request({ affinity: `user ${user}`, seeds: [1, 2, 3] }));
    const users = [one, other].map(({ requests }) => {
      const sent = requests.filter(({ path }) => path === '/v1/completions');
      return new Set(sent.map(({ headers }) => headers['x-session-id']));
    });
    expect(users[0]!.size + users[1]!.size).toBe(12);
    expect(Math.min(users[0]!.size, users[1]!.size)).toBeGreaterThan(0);
    expect([...users[0]!].filter((user) => users[1]!.has(user))).toEqual([]);
  });

  it('go on where one dies, and use it again when it is back', async () => {
    let one = await startStandIn({ kind: 'vllm', delay: 5 });
    await using other = await startStandIn({ kind: 'vllm', delay: 5 });
    await using generator = await loadHttpGenerator({ urls: [one.url, other.url], patienceMs: 10_000 });
    const ask = (from: number) =>
      Promise.all(
        Array.from({ length: 10 }, (_, user) =>
          generator.generate(request({ affinity: `user ${from + user}`, seeds: [1, 2, 3] })),
        ),
      );
    await ask(0);
    const dying = ask(10);
    await one[Symbol.asyncDispose]();
    expect((await dying).flatMap(({ samples }) => samples)).toHaveLength(30);
    expect((await ask(20)).flatMap(({ samples }) => samples)).toHaveLength(30);
    one = await startStandIn({ kind: 'vllm', port: one.port });
    for (let tries = 0; tries < 100 && one.requests.length < 5; tries += 1) {
      await ask(100 + 10 * tries);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect(one.requests.length).toBeGreaterThanOrEqual(5);
    await one[Symbol.asyncDispose]();
  }, 30_000);

  it('fails with the address once no server has answered for as long as patience lasts', async () => {
    const server = await startStandIn({ kind: 'vllm' });
    await using generator = await loadHttpGenerator({ urls: [server.url], patienceMs: 300 });
    await server[Symbol.asyncDispose]();
    await expect(generator.generate(request())).rejects.toMatchObject({
      code: 'GENERATOR_UNAVAILABLE',
      message: expect.stringContaining(server.url),
    });
  });

  it('are given no more at once than asked for', async () => {
    await using server = await startStandIn({ kind: 'vllm', delay: 10 });
    await using generator = await loadHttpGenerator({ urls: [server.url], maxInFlight: 3 });
    await generator.generate(request({ seeds: Array.from({ length: 20 }, (_, seed) => seed) }));
    expect(server.most()).toBe(3);
  });
});

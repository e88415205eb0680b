// The endpoints in the shapes of others: rerank clients, trainers, embeddings, OpenAPI, Prometheus.
import { CohereClientV2 } from 'cohere-ai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { UserStore } from '../../src/users/user-store.js';
import { startServer, type TestServer } from '../support/reward-server.js';

const history = [{ prompt: 'Before?', chosen: 'x'.repeat(8), rejected: 'x'.repeat(3) }];
const user = { history };
const documents = ['x'.repeat(3), 'x'.repeat(9), 'x'.repeat(1)];

const no = (): never => {
  throw new Error('not asked for here');
};
/** One user who is there. */
const STORE: UserStore = {
  read: async (id) =>
    id === 'ann b' ? { user: { id, history: [], criteria: 'KEPT CRITERIA' }, version: 1 } : null,
  put: no,
  append: no,
  forget: no,
  count: no,
  close: async () => {},
  [Symbol.asyncDispose]: async () => {},
};

let test: TestServer;
beforeAll(async () => {
  test = await startServer({
    users: STORE,
    embedder: {
      modelPath: '/nowhere/fake.gguf',
      maxTokens: 100,
      embed: async (texts) => ({
        vectors: Float32Array.from(texts.flatMap((text) => [text.length, 1])),
        dimension: 2,
      }),
      close: async () => {},
      [Symbol.asyncDispose]: async () => {},
    },
  });
});
afterAll(() => test[Symbol.asyncDispose]());

describe('rerank', () => {
  it("answers cohere-ai's client, with the user in a header", async () => {
    const client = new CohereClientV2({ token: 'none', environment: test.server.url });
    const ranked = await client.rerank(
      { model: 'fake', query: 'Which?', documents, topN: 2 },
      { headers: { 'x-pgenrm-user': 'ann%20b' } },
    );
    const shown = test.generator.requests
      .at(-1)!
      .prompt.map(({ text }) => text)
      .join('');
    expect(shown).toContain('KEPT CRITERIA');
    await expect(
      client.rerank(
        { model: 'fake', query: 'Which?', documents },
        { headers: { 'x-pgenrm-user': 'nobody' }, maxRetries: 0 },
      ),
    ).rejects.toMatchObject({ statusCode: 404 });
    expect(ranked.results.map(({ index }) => index)).toEqual([1, 0]);
    expect(ranked.results[0]!.relevanceScore).toBe(1);
    expect(ranked.id).toMatch(/^rerank-/);
  });

  it.each(['/rerank', '/v1/rerank', '/v2/rerank'])('answers a vLLM-shaped client at %s', async (path) => {
    const { status, json } = await test.ask(path, {
      model: 'any',
      query: 'Which?',
      documents: [documents[0], { text: documents[1], title: 'extra' }, documents[2]],
      top_n: 0,
      truncate_prompt_tokens: -1,
      user,
    });
    expect(status).toBe(200);
    expect(json.results.map((one: { index: number }) => one.index)).toEqual([1, 0, 2]);
    expect(json.results[0]).toEqual({
      index: 1,
      document: { text: documents[1] },
      relevance_score: 1,
      raw_score: 10,
    });
    expect(json.usage.total_tokens).toBeGreaterThan(json.usage.prompt_tokens);
    expect(json.cost.comparisons).toBe(1);
  });

  it('shows an instruction, leaves documents out, says what it does not do', async () => {
    const { json } = await test.ask('/v1/rerank', {
      query: 'Which one of these?',
      documents,
      return_documents: false,
      instruction: 'As a pirate.',
      max_tokens_per_doc: 10,
    });
    expect(json.results[0].document).toBeUndefined();
    expect(json.meta.warnings).toHaveLength(1);
    const prompt = test.generator.requests
      .at(-1)!
      .prompt.map(({ text }) => text)
      .join('');
    expect(prompt).toContain('As a pirate.');
  });
});

describe('trainers', () => {
  const chatml = (response: string, system = ''): string =>
    `${system === '' ? '' : `<|im_start|>system\n${system}<|im_end|>\n`}<|im_start|>user\nWhy?<|im_end|>\n<|im_start|>assistant\n${response}<|im_end|>\n`;

  it('reward OpenRLHF samples that come one by one, compared with each other', async () => {
    const prompt = '<|im_start|>user\nWhy?<|im_end|>\n<|im_start|>assistant\n';
    const label = JSON.stringify({ user, groupSize: 3 });
    const answers = await Promise.all(
      [2, 4, 9].map((length) =>
        test.ask('/get_reward', {
          query: [`${prompt}${'x'.repeat(length)}<|im_end|>`],
          prompts: [prompt],
          labels: [label],
        }),
      ),
    );
    expect(answers.map(({ json }) => json.extra_logs.raw_score)).toEqual([[3], [5], [10]]);
    expect(answers[2]!.json).toEqual({
      rewards: [1],
      scores: [1],
      extra_logs: { raw_score: [10], group_size: [3], lost_chains: [0] },
    });
    const shown = test.generator.requests
      .at(-1)!
      .prompt.map(({ text }) => text)
      .join('');
    expect(shown).toContain('Why?');
    expect(shown).not.toContain('im_start');
  });

  it('refuse a query without its prompt and a label that is half JSON', async () => {
    const refused = await test.ask('/get_reward', { query: ['abc'], prompts: ['x'], labels: [''] });
    expect([refused.status, refused.json.error.code]).toEqual([400, 'INPUT_MALFORMED']);
    const half = await test.ask('/get_reward', { query: ['ab'], prompts: ['a'], labels: ['{"user":'] });
    expect([half.status, half.json.error.code]).toEqual([400, 'INPUT_MALFORMED']);
    const unknown = await test.ask('/get_reward', { query: ['ab'], prompts: ['a'], labels: ['{"usr":"a"}'] });
    expect([unknown.status, unknown.json.error.code]).toEqual([400, 'INVALID_OPTION']);
    const lengths = await test.ask('/get_reward', { query: ['ab'], prompts: ['a', 'b'] });
    expect(lengths.json.error.param).toBe('prompts');
  });

  it("reward what verl's client sends and reads", async () => {
    const bodies = [4, 8].map((length) => ({
      model: 'rm',
      input: chatml('x'.repeat(length)),
      use_activation: false,
      user,
      groupSize: 2,
    }));
    const answers = await Promise.all(bodies.map((body) => test.ask('/classify', body)));
    const read = (json: { data: { probs: number[] }[] }): number => json.data.at(-1)!.probs.at(-1)!;
    expect(answers.map(({ json }) => read(json))).toEqual([4 / 9, 8 / 9]);
    const llama =
      '<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\nWhy?<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\nxxxx<|eot_id|>';
    const third = await test.ask('/classify', { input: llama, user, groupSize: 1 });
    expect(read(third.json)).toBe(4 / 9);
    const plain = await test.ask('/classify', { input: 'only words' });
    expect([plain.status, plain.json.error.code]).toEqual([400, 'INPUT_MALFORMED']);
    const named = await test.ask('/classify', { input: chatml('x', 'pgenrm-user: ann\nBe brief.') });
    expect(named.json.error.code).toBe('USER_NOT_FOUND');
  });
});

describe('what describes the server', () => {
  it('embeds texts as floats and as base64', async () => {
    const { json } = await test.ask('/v1/embeddings', { model: 'e', input: ['abc', 'a'] });
    expect(json.data.map((one: { embedding: number[] }) => one.embedding)).toEqual([
      [3, 1],
      [1, 1],
    ]);
    const coded = await test.ask('/v1/embeddings', { input: 'abc', encoding_format: 'base64' });
    const bytes = Buffer.from(coded.json.data[0].embedding, 'base64');
    expect([bytes.readFloatLE(0), bytes.readFloatLE(4)]).toEqual([3, 1]);
    expect((await test.ask('/v1/embeddings', { input: '' })).status).toBe(400);
    await using none = await startServer();
    const refused = await none.ask('/v1/embeddings', { input: 'a' });
    expect(refused.json.error.code).toBe('GENERATOR_UNAVAILABLE');
  });

  it('has every route in /openapi.json with the schemas that it is checked by', async () => {
    const { json } = await test.ask('/openapi.json');
    expect(json.openapi).toBe('3.1.0');
    expect(Object.keys(json.paths)).toEqual([
      '/v1/judge',
      '/v1/rank',
      '/rerank',
      '/v1/rerank',
      '/v2/rerank',
      '/get_reward',
      '/classify',
      '/v1/embeddings',
      '/v1/users/{id}',
      '/v1/users/{id}/choices',
      '/health',
      '/ready',
      '/metrics',
      '/openapi.json',
    ]);
    const body = json.paths['/v1/rank'].post.requestBody.content['application/json'].schema;
    expect(body.properties.options.properties.individual).toMatchObject({ minimum: 1, maximum: 1024 });
    expect(body.additionalProperties).toBe(false);
  });

  it('counts in /metrics what it did, and answers /health and /ready', async () => {
    await test.ask('/v1/rank', { prompt: 'p', candidates: documents });
    const { json: text } = await test.ask('/metrics');
    expect(text).toMatch(/pgenrm_requests_total\{route="\/v1\/rank",status="200"\} \d+/);
    expect(text).toMatch(/pgenrm_chains_total\{outcome="usable"\} [1-9]/);
    expect(text).toMatch(/pgenrm_waiting 0/);
    const health = await test.ask('/health');
    expect(health).toMatchObject({ status: 200, json: { status: 'ok', model: 'fake', running: 0 } });
    expect((await test.ask('/ready')).status).toBe(200);
  });
});

// Every field wrong in type, range or size; wrong addresses, bodies, tokens and names: an error with a code, never a score.
import { request } from 'node:http';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startServer, type TestServer } from '../support/reward-server.js';

const candidates = ['a', 'bb'];
const good = { prompt: 'p', candidates };

let test: TestServer;
beforeAll(async () => {
  test = await startServer({ maxBodyMb: 0.01, maxRows: 3, maxCandidates: 5, maxChains: 8 });
});
afterAll(() => test[Symbol.asyncDispose]());

describe('a body', () => {
  it.each<[string, string, unknown, string | null]>([
    ['no prompt', '/v1/judge', { candidates }, null],
    ['prompt and context', '/v1/judge', { ...good, context: [{ role: 'user', content: 'p' }] }, null],
    ['prompt of a wrong type', '/v1/judge', { ...good, prompt: 5 }, 'prompt'],
    ['no candidates', '/v1/judge', { prompt: 'p' }, null],
    ['empty candidates', '/v1/judge', { prompt: 'p', candidates: [] }, 'candidates'],
    ['a candidate of a wrong type', '/v1/judge', { prompt: 'p', candidates: ['a', null] }, 'candidates[1]'],
    ['an unknown field', '/v1/judge', { ...good, canddiates: [] }, null],
    [
      'an unknown role',
      '/v1/judge',
      { candidates, context: [{ role: 'bot', content: '' }] },
      'context[0].role',
    ],
    ['an empty context', '/v1/judge', { candidates, context: [] }, 'context'],
    ['individual 0', '/v1/judge', { ...good, options: { individual: 0 } }, 'options.individual'],
    ['individual 1.5', '/v1/judge', { ...good, options: { individual: 1.5 } }, 'options.individual'],
    ['a negative seed', '/v1/judge', { ...good, options: { seed: -1 } }, 'options.seed'],
    ['temperature as text', '/v1/judge', { ...good, options: { temperature: '1' } }, 'options.temperature'],
    ['topP 0', '/v1/judge', { ...good, options: { topP: 0 } }, 'options.topP'],
    ['an unknown option', '/v1/judge', { ...good, options: { individuals: 2 } }, 'options'],
    ['too many chains', '/v1/judge', { ...good, options: { individual: 9 } }, null],
    ['prototypes without a bank', '/v1/judge', { ...good, options: { prototypes: 1 } }, null],
    ['a user without id or fields', '/v1/judge', { ...good, user: 5 }, 'user'],
    ['an empty user id', '/v1/judge', { ...good, user: '' }, 'user'],
    ['a history of a wrong type', '/v1/judge', { ...good, user: { history: 'x' } }, 'user.history'],
    [
      'an event without its rejected reply',
      '/v1/judge',
      { ...good, user: { history: [{ prompt: 'p', chosen: 'c' }] } },
      'user.history[0].rejected',
    ],
    ['a stored user where none are stored', '/v1/judge', { ...good, user: 'ann' }, null],
    ['groupSize 0', '/v1/judge', { ...good, groupSize: 0 }, 'groupSize'],
    ['inputs of a wrong type', '/v1/judge', { inputs: {} }, 'inputs'],
    [
      'an error deep in inputs',
      '/v1/judge',
      { inputs: [good, { ...good, candidates: [1] }] },
      'inputs[1].candidates[0]',
    ],
    ['an array', '/v1/judge', [], null],
    ['null', '/v1/judge', null, null],
    ['topN 0', '/v1/rank', { ...good, topN: 0 }, 'topN'],
    ['no query', '/rerank', { documents: ['a'] }, 'query'],
    ['no documents', '/rerank', { query: 'q', documents: [] }, 'documents'],
    ['a document without text', '/rerank', { query: 'q', documents: [{ title: 'a' }] }, 'documents[0].text'],
    ['a negative top_n', '/v2/rerank', { query: 'q', documents: ['a', 'b'], top_n: -1 }, 'top_n'],
    ['prompts that are missing', '/get_reward', { query: ['a'] }, 'prompts'],
    ['input of a wrong type', '/classify', { input: 5 }, 'input'],
    ['input of token ids', '/v1/embeddings', { input: [1, 2] }, 'input[0]'],
  ])('with %s is refused', async (_, path, body, param) => {
    const { status, json } = await test.ask(path, body);
    expect(status).toBe(400);
    expect(json.error.code).toBe('INVALID_OPTION');
    expect(json.error.param).toBe(param);
    expect(json.message).toBe(json.error.message);
    expect(json.error.message).not.toBe('');
  });

  it.each([
    ['cut off', '{"prompt": "p", "candi', 'BODY_NOT_JSON', 400],
    ['empty', '', 'BODY_NOT_JSON', 400],
    ['too large', JSON.stringify({ prompt: 'x'.repeat(20_000), candidates }), 'BODY_TOO_LARGE', 413],
    ['of too many rows', JSON.stringify({ inputs: [good, good, good, good] }), 'TOO_MANY_ROWS', 413],
    [
      'of too many candidates',
      JSON.stringify({ prompt: 'p', candidates: Array(6).fill('a') }),
      'TOO_MANY_ROWS',
      413,
    ],
  ])('that is %s is refused', async (_, body, code, wanted) => {
    const { status, json } = await test.ask('/v1/judge', undefined, { method: 'POST', body });
    expect([status, json.error.code]).toEqual([wanted, code]);
  });

  it('that is large and has no stated length is refused as well', async () => {
    const answer = await new Promise<string>((resolve, reject) => {
      const sent = request(`${test.server.url}/v1/judge`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'transfer-encoding': 'chunked' },
      });
      sent.on('response', (response) => {
        let text = '';
        response.on('data', (some) => {
          text += some;
        });
        response.on('end', () => resolve(text));
      });
      sent.on('error', reject);
      sent.end('x'.repeat(30_000));
    });
    expect(JSON.parse(answer).error.code).toBe('BODY_TOO_LARGE');
  });

  it('that is no JSON by its type is refused: a web page can send no other', async () => {
    const { json } = await test.ask('/v1/judge', undefined, {
      method: 'POST',
      body: JSON.stringify(good),
      headers: { 'content-type': 'text/plain' },
    });
    expect(json.error.code).toBe('BODY_NOT_JSON');
  });

  it('that ends in the middle of what was announced leaves the server well', async () => {
    for (let n = 0; n < 20; n += 1) {
      const socket = connect(test.server.port, '127.0.0.1');
      socket.on('error', () => {});
      socket.write(
        'POST /v1/judge HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: 500\r\n\r\n{"prompt":',
      );
      await new Promise((done) => setTimeout(done, 5));
      socket.destroy();
    }
    expect((await test.ask('/v1/judge', good)).status).toBe(200);
    await expect.poll(async () => (await test.ask('/health')).json.running).toBe(0);
  });
});

describe('an address', () => {
  it('that is not there, or with another method, is an error with a code', async () => {
    expect((await test.ask('/v1/judged', good)).json.error.code).toBe('NOT_FOUND');
    const wrong = await test.ask('/v1/judge');
    expect([wrong.status, wrong.json.error.code]).toEqual([405, 'METHOD_NOT_ALLOWED']);
    expect(test.log.at(-1)).toMatchObject({ status: 405, code: 'METHOD_NOT_ALLOWED' });
    await test.ask('/v1/users/ann/nothing');
    expect(test.log.at(-1)).toMatchObject({ path: '/v1/users/:id/nothing', code: 'NOT_FOUND' });
  });
});

describe('who asks', () => {
  it('needs the token where there is one, except for /health and /ready', async () => {
    const token = 'a-token-of-16-characters';
    await using guarded = await startServer({ token, host: '0.0.0.0' });
    const ask = (headers: Record<string, string>) => guarded.ask('/v1/judge', good, { headers });
    expect((await ask({})).status).toBe(401);
    expect((await ask({ authorization: 'Bearer wrong' })).json.error.code).toBe('UNAUTHORIZED');
    expect((await ask({ authorization: `Bearer ${token}` })).status).toBe(200);
    expect((await guarded.ask('/health')).status).toBe(200);
    expect((await guarded.ask('/metrics')).status).toBe(401);
  });

  it('is no other machine without a token, and no web page', async () => {
    await expect(startServer({ host: '0.0.0.0' })).rejects.toMatchObject({ code: 'INVALID_OPTION' });
    await expect(startServer({ token: 'short' })).rejects.toMatchObject({ code: 'INVALID_OPTION' });
    const page = await test.ask('/v1/judge', good, { headers: { origin: 'https://elsewhere.example' } });
    expect([page.status, page.json.error.code]).toEqual([403, 'FORBIDDEN_HOST']);
    const named = await new Promise<number>((resolve, reject) => {
      request(`${test.server.url}/metrics`, { headers: { host: 'elsewhere.example' } }, (response) => {
        response.resume();
        resolve(response.statusCode!);
      })
        .on('error', reject)
        .end();
    });
    expect(named).toBe(403);
  });

  it('is logged without texts, unless these are asked for', async () => {
    const secret = {
      prompt: 'SECRET',
      candidates: ['SECRET a', 'SECRET b'],
      user: { history: [], criteria: 'SECRET' },
    };
    await test.ask('/v1/judge', secret);
    await test.ask('/v1/judge', { ...secret, prompt: 5 });
    expect(JSON.stringify(test.log)).not.toContain('SECRET');
    expect(test.log.at(-2)).toMatchObject({
      path: '/v1/judge',
      status: 200,
      rows: 1,
      comparisons: 1,
      chains: 1,
    });
    await using open = await startServer({ logTexts: true });
    await open.ask('/v1/judge', secret);
    expect(JSON.stringify(open.log)).toContain('SECRET');
  });
});

describe('the options', () => {
  it.each([{ port: 70_000 }, { queue: -1 }, { timeout: 0 }, { groupSize: 2 }])(
    '%j are refused',
    async (options) => {
      await expect(startServer(options)).rejects.toMatchObject({ code: 'INVALID_OPTION' });
    },
  );

  it('name a port that is taken', async () => {
    await expect(startServer({ port: test.server.port })).rejects.toThrow(/another program listens/);
  });
});

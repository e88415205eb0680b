// What goes on while requests are at work: clients that go, a full queue, time that is over, users forgotten, the end.
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openUserStore } from '../../src/users/sqlite-store.js';
import { startServer } from '../support/reward-server.js';
import { NO_SQLITE } from '../support/sqlite.js';

const good = { prompt: 'p', candidates: ['a', 'bb'] };
const slow = { fake: { delayMs: 60_000 } };

describe('a request at work', () => {
  it('stops its chains when its client goes', async () => {
    await using test = await startServer(slow);
    for (const body of [good, { ...good, stream: true }, { inputs: [good, { ...good, prompt: 'q' }] }]) {
      const stop = new AbortController();
      const asked = fetch(`${test.server.url}/v1/judge`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
        signal: stop.signal,
      }).then((response) => response.text());
      await expect.poll(() => test.generator.active, { interval: 5 }).toBeGreaterThan(0);
      stop.abort();
      await expect(asked).rejects.toThrow();
      await expect.poll(() => test.generator.active, { interval: 5 }).toBe(0);
    }
    await expect
      .poll(() => test.log.filter(({ code }) => code === 'CLIENT_GONE').length)
      .toBeGreaterThanOrEqual(2);
  });

  it('goes on for those who still wait for a gathered comparison', async () => {
    await using test = await startServer({ fake: { delayMs: 300 } });
    const stops = [new AbortController(), new AbortController()];
    const asked = ['a', 'bb'].map((candidate, index) =>
      test.ask(
        '/v1/judge',
        { prompt: 'p', candidates: [candidate], groupSize: 2 },
        { signal: stops[index]!.signal },
      ),
    );
    asked[0]!.catch(() => {});
    await expect.poll(() => test.generator.active, { interval: 5 }).toBe(1);
    stops[0]!.abort();
    await expect(asked[0]).rejects.toThrow();
    expect((await asked[1]!).json.scores).toEqual([3]);
  });

  it('ends when its time is over, and the next one is judged', async () => {
    await using test = await startServer({
      fake: { delayMs: (prompt) => (prompt.includes('slow') ? 60_000 : 0) },
      timeout: 0.1,
    });
    const { status, json } = await test.ask('/v1/judge', { ...good, prompt: 'slow' });
    expect([status, json.error.code]).toEqual([504, 'TIMED_OUT']);
    expect(test.generator.active).toBe(0);
    expect((await test.ask('/v1/judge', good)).status).toBe(200);
  });

  it('is refused with Retry-After while too many wait, for a stream too', async () => {
    await using test = await startServer({ fake: { delayMs: 300 }, concurrency: 1, queue: 2 });
    const asked = [1, 2, 3].map((n) => test.ask('/v1/judge', { ...good, prompt: `${n}` }));
    await expect.poll(async () => (await test.ask('/health')).json.waiting, { interval: 5 }).toBe(2);
    for (const body of [good, { ...good, stream: true }, { prompt: 'p', candidates: ['a'] }]) {
      const full = await test.ask('/v1/judge', body);
      expect([full.status, full.json.error.code]).toEqual([429, 'QUEUE_FULL']);
      expect(Number(full.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
    }
    expect((await Promise.all(asked)).map(({ status }) => status)).toEqual([200, 200, 200]);
    expect((await test.ask('/v1/judge', good)).status).toBe(200);
  });
});

describe('connections', () => {
  it('may idle in great number', async () => {
    await using test = await startServer();
    const sockets: Socket[] = [];
    await Promise.all(
      Array.from(
        { length: 1000 },
        () =>
          new Promise<void>((resolve, reject) => {
            const socket = connect(test.server.port, '127.0.0.1', resolve);
            socket.on('error', reject);
            sockets.push(socket);
          }),
      ),
    );
    expect((await test.ask('/v1/judge', good)).status).toBe(200);
    for (const socket of sockets) socket.destroy();
  });

  it('may send their bodies byte by byte: others are answered meanwhile, and they too in the end', async () => {
    await using test = await startServer();
    const body = JSON.stringify(good);
    const head = `POST /v1/judge HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n`;
    let sent = 0;
    const trickling = Array.from(
      { length: 20 },
      () =>
        new Promise<string>((resolve, reject) => {
          let answer = '';
          let at = 0;
          const socket = connect(test.server.port, '127.0.0.1', () => {
            socket.write(head);
            const timer = setInterval(() => {
              socket.write(body.slice(at, at + 1));
              sent += 1;
              at += 1;
              if (at === body.length) clearInterval(timer);
            }, 5);
          });
          socket.on('data', (data) => (answer += data.toString()));
          socket.on('end', () => resolve(answer));
          socket.on('error', reject);
        }),
    );
    await expect.poll(() => sent, { interval: 2 }).toBeGreaterThan(20);
    expect((await test.ask('/v1/judge', { ...good, prompt: 'another' })).status).toBe(200);
    expect(sent).toBeLessThan(20 * body.length);
    for (const answer of await Promise.all(trickling)) expect(answer).toMatch(/^HTTP\/1\.1 200 /);
  });

  it('may break off in the middle of a body: it is no request, and the server goes on', async () => {
    await using test = await startServer();
    await Promise.all(
      Array.from(
        { length: 20 },
        () =>
          new Promise<void>((resolve) => {
            const head =
              'POST /v1/judge HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 500\r\n\r\n{"prompt":';
            const socket = connect(test.server.port, '127.0.0.1', () =>
              socket.write(head, () => socket.destroy()),
            );
            socket.on('close', () => resolve());
          }),
      ),
    );
    expect((await test.ask('/v1/judge', good)).status).toBe(200);
    expect(test.generator.requests.length).toBe(1);
  });
});

describe('stopping', () => {
  it('answers all 100 requests in flight, takes no new ones, and closes', async () => {
    const test = await startServer({ fake: { delayMs: 1000 }, concurrency: 64 });
    const asked = Array.from({ length: 100 }, (_, n) => test.ask('/v1/judge', { ...good, prompt: `${n}` }));
    await expect.poll(() => test.generator.active, { interval: 2 }).toBeGreaterThan(0);
    await expect
      .poll(async () => (await test.ask('/metrics')).json, { interval: 2 })
      .toMatch(/pgenrm_admitted 100/);
    await test.server.stop();
    expect(new Set((await Promise.all(asked)).map(({ status }) => status))).toEqual(new Set([200]));
    await expect(test.ask('/health')).rejects.toThrow();
    await test.server.stop();
  });

  it('ends what is not done in time with a code', async () => {
    const test = await startServer({ ...slow, grace: 0.05 });
    const asked = [1, 2].map((n) => test.ask('/v1/judge', { ...good, prompt: `${n}` }));
    await expect.poll(() => test.generator.active, { interval: 5 }).toBe(2);
    const began = performance.now();
    await test.server.stop();
    expect(performance.now() - began).toBeLessThan(10_000);
    for (const { status, json } of await Promise.all(asked)) {
      expect([status, json.error.code]).toEqual([503, 'STOPPING']);
    }
  });
});

describe.skipIf(NO_SQLITE !== null)(`stored users (${NO_SQLITE ?? 'with better-sqlite3'})`, () => {
  const withUsers = async (options = {}) => {
    const folder = mkdtempSync(join(tmpdir(), 'pgenrm-server-'));
    const test = await startServer({ users: await openUserStore(join(folder, 'users.db')), ...options });
    const send = (method: string, path: string, body?: unknown, headers = {}) =>
      test.ask(path, undefined, {
        method,
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        headers,
      });
    return {
      ...test,
      ask: test.ask,
      send,
      [Symbol.asyncDispose]: async () => {
        await test.server.stop();
        rmSync(folder, { recursive: true, force: true });
      },
    };
  };
  const choice = { prompt: 'Before?', chosen: 'x'.repeat(8), rejected: 'x'.repeat(3) };

  it('are put, read, appended to, judged for and forgotten', async () => {
    await using test = await withUsers();
    const put = await test.send('PUT', '/v1/users/ann%20b', { criteria: 'CRITERIA', history: [choice] });
    expect([put.json, put.headers.get('etag')]).toEqual([{ id: 'ann b', version: 1, events: 1 }, '"1"']);
    const more = await test.send('POST', '/v1/users/ann%20b/choices', choice);
    expect(more.json).toEqual({ id: 'ann b', version: 2, events: 2 });
    const read = await test.send('GET', '/v1/users/ann%20b');
    expect(read.json).toMatchObject({ id: 'ann b', version: 2, criteria: 'CRITERIA' });
    expect(read.json.history[1].context).toEqual([{ role: 'user', content: 'Before?' }]);
    const judged = await test.ask('/v1/judge', { ...good, user: 'ann b' });
    expect(judged.json.usedEvents).toBe(2);
    const ranked = await test.ask('/v2/rerank', { query: 'q', documents: ['a', 'bb'], user: 'ann b' });
    expect(ranked.status).toBe(200);
    const prompt = test.generator.requests
      .at(-1)!
      .prompt.map(({ text }) => text)
      .join('');
    expect(prompt).toContain('CRITERIA');
    expect((await test.send('DELETE', '/v1/users/ann%20b')).json).toEqual({ id: 'ann b', forgotten: true });
    for (const answer of [
      await test.send('DELETE', '/v1/users/ann%20b'),
      await test.send('GET', '/v1/users/ann%20b'),
      await test.ask('/v1/judge', { ...good, user: 'ann b' }),
    ]) {
      expect([answer.status, answer.json.error.code]).toEqual([404, 'USER_NOT_FOUND']);
    }
    expect(JSON.stringify(test.log)).not.toContain('ann');
  });

  it('change once where two requests change them from the same version', async () => {
    await using test = await withUsers();
    await test.send('PUT', '/v1/users/ann', {});
    const answers = await Promise.all(
      [1, 2].map(() => test.send('POST', '/v1/users/ann/choices', choice, { 'if-match': '"1"' })),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 412]);
    const wrong = await test.send('PUT', '/v1/users/ann', {}, { 'if-match': 'W/x' });
    expect(wrong.json.error.code).toBe('INVALID_OPTION');
    const taken = await test.send('PUT', '/v1/users/ann', {}, { 'if-none-match': '*' });
    expect(taken.json.error.code).toBe('USER_CHANGED');
    const long = await test.send('PUT', `/v1/users/${'x'.repeat(300)}`, {});
    expect(long.json.error.code).toBe('INVALID_OPTION');
    const unfit = await test.send('POST', '/v1/users/ann/choices', { ...choice, context: [] });
    expect(unfit.status).toBe(400);
  });

  it('end what is judged for them when they are forgotten, and nothing else', async () => {
    await using test = await withUsers({ fake: { delayMs: 400 } });
    await test.send('PUT', '/v1/users/ann', { history: [choice] });
    const asked = test.ask('/v1/judge', { inputs: [{ ...good, user: 'ann' }, good] });
    await expect.poll(() => test.generator.active, { interval: 5 }).toBe(2);
    await test.send('DELETE', '/v1/users/ann');
    const { json } = await asked;
    expect(json.results[0].error.code).toBe('USER_NOT_FOUND');
    expect(json.results[1].scores).toEqual([2, 3]);
  });
});

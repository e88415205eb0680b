import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { downloadModel, parseModelAddress } from '../../src/model-file/model-download.js';
import { packageRoot } from '../../src/package.js';

const BYTES = Buffer.from(Array.from({ length: 200_000 }, (_, index) => (index * 7) % 251));
const SHA256 = createHash('sha256').update(BYTES).digest('hex');
const ADDRESS = parseModelAddress('hf:owner/repo/model.gguf');
const LIMITS = { connectMs: 1_000, answerMs: 500, silenceMs: 500 };

let folder: string;
let servers: Server[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pgenrm-download-'));
  servers = [];
  for (const name of ['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY', 'http_proxy', 'https_proxy', 'no_proxy'])
    vi.stubEnv(name, '');
  vi.stubEnv('HF_TOKEN', '');
  vi.stubEnv('MODEL_ENDPOINT', '');
});

afterEach(async () => {
  vi.unstubAllEnvs();
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
  await rm(folder, { recursive: true, force: true });
});

async function listen(answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<string> {
  const server = createServer(answer);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

async function hub(answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<string> {
  const url = await listen(answer);
  vi.stubEnv('HF_ENDPOINT', url);
  return url;
}

const download = (signal?: AbortSignal): Promise<string> =>
  downloadModel(ADDRESS, folder, { limits: LIMITS, ...(signal === undefined ? {} : { signal }) });

function whole(request: IncomingMessage, response: ServerResponse): void {
  const from = Number(/bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0);
  response.statusCode = request.headers.range === undefined ? 200 : 206;
  response.setHeader('etag', '"one"');
  response.setHeader('content-length', BYTES.length - from);
  response.end(BYTES.subarray(from));
}

describe('downloadModel', () => {
  it.each<[string, string, (request: IncomingMessage, response: ServerResponse) => void]>([
    [
      'is overloaded',
      'answered 503. The fault is the server',
      (_, response) => response.writeHead(503).end(),
    ],
    ['has no such file', 'no such file there', (_, response) => response.writeHead(404).end()],
    ['wants a token', 'set HF_TOKEN', (_, response) => response.writeHead(401).end()],
    ['never answers', 'gave no answer in time', () => undefined],
    [
      'falls silent in the file',
      'fell silent in the middle of the file',
      (_, response) => {
        response.writeHead(200, { 'content-length': BYTES.length }).write(BYTES.subarray(0, 1000));
      },
    ],
    ['hangs up', 'connection broke off', (request) => request.socket.destroy()],
    [
      'sends itself in a circle',
      'redirects more than 5 times',
      (request, response) => response.writeHead(302, { location: request.url ?? '/' }).end(),
    ],
  ])('says soon that the server %s', async (_what, part, answer) => {
    const url = await hub(answer);
    await expect(download()).rejects.toMatchObject({
      code: 'MODEL_NOT_FOUND',
      message: expect.stringContaining(part),
    });
    await expect(download()).rejects.toThrow(`asked for ${url}owner/repo/resolve/main/model.gguf`);
  });

  it.each([
    ['there is no server', 'http://127.0.0.1:9/', /refused/],
    ['nobody knows the server', 'http://nobody.invalid/', /name|DNS|ENOTFOUND|EAI_AGAIN/],
  ])('says soon that %s', async (_what, endpoint, part) => {
    vi.stubEnv('HF_ENDPOINT', endpoint);
    await expect(download()).rejects.toMatchObject({
      code: 'MODEL_NOT_FOUND',
      message: expect.stringMatching(part),
    });
  });

  it('tells what it asks for before it asks', async () => {
    const url = await hub(whole);
    const told: [number, number, string][] = [];
    const path = await downloadModel(ADDRESS, folder, { onProgress: (...progress) => told.push(progress) });
    const from = `${url}owner/repo/resolve/main/model.gguf`;
    expect(told[0]).toEqual([0, 0, from]);
    expect(told.at(-1)).toEqual([BYTES.length, BYTES.length, from]);
    expect(await readFile(path)).toEqual(BYTES);
  });

  it('takes up a file where an earlier try left it, and begins anew where the server has another', async () => {
    let etag = '"one"';
    const ranges: (string | undefined)[] = [];
    await hub((request, response) => {
      ranges.push(request.headers.range);
      const goesOn = request.headers['if-range'] === etag;
      if (!goesOn) delete request.headers.range;
      if (ranges.length % 2 === 1) {
        response.writeHead(200, { etag, 'content-length': BYTES.length }).write(BYTES.subarray(0, 5000));
      } else whole(request, response);
    });
    await expect(download()).rejects.toThrow('fell silent');
    expect(await readFile(await download())).toEqual(BYTES);
    expect(ranges).toEqual([undefined, 'bytes=5000-']);
    await rm(join(folder, 'models'), { recursive: true });
    await expect(download()).rejects.toThrow('fell silent');
    etag = '"two"';
    expect(await readFile(await download())).toEqual(BYTES);
    expect((await readdir(join(folder, 'models'))).filter((name) => !name.endsWith('.gguf'))).toEqual([]);
  });

  it('goes on by itself where a connection breaks that has brought something', async () => {
    let times = 0;
    await hub((request, response) => {
      times += 1;
      if (times > 3) return whole(request, response);
      const from = Number(/bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0);
      response.writeHead(from === 0 ? 200 : 206, { etag: '"one"', 'content-length': BYTES.length - from });
      response.write(BYTES.subarray(from, from + 10_000), () =>
        setTimeout(() => request.socket.destroy(), 50),
      );
    });
    expect(await readFile(await download())).toEqual(BYTES);
    expect(times).toBe(4);
  });

  it('checks what arrives by the checksum that the hub announces', async () => {
    let announced = SHA256;
    await hub((request, response) => {
      response.setHeader('x-linked-etag', `"${announced}"`);
      whole(request, response);
    });
    expect(await readFile(await download())).toEqual(BYTES);
    await rm(join(folder, 'models'), { recursive: true });
    announced = '0'.repeat(64);
    await expect(download()).rejects.toMatchObject({
      code: 'MODEL_UNUSABLE',
      message: expect.stringContaining(SHA256),
    });
    expect(await readdir(join(folder, 'models'))).toEqual([]);
  });

  it('shows the token to the server that asks for it, and to no other', async () => {
    vi.stubEnv('HF_TOKEN', 'secret');
    const seen: [string, string | undefined][] = [];
    const store = await listen((request, response) => {
      seen.push(['store', request.headers.authorization]);
      whole(request, response);
    });
    await hub((request, response) => {
      seen.push(['hub', request.headers.authorization]);
      if (request.headers.authorization === undefined) response.writeHead(401).end();
      else response.writeHead(302, { location: `${store}blob` }).end();
    });
    expect(await readFile(await download())).toEqual(BYTES);
    expect(seen).toEqual([
      ['hub', undefined],
      ['hub', 'Bearer secret'],
      ['store', undefined],
    ]);
  });

  it('fetches every part of a model that is split', async () => {
    const asked: string[] = [];
    await hub((request, response) => {
      asked.push(request.url ?? '');
      whole(request, response);
    });
    const path = await downloadModel(parseModelAddress('hf:o/r/m-00001-of-00003.gguf'), folder);
    expect(path).toMatch(/o_r_m-00001-of-00003\.gguf$/);
    expect(asked.map((url) => url.slice(-13))).toEqual(
      ['1-of-00003.gguf', '2-of-00003.gguf', '3-of-00003.gguf'].map((end) => end.slice(-13)),
    );
    expect(await readdir(join(folder, 'models'))).toHaveLength(3);
  });

  it('goes through the proxy of the environment, and past it where NO_PROXY says so', async () => {
    const url = await hub(whole);
    let tunnels = 0;
    const proxy = createServer();
    servers.push(proxy);
    proxy.on('connect', (request: IncomingMessage, client: Socket) => {
      tunnels += 1;
      const [host = '', port = ''] = (request.url ?? '').split(':');
      const upstream = connect(Number(port), host, () => {
        client.write('HTTP/1.1 200 OK\r\n\r\n');
        upstream.pipe(client).pipe(upstream);
      });
      upstream.on('error', () => client.destroy());
      client.on('error', () => upstream.destroy());
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    const address = `127.0.0.1:${(proxy.address() as AddressInfo).port}`;
    vi.stubEnv('HTTP_PROXY', `http://${address}`);
    expect(await readFile(await download())).toEqual(BYTES);
    expect(tunnels).toBe(1);
    await rm(join(folder, 'models'), { recursive: true });
    vi.stubEnv('NO_PROXY', '127.0.0.1');
    expect(await readFile(await download())).toEqual(BYTES);
    expect(tunnels).toBe(1);
    vi.stubEnv('NO_PROXY', '');
    vi.stubEnv('HTTP_PROXY', 'http://user:word@127.0.0.1:9');
    await rm(join(folder, 'models'), { recursive: true });
    const failed = download();
    await expect(failed).rejects.toThrow(
      `asked for ${url}owner/repo/resolve/main/model.gguf through the proxy 127.0.0.1:9`,
    );
    await expect(failed).rejects.not.toThrow('word');
  });

  it.each<[string, (request: IncomingMessage, response: ServerResponse) => void]>([
    ['waits for an answer', () => undefined],
    [
      'waits for more of the file',
      (_, response) => {
        response.writeHead(200, { 'content-length': BYTES.length }).write(BYTES.subarray(0, 1000));
      },
    ],
  ])('stops at the signal while it %s', async (_what, answer) => {
    await hub(answer);
    const stop = new AbortController();
    const reason = new Error('enough');
    setTimeout(() => stop.abort(reason), 100);
    await expect(downloadModel(ADDRESS, folder, { signal: stop.signal })).rejects.toBe(reason);
  });
});

describe('pgenrm while it downloads', () => {
  it.each(['SIGINT', 'SIGTERM'] as const)('ends at %s, and says what it was asking for', async (name) => {
    const url = await hub(() => undefined);
    const data = join(packageRoot(), 'examples', 'preferences.jsonl');
    const child = spawn(
      process.execPath,
      [join(packageRoot(), 'dist', 'cli', 'main.js'), 'score', data, '--model', 'hf:owner/repo/model.gguf'],
      { env: { ...process.env, HF_ENDPOINT: url, PGENRM_CACHE: folder }, stdio: ['ignore', 'pipe', 'pipe'] },
    );
    let said = '';
    child.stderr.on('data', (part: Buffer) => {
      said += part.toString();
    });
    while (!said.includes('asking for')) {
      expect(child.exitCode, said).toBeNull();
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    const began = performance.now();
    child.kill(name);
    const code = await new Promise((resolve) => child.on('close', resolve));
    expect(code).toBe(name === 'SIGINT' ? 130 : 143);
    // A second where nothing else runs; the limits of connections are ten.
    expect(performance.now() - began).toBeLessThan(8_000);
    expect(said).toContain(`download: asking for ${url}owner/repo/resolve/main/model.gguf`);
  });
});

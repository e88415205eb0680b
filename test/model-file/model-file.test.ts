import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import {
  appendFile,
  copyFile,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type ErrorCode, PgenrmError } from '../../src/errors.js';
import { defaultCacheFolder } from '../../src/model-file/cache-folder.js';
import { hashFiles } from '../../src/model-file/file-hash.js';
import { parseModelAddress } from '../../src/model-file/model-download.js';
import { resolveModel } from '../../src/model-file/model-file.js';
import { packageRoot } from '../../src/package.js';
import { randomModel } from '../support/random-model.js';

let folder: string;
let cacheFolder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pgenrm-model-'));
  cacheFolder = join(folder, 'cache');
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true, force: true });
});

async function expectCode(
  promise: Promise<unknown>,
  code: ErrorCode,
  ...parts: (string | RegExp)[]
): Promise<void> {
  const error = await promise.then(
    () => expect.fail('it should have failed'),
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(PgenrmError);
  expect(error).toMatchObject({ code });
  for (const part of parts) expect((error as PgenrmError).message).toMatch(part);
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

describe('hashFiles', () => {
  it('hashes files one after another', async () => {
    const [a, b] = [join(folder, 'a'), join(folder, 'b')];
    await writeFile(a, 'first ');
    await writeFile(b, 'second');
    expect(await hashFiles([a, b], { cacheFolder: null })).toBe(sha256(Buffer.from('first second')));
    expect(existsSync(cacheFolder)).toBe(false);
  });

  it('remembers a hash until size or time of change differ', async () => {
    const path = join(folder, 'model');
    await writeFile(path, 'one');
    await utimes(path, 1000, 1000);
    const before = await hashFiles([path], { cacheFolder });
    await writeFile(path, 'two');
    await utimes(path, 1000, 1000);
    // Same size and time: the remembered hash shows that the file was not read again.
    expect(await hashFiles([path], { cacheFolder })).toBe(before);
    await utimes(path, 2000, 2000);
    expect(await hashFiles([path], { cacheFolder })).toBe(sha256(Buffer.from('two')));
    await appendFile(path, '!');
    await utimes(path, 2000, 2000);
    expect(await hashFiles([path], { cacheFolder })).toBe(sha256(Buffer.from('two!')));
  });

  it('does without a memory that is broken or cannot be written', async () => {
    const path = join(folder, 'model');
    await writeFile(path, 'one');
    const expected = sha256(Buffer.from('one'));
    await hashFiles([path], { cacheFolder });
    const [name] = await readdir(join(cacheFolder, 'hashes'));
    await writeFile(join(cacheFolder, 'hashes', name!), '{"sha256":');
    expect(await hashFiles([path], { cacheFolder })).toBe(expected);
    await writeFile(join(folder, 'file'), '');
    expect(await hashFiles([path], { cacheFolder: join(folder, 'file') })).toBe(expected);
  });

  it('says which file cannot be read, and stops when aborted', async () => {
    await expectCode(hashFiles([join(folder, 'none')], { cacheFolder }), 'MODEL_NOT_FOUND', /none/);
    const reason = new Error('stop');
    const signal = AbortSignal.abort(reason);
    await expect(hashFiles([join(folder, 'none')], { cacheFolder, signal })).rejects.toBe(reason);
  });
});

describe('parseModelAddress', () => {
  it.each([
    ['hf:owner/repo/file.gguf', null],
    ['hf:owner/repo/sub/file-Q8_0.gguf#v1.0', null],
    ['hf:own-er/re.po:Q4_K_M', null],
    [`hf:o/r:Q8_0@sha256:${'A'.repeat(64)}`, 'a'.repeat(64)],
  ])('reads %s', (spec, checksum) => {
    expect(parseModelAddress(spec)).toEqual({ uri: spec.split('@')[0], sha256: checksum });
  });

  it.each([
    'hf:',
    'hf:owner',
    'hf:owner/repo',
    'hf:owner/repo/file.bin',
    'hf:owner/repo/../../secret.gguf',
    'hf:../repo/file.gguf',
    'hf:owner/repo:Q8 0',
    'hf:owner/repo/file.gguf@sha256:12',
    `hf:o/r:Q8_0@sha256:${'a'.repeat(64)}@sha256:${'a'.repeat(64)}`,
  ])('refuses %s', (spec) => {
    expect(() => parseModelAddress(spec)).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }));
  });
});

describe('defaultCacheFolder', () => {
  it('follows PGENRM_CACHE and the habits of the platform', () => {
    vi.stubEnv('PGENRM_CACHE', '/somewhere');
    expect(defaultCacheFolder()).toBe('/somewhere');
    vi.stubEnv('PGENRM_CACHE', '');
    vi.stubEnv('XDG_CACHE_HOME', '/caches');
    expect(defaultCacheFolder()).toMatch(process.platform === 'linux' ? /^\/caches\/pgenrm$/ : /pgenrm$/);
  });
});

describe('resolveModel with a path', () => {
  it('gives path, size, hash and facts', async () => {
    const path = join(folder, 'model.gguf');
    await copyFile(await randomModel(), path);
    const bytes = await readFile(path);
    const found = await resolveModel(path, { cacheFolder });
    expect(found).toMatchObject({ path, spec: path, bytes: bytes.length, sha256: sha256(bytes) });
    expect(found.facts.architecture).toBe('llama');
  });

  it('refuses what is not there or damaged', async () => {
    await expectCode(resolveModel(join(folder, 'none.gguf'), { cacheFolder }), 'MODEL_NOT_FOUND', /nano/);
    await expectCode(resolveModel('', { cacheFolder }), 'INVALID_OPTION', /model/);
    const path = join(folder, 'bad.gguf');
    await writeFile(path, 'not a model at all, only some text');
    await expectCode(resolveModel(path, { cacheFolder }), 'MODEL_UNUSABLE', /bad\.gguf/);
  });

  it('rejects with the reason when aborted', async () => {
    const reason = new Error('stop');
    await expect(resolveModel('nano', { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });

  const bundled = existsSync(join(packageRoot(), 'models', 'nano.gguf'));

  it.skipIf(!bundled)('finds the bundled model', async () => {
    const found = await resolveModel('nano', { cacheFolder });
    expect(found.path).toBe(join(packageRoot(), 'models', 'nano.gguf'));
    expect(found.bytes).toBeLessThanOrEqual(30 * 2 ** 20);
    expect(found.facts.chatTemplate).not.toBeNull();
  });

  it.skipIf(bundled)('says where the bundled model should be', async () => {
    await expectCode(resolveModel('nano', { cacheFolder }), 'MODEL_NOT_FOUND', /models.nano\.gguf/);
  });
});

// A stand-in for the model server on the loopback device: serves one file, counts and can stall.
class ModelServer {
  requests: string[] = [];
  sent = 0;
  /** Bytes after which a response stalls; the server never ends it. */
  stallAfter = Number.POSITIVE_INFINITY;
  private readonly server: Server;

  constructor(private readonly bytes: Buffer) {
    this.server = createServer((request, response) => {
      const { url = '', method = 'GET' } = request;
      this.requests.push(`${method} ${url}`);
      if (url.startsWith('/v2/owner/repo/manifests/Q8_0')) {
        response.setHeader('content-type', 'application/json');
        response.end(JSON.stringify({ ggufFile: { rfilename: 'model-Q8_0.gguf', size: this.bytes.length } }));
        return;
      }
      if (!url.startsWith('/owner/repo/resolve/main/model-Q8_0.gguf')) {
        response.statusCode = 404;
        response.end('Entry not found');
        return;
      }
      const range = /bytes=(\d+)-(\d*)/.exec(request.headers.range ?? '');
      const start = range === null ? 0 : Number(range[1]);
      const end = range?.[2] ? Math.min(Number(range[2]), this.bytes.length - 1) : this.bytes.length - 1;
      const part = this.bytes.subarray(start, end + 1);
      response.statusCode = range === null ? 200 : 206;
      response.setHeader('accept-ranges', 'bytes');
      response.setHeader('content-length', part.length);
      if (range !== null) response.setHeader('content-range', `bytes ${start}-${end}/${this.bytes.length}`);
      if (method === 'HEAD') {
        response.end();
        return;
      }
      const room = Math.max(0, this.stallAfter - this.sent);
      this.sent += Math.min(room, part.length);
      if (room >= part.length) response.end(part);
      else response.write(part.subarray(0, room));
    });
  }

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/`;
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

describe('resolveModel with an hf: address', () => {
  let server: ModelServer;
  let bytes: Buffer;

  beforeEach(async () => {
    bytes = await readFile(await randomModel());
    server = new ModelServer(bytes);
    const endpoint = await server.listen();
    vi.stubEnv('MODEL_ENDPOINT', endpoint);
    vi.stubEnv('HF_ENDPOINT', endpoint);
    vi.stubEnv('HF_TOKEN', '');
  });

  afterEach(async () => {
    await server.close();
  });

  const FILE = 'hf:owner/repo/model-Q8_0.gguf';

  it('downloads once, whole and quietly, and takes it from the cache then', async () => {
    const out = vi.spyOn(process.stdout, 'write');
    const err = vi.spyOn(process.stderr, 'write');
    const seen: [number, number][] = [];
    const found = await resolveModel(FILE, {
      cacheFolder,
      onProgress: (done, total) => seen.push([done, total]),
    });
    const printed = out.mock.calls.length + err.mock.calls.length;
    vi.restoreAllMocks();
    expect(printed).toBe(0);
    expect(found).toMatchObject({ spec: FILE, bytes: bytes.length, sha256: sha256(bytes) });
    expect(found.path.startsWith(cacheFolder)).toBe(true);
    for (const [done, total] of seen) expect(done).toBeLessThanOrEqual(total);
    const asked = server.requests.length;
    expect(asked).toBeGreaterThan(0);
    expect((await resolveModel(FILE, { cacheFolder })).path).toBe(found.path);
    expect(server.requests.length).toBe(asked);
    expect(await readdir(join(cacheFolder, 'models'))).toHaveLength(1);
  });

  it('finds the file of a quantization', async () => {
    const found = await resolveModel('hf:owner/repo:Q8_0', { cacheFolder });
    expect(found.sha256).toBe(sha256(bytes));
  });

  it('checks a checksum that the address asks for', async () => {
    const right = sha256(bytes);
    await expect(resolveModel(`${FILE}@sha256:${right}`, { cacheFolder })).resolves.toMatchObject({
      sha256: right,
    });
    const wrong = '0'.repeat(64);
    await expectCode(
      resolveModel(`${FILE}@sha256:${wrong}`, { cacheFolder }),
      'MODEL_UNUSABLE',
      wrong,
      right,
    );
    expect((await readdir(join(cacheFolder, 'models'))).every((name) => name.endsWith('.wrong'))).toBe(true);
  });

  it('says that there is no such model', async () => {
    await expectCode(
      resolveModel('hf:owner/repo/other.gguf', { cacheFolder }),
      'MODEL_NOT_FOUND',
      /hf:owner\/repo\/other\.gguf/,
    );
    await expectCode(resolveModel('hf:owner/repo:Q2_K', { cacheFolder }), 'MODEL_NOT_FOUND', /Q2_K/);
  });

  it('says that the cache cannot be written', async () => {
    await writeFile(join(folder, 'file'), '');
    await expectCode(
      resolveModel(FILE, { cacheFolder: join(folder, 'file') }),
      'OUTPUT_FAILED',
      /PGENRM_CACHE/,
    );
  });

  it('leaves no model under its name when stopped, and gets the whole one later', async () => {
    server.stallAfter = Math.floor(bytes.length / 2);
    const controller = new AbortController();
    const reason = new Error('stop');
    const stopped = resolveModel(FILE, { cacheFolder, signal: controller.signal });
    while (server.sent < server.stallAfter) await new Promise((resolve) => setTimeout(resolve, 10));
    await new Promise((resolve) => setTimeout(resolve, 50));
    controller.abort(reason);
    await expect(stopped).rejects.toBe(reason);
    const left = existsSync(join(cacheFolder, 'models')) ? await readdir(join(cacheFolder, 'models')) : [];
    expect(left.filter((name) => name.endsWith('.gguf'))).toEqual([]);
    server.stallAfter = Number.POSITIVE_INFINITY;
    const found = await resolveModel(FILE, { cacheFolder });
    expect(found.sha256).toBe(sha256(bytes));
  });

  it('does not start when aborted already', async () => {
    const reason = new Error('stop');
    await expect(resolveModel(FILE, { cacheFolder, signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    expect(server.requests).toEqual([]);
  });

  it('does not take a broken download for a model', async () => {
    await mkdir(join(cacheFolder, 'models'), { recursive: true });
    const found = await resolveModel(FILE, { cacheFolder });
    await writeFile(found.path, bytes.subarray(0, 5000));
    await expectCode(resolveModel(FILE, { cacheFolder }), 'MODEL_UNUSABLE', /header|cut short/);
  });
});

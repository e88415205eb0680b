// Fetches one file: takes up what an earlier try left, checks what arrives, and gives the file its name when it is whole.
// Knows HTTP; nothing of models.

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type Dispatcher, request } from 'undici';

/** What to fetch and how. */
export interface FetchFileOptions {
  readonly url: string;
  /** Where the whole file goes; beside it stands `.part` while it is fetched, and after a try that broke off. */
  readonly path: string;
  readonly connections: Dispatcher;
  /** Sent to the server of `url` alone, where it asks for it. */
  readonly token: string | null;
  readonly signal: AbortSignal | undefined;
  /** Bytes that are there, and bytes in all, 0 while that is not known. */
  readonly onProgress: (done: number, total: number) => void;
}

/** An answer that is none, or not the one that was expected. */
export class FetchFailure extends Error {
  override readonly name = 'FetchFailure';

  constructor(
    message: string,
    /** Of HTTP; 0 where there was no answer. */
    readonly status = 0,
  ) {
    super(message);
  }
}

/** Of a file that is fetched: what tells whether the server still has the same. */
interface PartNote {
  readonly etag: string;
  readonly bytes: number;
  readonly sha256: string | null;
}

type Answer = Dispatcher.ResponseData & { readonly linked: Record<string, string> };

const MOST_REDIRECTS = 5;
const MOST_RESUMPTIONS = 5;

/** Fetches a file. Throws `FetchFailure`, errors of the connection and of the file system, and the signal's reason. */
export async function fetchFile(options: FetchFileOptions): Promise<void> {
  const { path, signal } = options;
  await mkdir(dirname(path), { recursive: true });
  let before = -1;
  for (let tries = 0; ; tries++) {
    try {
      await fetchRest(options);
      return;
    } catch (error) {
      if (signal?.aborted === true) throw signal.reason;
      // A connection that breaks after it brought something is taken up again; silence is not.
      const now = await sizeOf(`${path}.part`);
      if (!isBroken(error) || now <= before || tries >= MOST_RESUMPTIONS) throw error;
      before = now;
    }
  }
}

async function fetchRest(options: FetchFileOptions): Promise<void> {
  const { path, signal, onProgress } = options;
  const part = `${path}.part`;
  const note = await readNote(part);
  const have = note === null ? 0 : await sizeOf(part);
  const headers: Record<string, string> =
    note === null || have === 0 ? {} : { range: `bytes=${have}-`, 'if-range': note.etag };
  const answer = await get(options, headers);
  const { statusCode } = answer;
  if (statusCode !== 200 && statusCode !== 206) {
    drop(answer);
    if (statusCode === 416 && have > 0) {
      await rm(part, { force: true });
      throw new FetchFailure('the server has another file than the one that was begun; try again', 416);
    }
    throw new FetchFailure(`the server answered ${statusCode}`, statusCode);
  }
  const goesOn = statusCode === 206;
  const start = goesOn ? have : 0;
  const length = Number(answer.headers['content-length'] ?? Number.NaN);
  const bytes = Number.isFinite(length) ? start + length : 0;
  const made = { etag: text(answer.headers.etag), bytes, sha256: checksumOf(answer.linked) };
  const kept = goesOn && note !== null ? { ...note, bytes } : made;
  if (kept.etag !== '') await writeFile(`${part}.json`, JSON.stringify(kept));
  const file = await open(part, goesOn ? 'a' : 'w');
  let done = start;
  try {
    onProgress(done, bytes);
    for await (const chunk of answer.body) {
      signal?.throwIfAborted();
      await file.write(chunk as Buffer);
      done += (chunk as Buffer).length;
      onProgress(done, bytes);
    }
    await file.sync();
  } finally {
    await file.close();
  }
  if (bytes > 0 && done !== bytes) {
    throw new FetchFailure(`the connection ended after ${done} of ${bytes} bytes`);
  }
  if (kept.sha256 !== null) await checkSum(part, kept.sha256, signal);
  await rename(part, path);
  await rm(`${part}.json`, { force: true });
}

/** GET, redirects followed; the token is asked for by 401 or 403 and never leaves its server. */
async function get(options: FetchFileOptions, headers: Record<string, string>): Promise<Answer> {
  const { connections, token, signal } = options;
  const home = new URL(options.url).origin;
  let url = options.url;
  let authorized = false;
  const linked: Record<string, string> = {};
  for (let hops = 0; hops <= MOST_REDIRECTS; ) {
    const answer = await request(url, {
      dispatcher: connections,
      headers: {
        ...headers,
        'accept-encoding': 'identity',
        ...(authorized && new URL(url).origin === home ? { authorization: `Bearer ${token}` } : {}),
      },
      ...(signal === undefined ? {} : { signal }),
    });
    for (const name of ['x-linked-etag', 'x-linked-size']) {
      const value = text(answer.headers[name]);
      if (value !== '') linked[name] = value;
    }
    const { statusCode } = answer;
    if ((statusCode === 401 || statusCode === 403) && token !== null && !authorized) {
      drop(answer);
      authorized = true;
      url = options.url;
      continue;
    }
    const location = text(answer.headers.location);
    if (statusCode < 300 || statusCode >= 400 || location === '') return { ...answer, linked };
    drop(answer);
    url = new URL(location, url).href;
    hops++;
  }
  throw new FetchFailure(`the server redirects more than ${MOST_REDIRECTS} times`);
}

/** The answer of a short GET as text. Errors as {@link fetchFile}. */
export async function fetchText(
  options: Omit<FetchFileOptions, 'path' | 'onProgress'> & { readonly headers: Record<string, string> },
): Promise<string> {
  const answer = await get({ ...options, path: '', onProgress: () => undefined }, options.headers);
  if (answer.statusCode !== 200) {
    drop(answer);
    throw new FetchFailure(`the server answered ${answer.statusCode}`, answer.statusCode);
  }
  return answer.body.text();
}

/** The hub names the SHA-256 of a large file as its tag. */
function checksumOf(linked: Record<string, string>): string | null {
  return /^"?([0-9a-f]{64})"?$/.exec(linked['x-linked-etag'] ?? '')?.[1] ?? null;
}

async function checkSum(path: string, expected: string, signal: AbortSignal | undefined): Promise<void> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) {
    signal?.throwIfAborted();
    hash.update(chunk as Buffer);
  }
  const found = hash.digest('hex');
  if (found === expected) return;
  await rm(path, { force: true });
  await rm(`${path}.json`, { force: true });
  throw new FetchFailure(`what arrived has the SHA-256 ${found}, and the server announced ${expected}`);
}

async function readNote(part: string): Promise<PartNote | null> {
  try {
    return JSON.parse(await readFile(`${part}.json`, 'utf8')) as PartNote;
  } catch {
    return null;
  }
}

async function sizeOf(path: string): Promise<number> {
  return stat(path).then(
    ({ size }) => size,
    () => 0,
  );
}

function isBroken(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return (
    (error instanceof FetchFailure && error.status === 0 && error.message.startsWith('the connection')) ||
    ['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE', 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH'].includes(code ?? '')
  );
}

/** Ends an answer that nobody reads. */
function drop({ body }: Pick<Answer, 'body'>): void {
  body.on('error', () => undefined).destroy();
}

function text(value: string | string[] | undefined): string {
  return (Array.isArray(value) ? value[0] : value) ?? '';
}

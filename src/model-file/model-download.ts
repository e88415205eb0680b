// Fetches a model named by an hf: address into the cache folder; what is there already is not asked for again.
// An interrupted download is taken up again; a file appears under its name only when it is whole.
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Dispatcher } from 'undici';
import { messageOf, PgenrmError } from '../errors.js';
import { type ConnectionLimits, openConnections, proxyFor } from './download/connections.js';
import { FetchFailure, fetchFile, fetchText } from './download/fetch-file.js';
import {
  cacheName,
  fileUrl,
  type HubFile,
  hubPlace,
  hubToken,
  manifestUrl,
  partsOf,
} from './download/hub.js';

/** Bytes of a file so far and in all, 0 while that is not known, and the URL that they come from. */
export type DownloadProgress = (done: number, total: number, url: string) => void;

/** An hf: address taken apart. */
export interface ModelAddress {
  /** The address without a checksum. */
  readonly uri: string;
  /** The SHA-256 that the address asks for, or null. */
  readonly sha256: string | null;
}

const OWNER_AND_REPO = '[\\w][\\w.-]*/[\\w][\\w.-]*';
const FILE = new RegExp(
  `^hf:${OWNER_AND_REPO}/(?!.*(?:^|/)\\.\\.(?:/|$))[^#?@:]+\\.gguf(?:#[\\w./-]+)?$`,
  'i',
);
const QUANTIZATION = new RegExp(`^hf:${OWNER_AND_REPO}:[\\w.-]+$`);

/**
 * Reads `hf:owner/repo/file.gguf` (optionally `#branch`) or `hf:owner/repo:Q8_0`, each optionally followed by
 * `@sha256:` and 64 hexadecimal digits. Throws `INVALID_OPTION` for anything else.
 */
export function parseModelAddress(spec: string): ModelAddress {
  const [uri = '', pinned, ...rest] = spec.split('@sha256:');
  const sha256 = pinned?.toLowerCase() ?? null;
  if (!(FILE.test(uri) || QUANTIZATION.test(uri)) || rest.length > 0) {
    throw new PgenrmError(
      'INVALID_OPTION',
      `The model address ${spec} must be hf:OWNER/REPO/FILE.gguf or hf:OWNER/REPO:QUANTIZATION (such as Q8_0), ` +
        'optionally followed by @sha256:DIGITS.',
    );
  }
  if (sha256 !== null && !/^[0-9a-f]{64}$/.test(sha256)) {
    throw new PgenrmError('INVALID_OPTION', `The checksum in ${spec} must be 64 hexadecimal digits.`);
  }
  return { uri, sha256 };
}

/** How to download. */
export interface DownloadOptions {
  readonly signal?: AbortSignal;
  /** Called before anything is asked of a server, and as bytes arrive. */
  readonly onProgress?: DownloadProgress;
  readonly limits?: ConnectionLimits;
}

/**
 * Gives the path of the model in `cacheFolder`, downloading it where it is not there yet; an earlier, interrupted
 * download goes on where it stopped. Of a split model every part is fetched, and the path is that of the first.
 *
 * Errors: `MODEL_NOT_FOUND` where there is no such model, no connection or no answer within seconds, `MODEL_UNUSABLE` where
 * what arrives is not what the server announced, `OUTPUT_FAILED` where the folder cannot be written; rejects at once
 * with the signal's reason when aborted. What was fetched is kept.
 */
export async function downloadModel(
  { uri }: ModelAddress,
  cacheFolder: string,
  options: DownloadOptions = {},
): Promise<string> {
  const { signal, onProgress = () => undefined, limits } = options;
  signal?.throwIfAborted();
  const folder = join(cacheFolder, 'models');
  const connections = openConnections(limits, signal);
  // What is asked for when it fails.
  let url = '';
  const ask = { connections, signal, token: await hubToken() };
  try {
    const place = hubPlace(uri);
    const file =
      'file' in place
        ? place
        : await fileOfQuantization(place, folder, ask, (tried) => {
            url = tried;
            onProgress(0, 0, url);
          });
    for (const part of partsOf(file.file)) {
      const wanted = { ...file, file: part };
      const path = join(folder, cacheName(wanted));
      if (existsSync(path)) continue;
      url = fileUrl(wanted);
      onProgress(0, 0, url);
      const from = url;
      await fetchFile({ ...ask, url, path, onProgress: (done, total) => onProgress(done, total, from) });
    }
    return join(folder, cacheName({ ...file, file: partsOf(file.file)[0]! }));
  } catch (error) {
    if (signal?.aborted === true) throw signal.reason;
    throw downloadError(error, uri, url, folder);
  } finally {
    await connections.destroy();
  }
}

interface Ask {
  readonly connections: Dispatcher;
  readonly signal: AbortSignal | undefined;
  readonly token: string | null;
}

/** The file of a quantization, as the hub says; remembered, so that a model in the cache needs no network. */
async function fileOfQuantization(
  { repo, quantization }: { readonly repo: string; readonly quantization: string },
  folder: string,
  ask: Ask,
  trying: (url: string) => void,
): Promise<HubFile> {
  const memory = join(folder, `${`${repo}_${quantization}`.replace(/[^\w.-]/g, '_')}.json`);
  const place = (file: string): HubFile => ({ repo, branch: 'main', file });
  const known = await readFile(memory, 'utf8').then(
    (text) => (JSON.parse(text) as { file?: unknown }).file,
    () => undefined,
  );
  if (typeof known === 'string' && existsSync(join(folder, cacheName(place(known))))) return place(known);
  const url = manifestUrl(repo, quantization);
  trying(url);
  // The hub tells the file to clients of llama.cpp only.
  const text = await fetchText({ ...ask, url, headers: { 'user-agent': 'llama-cpp' } });
  let file: unknown;
  try {
    file = (JSON.parse(text) as { ggufFile?: { rfilename?: unknown } }).ggufFile?.rfilename;
  } catch {
    throw new FetchFailure('the answer is not JSON');
  }
  if (typeof file !== 'string' || !/\.gguf$/i.test(file) || file.split('/').includes('..')) {
    throw new FetchFailure(`the server names no GGUF file for ${quantization}`);
  }
  await mkdir(folder, { recursive: true });
  await writeFile(memory, JSON.stringify({ file }));
  return place(file);
}

const DISK_CODES = ['EACCES', 'EROFS', 'ENOSPC', 'EDQUOT', 'EPERM', 'ENOTDIR', 'EEXIST', 'EISDIR'];

function downloadError(error: unknown, uri: string, url: string, folder: string): PgenrmError {
  if (error instanceof PgenrmError) return error;
  const { code } = error as NodeJS.ErrnoException;
  if (typeof code === 'string' && DISK_CODES.includes(code)) {
    return new PgenrmError(
      'OUTPUT_FAILED',
      `Cannot write the model to ${folder}: ${messageOf(error)}. Free space there, or set PGENRM_CACHE to another folder.`,
      { cause: error },
    );
  }
  const proxy = proxyFor(url);
  const through = proxy === null ? '' : ` through the proxy ${proxy}`;
  return new PgenrmError(
    error instanceof FetchFailure && error.message.includes('SHA-256') ? 'MODEL_UNUSABLE' : 'MODEL_NOT_FOUND',
    `Cannot download ${uri}: asked for ${url}${through}, and ${reasonOf(error)}. ${adviceOn(error)}`,
    { cause: error },
  );
}

function reasonOf(error: unknown): string {
  const { code } = error as NodeJS.ErrnoException;
  const reasons: Readonly<Record<string, string>> = {
    UND_ERR_CONNECT_TIMEOUT: 'no connection came about in time',
    UND_ERR_HEADERS_TIMEOUT: 'the server took the question and gave no answer in time',
    UND_ERR_BODY_TIMEOUT: 'the server fell silent in the middle of the file',
    UND_ERR_SOCKET: 'the connection broke off',
    ENOTFOUND: 'nobody knows the name of the server',
    EAI_AGAIN: 'no server of names (DNS) answers',
    ECONNREFUSED: 'the connection was refused',
  };
  const errors = error instanceof AggregateError ? (error.errors as unknown[]) : [error];
  const detail = errors
    .map(messageOf)
    .filter((message) => message !== '')
    .join('; ');
  const known = code === undefined ? undefined : reasons[code];
  if (known === undefined) return detail;
  return detail === '' ? known : `${known} (${detail})`;
}

function adviceOn(error: unknown): string {
  if (!(error instanceof FetchFailure) || error.status === 0) {
    return 'Check the connection (a proxy is named by HTTPS_PROXY) and run it again: what has arrived is kept. Without a network give the path of a GGUF file.';
  }
  if (error.status === 404) return 'There is no such file there: check the address.';
  if (error.status === 401 || error.status === 403) {
    return 'The model is private or asks for consent: set HF_TOKEN to a token that may read it.';
  }
  return "The fault is the server's: try again later.";
}

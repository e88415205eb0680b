// Fetches a model named by an hf: address into the cache folder, through node-llama-cpp's downloader.
// An interrupted download is taken up again; a file appears under its name only when it is whole.
import { stat, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf, PgenrmError } from '../errors.js';
import { withoutExitHooks } from './exit-hooks.js';
import { withQuietConsole } from './quiet-console.js';

/** Bytes fetched so far and in all. */
export type DownloadProgress = (done: number, total: number) => void;

/** An hf: address taken apart. */
export interface ModelAddress {
  /** The address without a checksum, as the downloader takes it. */
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

/**
 * Gives the path of the model in `cacheFolder`, downloading it where it is not there yet; an earlier, interrupted
 * download goes on where it stopped. Throws `MODEL_NOT_FOUND` where there is no such model or no connection,
 * `OUTPUT_FAILED` where the folder cannot be written; rejects with the signal's reason when aborted, which keeps
 * what was fetched.
 */
export async function downloadModel(
  { uri }: ModelAddress,
  cacheFolder: string,
  options: { readonly signal?: AbortSignal; readonly onProgress?: DownloadProgress } = {},
): Promise<string> {
  const { signal, onProgress } = options;
  signal?.throwIfAborted();
  const { createModelDownloader, resolveModelFile } = await withoutExitHooks(
    'node-llama-cpp',
    () => import('node-llama-cpp'),
  );
  const folder = join(cacheFolder, 'models');
  const said: string[] = [];
  try {
    return await withQuietConsole(
      (line) => said.push(line),
      async () => {
        const present = await resolveModelFile(uri, { directory: folder, download: false, cli: false }).catch(
          () => null,
        );
        if (present !== null) return present;
        const downloader = await createModelDownloader({
          modelUri: uri,
          dirPath: folder,
          showCliProgress: false,
          deleteTempFileOnCancel: false,
          ...(onProgress === undefined
            ? {}
            : { onProgress: ({ downloadedSize, totalSize }) => onProgress(downloadedSize, totalSize) }),
        });
        const path = await downloader.download(signal === undefined ? {} : { signal });
        await checkSizes(downloader.filesInfo);
        return path;
      },
    );
  } catch (error) {
    if (signal?.aborted === true) throw signal.reason;
    throw downloadError(error, uri, folder, said);
  }
}

async function checkSizes(files: readonly { filePath: string; totalSize: number }[]): Promise<void> {
  for (const { filePath, totalSize } of files) {
    const { size } = await stat(filePath);
    if (totalSize <= 0 || size === totalSize) continue;
    // The downloader keeps its notes behind the last byte while it runs; those of a stopped run can be left there.
    if (size > totalSize) await truncate(filePath, totalSize);
    else {
      throw new PgenrmError(
        'MODEL_UNUSABLE',
        `${filePath} has ${size} bytes, the server announced ${totalSize}; delete it and download it again.`,
      );
    }
  }
}

function downloadError(error: unknown, uri: string, folder: string, said: readonly string[]): PgenrmError {
  if (error instanceof PgenrmError) return error;
  const code = (error as { code?: unknown } | null)?.code;
  const why = [messageOf(error), ...said].join('; ');
  if (
    typeof code === 'string' &&
    ['EACCES', 'EROFS', 'ENOSPC', 'EDQUOT', 'EPERM', 'ENOTDIR', 'EEXIST'].includes(code)
  ) {
    return new PgenrmError(
      'OUTPUT_FAILED',
      `Cannot write the model to ${folder}: ${why}. Free space there, or set PGENRM_CACHE to another folder.`,
      { cause: error },
    );
  }
  return new PgenrmError(
    'MODEL_NOT_FOUND',
    `Cannot download ${uri}: ${why}. Check the address and the connection; private models need HF_TOKEN.`,
    { cause: error },
  );
}

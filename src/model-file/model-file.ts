// Turns what the user names a model by into a checked GGUF file on disk.
// Knows paths, the bundled model and the cache; loads nothing.
import { existsSync } from 'node:fs';
import { rename } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { PgenrmError } from '../errors.js';
import { packageFile } from '../package.js';
import { defaultCacheFolder } from './cache-folder.js';
import { hashFiles } from './file-hash.js';
import { type DownloadProgress, downloadModel, parseModelAddress } from './model-download.js';
import type { ModelFacts } from './model-facts.js';
import { readModelFacts } from './read-model-facts.js';

/** Name of the model that comes with the package. */
export const BUNDLED_MODEL = 'nano';

/** How to resolve a model. */
export interface ResolveModelOptions {
  readonly signal?: AbortSignal;
  /** Called while a model is downloaded, with bytes so far and in all. */
  readonly onProgress?: DownloadProgress;
  /** Folder of downloads and remembered hashes. Default: `PGENRM_CACHE`, else the platform's place for caches. */
  readonly cacheFolder?: string;
}

/** A model on disk whose header was checked. */
export interface ResolvedModel {
  /** Absolute path of the GGUF file, or of the first part of a split model. */
  readonly path: string;
  /** SHA-256 of the file, or of all parts in order; lower-case hexadecimal. */
  readonly sha256: string;
  /** What was asked for. */
  readonly spec: string;
  /** Bytes on disk, all parts together. */
  readonly bytes: number;
  /** What the header says. */
  readonly facts: ModelFacts;
}

/**
 * Resolves `nano` (the bundled model), a path (`~/` is the home folder), or an address
 * `hf:OWNER/REPO/FILE.gguf` or `hf:OWNER/REPO:QUANTIZATION`, which is downloaded once and may end in
 * `@sha256:DIGITS` to be checked. Throws `INVALID_OPTION` (an address that cannot be read), `MODEL_NOT_FOUND`,
 * `MODEL_UNUSABLE` (not GGUF, damaged, cut short, another checksum) and `OUTPUT_FAILED` (cache not writable);
 * rejects with the signal's reason when aborted.
 */
export async function resolveModel(spec: string, options: ResolveModelOptions = {}): Promise<ResolvedModel> {
  const { signal } = options;
  signal?.throwIfAborted();
  const cacheFolder = options.cacheFolder ?? defaultCacheFolder();
  const address = spec.startsWith('hf:') ? parseModelAddress(spec) : null;
  const path = address === null ? localPath(spec) : await downloadModel(address, cacheFolder, options);
  const facts = await readModelFacts(path);
  const sha256 = await hashFiles(facts.parts, { cacheFolder, ...(signal === undefined ? {} : { signal }) });
  if (address !== null && address.sha256 !== null && address.sha256 !== sha256) {
    // Set aside under another name, so that the next run fetches it again and nothing is lost.
    const aside = `${facts.path}.wrong`;
    if (facts.parts.length === 1) await rename(facts.path, aside);
    throw new PgenrmError(
      'MODEL_UNUSABLE',
      `The SHA-256 of ${address.uri} is ${sha256}, expected ${address.sha256}` +
        `${facts.parts.length === 1 ? `; the file was set aside as ${aside}` : ''}. ` +
        'Check the address; the file on the server may have changed.',
    );
  }
  return { path: facts.path, sha256, spec, bytes: facts.bytes, facts };
}

function localPath(spec: string): string {
  if (spec.trim() === '') {
    throw new PgenrmError(
      'INVALID_OPTION',
      `The model must be ${BUNDLED_MODEL}, a path or an hf: address, got ''.`,
    );
  }
  if (spec === BUNDLED_MODEL) {
    const bundled = packageFile('models', `${BUNDLED_MODEL}.gguf`);
    if (existsSync(bundled)) return bundled;
    throw new PgenrmError(
      'MODEL_NOT_FOUND',
      `The bundled model is missing at ${bundled}: install the package again, or give --model a path or an hf: address.`,
    );
  }
  const path = spec.startsWith('~/') ? join(homedir(), spec.slice(2)) : resolve(spec);
  if (!existsSync(path)) {
    throw new PgenrmError(
      'MODEL_NOT_FOUND',
      `There is no model at ${path}: give ${BUNDLED_MODEL}, the path of a GGUF file or an hf: address.`,
    );
  }
  return path;
}

// Where the hub keeps the file that an hf: address names, and what it is called in the cache.
// Knows the hub's paths; fetches nothing.

import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** A file of a repository. */
export interface HubFile {
  /** `OWNER/REPO`. */
  readonly repo: string;
  readonly branch: string;
  readonly file: string;
}

/** An address taken apart: a file, or the quantization whose file the hub names. */
export type HubPlace = HubFile | { readonly repo: string; readonly quantization: string };

const HUB_HOST = 'huggingface.co';

/** Base of all URLs: `MODEL_ENDPOINT` or `HF_ENDPOINT` where set, as for llama.cpp; ends with a slash. */
export function hubEndpoint(): string {
  const { MODEL_ENDPOINT, HF_ENDPOINT } = process.env;
  const given = [MODEL_ENDPOINT, HF_ENDPOINT].find((value) => value !== undefined && URL.canParse(value));
  return (given ?? `https://${HUB_HOST}/`).replace(/\/*$/, '/');
}

/** The place of `hf:OWNER/REPO/FILE.gguf`, with or without `#BRANCH`, or of `hf:OWNER/REPO:QUANTIZATION`. */
export function hubPlace(uri: string): HubPlace {
  const [, owner = '', rest = ''] = /^hf:([^/]+)\/(.*)$/.exec(uri) ?? [];
  const quantization = /^([^/:]+):([^/]+)$/.exec(rest);
  if (quantization !== null) return { repo: `${owner}/${quantization[1]}`, quantization: quantization[2]! };
  const [path = '', branch = 'main'] = rest.split('#');
  const [name = '', ...file] = path.split('/');
  return { repo: `${owner}/${name}`, branch, file: file.join('/') };
}

/** URL of a file. */
export function fileUrl({ repo, branch, file }: HubFile): string {
  const path = file.split('/').map(encodeURIComponent).join('/');
  return `${hubEndpoint()}${repo}/resolve/${encodeURIComponent(branch)}/${path}`;
}

/** URL of what says which file a quantization is. */
export function manifestUrl(repo: string, quantization: string): string {
  return `${hubEndpoint()}v2/${repo}/manifests/${encodeURIComponent(quantization)}`;
}

/** A file's name in the cache, the same for the same address. */
export function cacheName({ repo, branch, file }: HubFile): string {
  const parts = [...repo.split('/'), ...(branch === 'main' ? [] : [branch]), ...file.split('/')];
  return parts.map((part) => part.replace(/[^\w.-]/g, '_')).join('_');
}

/** The files of a model that is split, in order; the file itself where it is not. */
export function partsOf(file: string): string[] {
  const split = /^(.*-)00001(-of-(\d{5})\.gguf)$/i.exec(file);
  if (split === null) return [file];
  return Array.from(
    { length: Number(split[3]) },
    (_, index) => `${split[1]}${String(index + 1).padStart(5, '0')}${split[2]}`,
  );
}

/** The user's token for the hub: `HF_TOKEN`, else the one that the hub's own tools keep; null where there is none. */
export async function hubToken(): Promise<string | null> {
  const { HF_TOKEN, HF_TOKEN_PATH, HF_HOME } = process.env;
  if (HF_TOKEN !== undefined) return HF_TOKEN.trim() === '' ? null : HF_TOKEN.trim();
  const path = HF_TOKEN_PATH ?? join(HF_HOME ?? join(homedir(), '.cache', 'huggingface'), 'token');
  const kept = await readFile(path, 'utf8').catch(() => '');
  return kept.trim() === '' ? null : kept.trim();
}

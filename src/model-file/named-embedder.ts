// Which embedder a judge's file asks for in its metadata.
// Knows the key and how its value is read; finds and loads nothing.
import { basename, dirname, join } from 'node:path';
import { PgenrmError } from '../errors.js';

/**
 * Metadata key by which a judge names the embedder that it was made with: the name of a GGUF file in the judge's own
 * folder, or an `hf:` address.
 */
export const EMBEDDER_METADATA_KEY = 'pgenrm.embedder';

/** What names an embedder: where a judge's file is, and the metadata of that file. */
export interface NamesEmbedder {
  /** Absolute path of the judge's GGUF file. */
  readonly path: string;
  readonly metadata: ReadonlyMap<string, string>;
}

/**
 * The embedder where none is asked for, as {@link namedEmbedder} gives it; null, the judge itself, also for a bank that the
 * judge itself embedded. `bankSha256`: the embedder that a bank was made with, where there is a bank that tells.
 */
export function defaultEmbedder(
  judge: NamesEmbedder & { readonly sha256: string },
  bankSha256: string | null = null,
): string | null {
  return bankSha256 === judge.sha256 ? null : namedEmbedder(judge);
}

/**
 * The embedder that a judge names, as a path or an `hf:` address; null where it names none and embeds by itself.
 * Errors: `MODEL_UNUSABLE` for a name that is no mere file name, since a model's file shall not reach outside its folder.
 */
export function namedEmbedder({ path, metadata }: NamesEmbedder): string | null {
  const name = metadata.get(EMBEDDER_METADATA_KEY)?.trim() ?? '';
  if (name === '') return null;
  if (name.startsWith('hf:')) return name;
  if (basename(name) !== name || name.includes('\\') || name === '..' || name === '.') {
    throw new PgenrmError(
      'MODEL_UNUSABLE',
      `${path} names the embedder '${name}' (${EMBEDDER_METADATA_KEY}); it must be the name of a file in the same folder or an hf: address. Name an embedder yourself (--embedder).`,
    );
  }
  return join(dirname(path), name);
}

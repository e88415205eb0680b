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

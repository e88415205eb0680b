// Reads the facts of a model from its file, and of a split model from all of its parts.
// Knows files and their names; what the headers say is `model-facts.ts`.
import { basename, dirname, join, resolve } from 'node:path';
import { PgenrmError } from '../errors.js';
import { readGgufHeader } from './gguf-header.js';
import type { GgufHeader } from './gguf-parse.js';
import { factsOf, type ModelFacts } from './model-facts.js';

/**
 * Reads the facts of the model at `path` from its GGUF header.
 * Throws `MODEL_NOT_FOUND` and `MODEL_UNUSABLE` as {@link readGgufHeader}; a missing part of a split model is
 * `MODEL_NOT_FOUND`.
 */
export async function readModelFacts(path: string): Promise<ModelFacts> {
  const first = resolve(path);
  const header = await readGgufHeader(first);
  const parts = splitParts(first, header);
  const headers = [header];
  for (const part of parts.slice(1)) headers.push(await readGgufHeader(part));
  return factsOf(first, parts, headers);
}

function splitParts(path: string, { metadata }: GgufHeader): string[] {
  const count = Number(metadata.get('split.count') ?? 1);
  if (count <= 1) return [path];
  const name = /^(.*-)(\d{5})(-of-\d{5}\.gguf)$/.exec(basename(path));
  if (name === null || Number(name[2]) !== 1) {
    throw new PgenrmError(
      'MODEL_UNUSABLE',
      `${path} is one of ${count} parts of a split model; give the first part, named like ` +
        `NAME-00001-of-${String(count).padStart(5, '0')}.gguf, with the others beside it.`,
    );
  }
  return Array.from({ length: count }, (_, index) =>
    join(dirname(path), `${name[1]}${String(index + 1).padStart(5, '0')}${name[3]}`),
  );
}

// What a model's files say, read from blobs: a file that a user picked, or one that was fetched.
// Knows blobs; what headers say is `src/model-file`.
import { PgenrmError } from '../../errors.js';
import { parseGgufHeader } from '../../model-file/gguf-parse.js';
import { factsOf, type ModelFacts, requireTextDecoder, sequenceEnds } from '../../model-file/model-facts.js';
import type { ModelInfo } from '../generator.js';
import { describeModel } from '../llama/model-description.js';

/** GGUF token types of texts that only a trusted text may spell: unknown and control. */
const SPECIAL = new Set([2, 3]);

/** The facts of a model whose files are given in order. Errors: `MODEL_UNUSABLE`. */
export async function readBlobFacts(name: string, files: readonly Blob[]): Promise<ModelFacts> {
  if (files.length === 0) throw new PgenrmError('MODEL_UNUSABLE', `${name} has no file; give at least one`);
  const headers = [];
  for (const file of files) {
    headers.push(
      await parseGgufHeader(
        name,
        file.size,
        async (length) => new Uint8Array(await file.slice(0, length).arrayBuffer()),
      ),
    );
  }
  const count = Number(headers[0]!.metadata.get('split.count') ?? 1);
  if (count > 1 && count !== files.length)
    throw new PgenrmError(
      'MODEL_UNUSABLE',
      `${name} is split into ${count} files, and ${files.length} came; pick all of them`,
    );
  return factsOf(name, [name], headers);
}

/** Errors: `MODEL_UNUSABLE` where the model writes no text. */
export function textModelInfo(name: string, facts: ModelFacts): ModelInfo {
  requireTextDecoder(facts);
  return {
    name,
    description: describeModel(`${facts.architecture} ?B`, facts.parameters),
    parameters: facts.parameters,
    sizeBytes: facts.tensorBytes,
    trainedContext: facts.trainedContext || null,
    chatTemplate: facts.chatTemplate ?? '',
    ...sequenceEnds(facts),
    metadata: facts.metadata,
  };
}

/** Texts of the tokens that data must not become, longest first. */
export function specialTexts({ tokens, tokenTypes }: ModelFacts): string[] {
  return tokens
    .filter((text, id) => text !== '' && SPECIAL.has(tokenTypes[id] ?? 1))
    .sort((a, b) => b.length - a.length);
}

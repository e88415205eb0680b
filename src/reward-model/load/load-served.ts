// Loads a reward model's generator over inference servers.
// Knows load options and what a model's file says; the servers are generator/http's.

import type { Generator } from '../../generator/generator.js';
import type { ResolvedModel } from '../../model-file/model-file.js';
import type { LoadOptions } from './load-options.js';

/** Opens the servers of `urls`. Errors: those of `loadHttpGenerator`. */
export async function loadServed(
  options: LoadOptions & { readonly urls: readonly string[] },
  file: ResolvedModel | undefined,
  signal: AbortSignal,
): Promise<Generator> {
  const { loadHttpGenerator } = await import('../../generator/http/http-generator.js');
  const { urls, apiKey, dialect, model, contextTokens, maxSequences } = options;
  return loadHttpGenerator(
    {
      urls,
      signal,
      ...(apiKey === undefined ? {} : { apiKey }),
      ...(dialect === undefined ? {} : { dialect }),
      ...(model === undefined || file !== undefined ? {} : { model }),
      ...(contextTokens === undefined ? {} : { contextTokens }),
      ...(maxSequences === undefined ? {} : { maxInFlight: maxSequences }),
    },
    file?.facts,
  );
}

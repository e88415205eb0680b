// Embeds one text to search a bank with, cut like the texts that a bank is built of where it is too long.
// Knows an embedder and a text; nothing of what the text says.

import { PgenrmError } from '../errors.js';
import type { Embedder } from '../generator/embedder.js';
import { unitVector } from './file/damage.js';

/** A text's unit vector. */
export interface EmbeddedQuery {
  /** Shape [dimension]. */
  readonly vector: Float32Array;
  /** Whether the text was cut to what the embedder takes. */
  readonly shortened: boolean;
}

/**
 * Embeds a text that is not blank; one over the embedder's limit loses a tenth at a time, at its end or its start.
 *
 * Errors: those of the embedder; `INVALID_VECTOR` where it gives NaN, zero or another dimension than `dimension`.
 */
export async function embedQuery(
  embedder: Embedder,
  text: string,
  options: { readonly dimension: number; readonly cut?: 'end' | 'start'; readonly signal?: AbortSignal },
): Promise<EmbeddedQuery> {
  const { dimension, cut = 'end', signal } = options;
  let rest = text;
  for (;;) {
    try {
      const { vectors } = await embedder.embed([rest], signal === undefined ? {} : { signal });
      const vector = unitVector(`the embedding of the text '${rest.slice(0, 60)}'`, vectors, dimension);
      return { vector, shortened: rest !== text };
    } catch (error) {
      if (!(error instanceof PgenrmError) || error.code !== 'CONTEXT_OVERFLOW') throw error;
      const shorter = shortened(rest, cut);
      if (shorter.trim() === '') throw error;
      rest = shorter;
    }
  }
}

/** Nine tenths of a text, no character cut in two. */
function shortened(text: string, cut: 'end' | 'start'): string {
  const kept = Math.floor(text.length * 0.9);
  return cut === 'end'
    ? text.slice(0, kept).replace(/[\ud800-\udbff]$/, '')
    : text.slice(text.length - kept).replace(/^[\udc00-\udfff]/, '');
}

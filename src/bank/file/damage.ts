// The errors that a bank's files are refused with, in one sentence form.
// Knows paths and reasons; not the formats.

import { messageOf, PgenrmError } from '../../errors.js';

/** `BANK_DAMAGED`: the file, what is wrong with it, and what to do. */
export function damaged(path: string, what: string, cause?: unknown): PgenrmError {
  return new PgenrmError(
    'BANK_DAMAGED',
    `${path} is damaged: ${what}; build the bank anew or restore a copy`,
    {
      cause,
    },
  );
}

/** `BANK_DAMAGED` for a file of the bank that cannot be read; errors of this package pass through. */
export function unreadable(path: string, error: unknown): PgenrmError {
  return error instanceof PgenrmError
    ? error
    : damaged(path, `it cannot be read (${messageOf(error)})`, error);
}

/** `INVALID_VECTOR` unless the embedding has the dimension, is finite and has a direction. */
export function checkEmbedding(name: string, embedding: Float32Array, dimension: number): void {
  const bad = (what: string): PgenrmError =>
    new PgenrmError(
      'INVALID_VECTOR',
      `${name} must be a Float32Array of ${dimension} finite numbers, not all zero; ${what}`,
    );
  if (!(embedding instanceof Float32Array)) throw bad(`got ${typeof embedding}`);
  if (embedding.length !== dimension) throw bad(`got ${embedding.length} numbers; use the bank's embedder`);
  let square = 0;
  for (const value of embedding) square += value * value;
  if (!Number.isFinite(square)) throw bad('it holds NaN or infinity');
  if (square < 1e-24) throw bad('it is zero');
}

/** The embedding scaled to length 1, after {@link checkEmbedding}. */
export function unitVector(name: string, embedding: Float32Array, dimension: number): Float32Array {
  checkEmbedding(name, embedding, dimension);
  let square = 0;
  for (const value of embedding) square += value * value;
  const scale = 1 / Math.sqrt(square);
  return embedding.map((value) => value * scale);
}

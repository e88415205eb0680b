// The hash that names a template's texts.
// Knows nothing of what they say.

import { sha256Hex } from '../../hashing/sha256.js';

/** SHA-256 over texts, each set off from the next, hexadecimal. */
export function hashTexts(texts: readonly string[]): string {
  return sha256Hex(JSON.stringify(texts));
}

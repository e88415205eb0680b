// SHA-256 of short texts, the same in Node, in a browser and in a worker, without waiting for it.
// Files are hashed by Node, which is faster.
import { sha256 as digest } from '@noble/hashes/sha2.js';
import { bytesToHex } from '@noble/hashes/utils.js';

/** The 32 bytes of the digest; a text is hashed as UTF-8. */
export function sha256(content: string | Uint8Array): Uint8Array {
  return digest(typeof content === 'string' ? new TextEncoder().encode(content) : content);
}

/** The digest in hexadecimal, 64 characters. */
export function sha256Hex(content: string | Uint8Array): string {
  return bytesToHex(sha256(content));
}

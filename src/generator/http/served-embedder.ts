// What an embedder behind HTTP is called: by its address, and in a bank.
// Loads nothing.

import type { Embedder } from '../embedder.js';

/** Whether what names an embedder is the address of a server. */
export function isServerAddress(spec: string): boolean {
  return /^https?:\/\//i.test(spec);
}

/** What a bank keeps in place of a pooling where a server embedded its texts. */
export function servedPooling(embedder: Embedder): string {
  return `server ${embedder.modelPath}`;
}

// Index files by path, for the implementations that work on bytes.
// Imported only where a path is given, so that the rest runs where there is no file system.
import { readFile, writeFile } from 'node:fs/promises';
import { messageOf, PgenrmError } from '../errors.js';

/** Errors: `INPUT_NOT_FOUND`. */
export async function readIndexFile(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (error) {
    throw new PgenrmError('INPUT_NOT_FOUND', `${path} cannot be read: ${messageOf(error)}`, { cause: error });
  }
}

/** Errors: `OUTPUT_FAILED`. */
export async function writeIndexFile(path: string, bytes: Uint8Array): Promise<void> {
  try {
    await writeFile(path, bytes);
  } catch (error) {
    throw new PgenrmError('OUTPUT_FAILED', `${path} cannot be written: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

// Index files by path, for the kernels that work on bytes.
// Knows the file system only.
import { readFile, writeFile } from 'node:fs/promises';
import { messageOf, PgenrmError } from '../errors.js';
import type { IndexFiles } from '../kernels/kernels.js';

/** Index files in the file system. */
export const indexFiles: IndexFiles = {
  async read(path) {
    try {
      return await readFile(path);
    } catch (error) {
      throw new PgenrmError('INPUT_NOT_FOUND', `${path} cannot be read: ${messageOf(error)}`, {
        cause: error,
      });
    }
  },

  async write(path, bytes) {
    try {
      await writeFile(path, bytes);
    } catch (error) {
      throw new PgenrmError('OUTPUT_FAILED', `${path} cannot be written: ${messageOf(error)}`, {
        cause: error,
      });
    }
  },
};

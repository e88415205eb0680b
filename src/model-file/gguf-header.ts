// Reads the header of a GGUF file by its path.
// Knows files; the format is `gguf-parse.ts`.
import { open } from 'node:fs/promises';
import { messageOf, PgenrmError } from '../errors.js';
import { type GgufHeader, parseGgufHeader } from './gguf-parse.js';

/**
 * Reads the header of the GGUF file at `path` and checks that every tensor lies within the file.
 * Throws `MODEL_NOT_FOUND` where the file cannot be opened, and as {@link parseGgufHeader}.
 */
export async function readGgufHeader(path: string): Promise<GgufHeader> {
  const file = await open(path, 'r').catch((error: unknown) => {
    throw new PgenrmError('MODEL_NOT_FOUND', `Cannot open the model file ${path}: ${messageOf(error)}.`, {
      cause: error,
    });
  });
  try {
    const info = await file.stat();
    if (!info.isFile()) {
      throw new PgenrmError('MODEL_NOT_FOUND', `${path} is not a file; give the path of a GGUF file.`);
    }
    return await parseGgufHeader(path, info.size, async (length) => {
      const buffer = Buffer.alloc(length);
      const { bytesRead } = await file.read(buffer, 0, length, 0);
      return buffer.subarray(0, bytesRead);
    });
  } finally {
    await file.close();
  }
}

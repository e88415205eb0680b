// Replaces a whole file in one step: a reader sees the old text or the new one, never a part.
// Knows nothing of what it says.

import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { outputFailed } from './output-error.js';

/** Writes a text, or what a function writes, beside the target, flushes to the disk, then renames. Errors: `OUTPUT_FAILED`, the old file kept. */
export async function writeAtomically(
  path: string,
  content: string | ((file: FileHandle) => Promise<void>),
): Promise<void> {
  const part = `${path}.${process.pid}.part`;
  try {
    const file = await open(part, 'w');
    try {
      if (typeof content === 'string') await file.writeFile(content, 'utf8');
      else await content(file);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(part, path);
  } catch (error) {
    await rm(part, { force: true });
    throw outputFailed(path, error);
  }
  await syncDirectory(dirname(path));
}

/** Makes a rename in the directory survive a power cut, where the system can (Windows has no such call). */
export async function syncDirectory(directory: string): Promise<void> {
  if (process.platform === 'win32') return;
  try {
    const handle = await open(directory, 'r');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw outputFailed(directory, error);
  }
}

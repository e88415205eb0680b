// Keeps an output from destroying an input: compares files by device and inode, so that links count.
// Knows files; not what is read or written.

import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { PgenrmError } from '../errors.js';

/** Inputs of a command by what they are, such as `data`; a folder stands for all files in it. */
export type InputPaths = Readonly<Record<string, string | undefined>>;

/** How deep folders of inputs are looked into. */
const DEPTH = 3;

/**
 * Refuses outputs that are files which the command reads, also by way of symbolic or hard links. Paths at which nothing
 * is are no files, so a name such as `nano` may stand among the inputs. Errors: `INVALID_OPTION`.
 */
export async function refuseSameFile(outputs: readonly string[], inputs: InputPaths): Promise<void> {
  const known = new Map<string, string>();
  for (const [what, path] of Object.entries(inputs)) {
    if (path !== undefined) await collect(path, `the ${what} ${path}`, known, DEPTH);
  }
  for (const output of outputs) {
    const file = await keyOf(output);
    const input = file && known.get(file.key);
    if (input === undefined) continue;
    throw new PgenrmError(
      'INVALID_OPTION',
      `the output ${output} is the same file as ${input}, which it would destroy; choose another output`,
    );
  }
}

async function collect(path: string, what: string, known: Map<string, string>, depth: number): Promise<void> {
  const found = await keyOf(path);
  if (found === undefined) return;
  if (!known.has(found.key)) known.set(found.key, what);
  if (!found.isFolder || depth === 0) return;
  for (const name of await readdir(path).catch(() => []))
    await collect(join(path, name), what, known, depth - 1);
}

async function keyOf(
  path: string,
): Promise<{ readonly key: string; readonly isFolder: boolean } | undefined> {
  const facts = await stat(path, { bigint: true }).catch(() => undefined);
  return facts && { key: `${facts.dev} ${facts.ino}`, isFolder: facts.isDirectory() };
}

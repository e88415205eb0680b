// Takes folders out of text that goes into a result: what they are called on a machine is nobody's business elsewhere.
// Knows the form of absolute paths; which file it was is told by its name, and by a hash beside it.

import { homedir } from 'node:os';

/** A rooted path of two names at least, up to its last name: `/a/b/`, `C:\a\`, `\\host\share\`, `file:///a/`. */
const FOLDERS =
  /(?<![\p{L}\p{N}_.:/\\-])(?:file:\/\/)?(?:[A-Za-z]:[\\/]|\\\\|\/)(?:[^\s\\/'"`,;:()<>|[\]]+[\\/])+/gu;

/**
 * The text with every absolute path cut down to its last name: `llama.cpp from /opt/x/bins/linux-x64` becomes
 * `llama.cpp from linux-x64`. A home folder may hold spaces; of other folders with spaces the part behind the last one stays.
 */
export function withoutFolders(text: string, home = homedir()): string {
  const plain = home.length > 1 ? text.replaceAll(home, home.replace(/\s/g, '-')) : text;
  return plain.replace(FOLDERS, '');
}

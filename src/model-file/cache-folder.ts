// Where downloads and hashes are kept between runs.
// Knows the habits of the platforms, nothing of what is stored.
import { homedir } from 'node:os';
import { join } from 'node:path';

/** The cache folder: `PGENRM_CACHE` where set, else the platform's place for caches. Need not exist yet. */
export function defaultCacheFolder(): string {
  const { PGENRM_CACHE, XDG_CACHE_HOME, LOCALAPPDATA } = process.env;
  if (PGENRM_CACHE) return PGENRM_CACHE;
  if (process.platform === 'win32')
    return join(LOCALAPPDATA || join(homedir(), 'AppData', 'Local'), 'pgenrm');
  if (process.platform === 'darwin') return join(homedir(), 'Library', 'Caches', 'pgenrm');
  return join(XDG_CACHE_HOME || join(homedir(), '.cache'), 'pgenrm');
}

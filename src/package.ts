// Where this package lies and which version it is.
// Knows about Electron archives, from which native files cannot be loaded.
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PgenrmError } from './errors.js';

const manifestFolder = findManifestFolder(dirname(fileURLToPath(import.meta.url)));

/** Such as `1.2.3`. */
export const PACKAGE_VERSION: string = (
  JSON.parse(readFileSync(join(manifestFolder, 'package.json'), 'utf8')) as { version: string }
).version;

/** The root folder of this package: that of its package.json, outside any Electron archive. */
export function packageRoot(): string {
  const unpacked = manifestFolder.replace(/\.asar(?=[\\/]|$)/, '.asar.unpacked');
  return existsSync(unpacked) ? unpacked : manifestFolder;
}

/** The nearest folder with a package.json, from `start` upwards. Errors: `INTERNAL` where there is none. */
export function findManifestFolder(start: string): string {
  let folder = start;
  while (!existsSync(join(folder, 'package.json'))) {
    const above = dirname(folder);
    if (above === folder)
      throw new PgenrmError(
        'INTERNAL',
        `there is no package.json at ${start} or above it: pgenrm must be installed as a package, not copied into one file by a bundler`,
      );
    folder = above;
  }
  return folder;
}

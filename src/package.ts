// Where this package lies and which version it is.
// Knows about Electron archives, from which native files cannot be loaded.
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const manifestFolder = findManifestFolder();

/** Such as `1.2.3`. */
export const PACKAGE_VERSION: string = (
  JSON.parse(readFileSync(join(manifestFolder, 'package.json'), 'utf8')) as { version: string }
).version;

/** The root folder of this package: that of its package.json, outside any Electron archive. */
export function packageRoot(): string {
  const unpacked = manifestFolder.replace(/\.asar(?=[\\/]|$)/, '.asar.unpacked');
  return existsSync(unpacked) ? unpacked : manifestFolder;
}

function findManifestFolder(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder);
  return folder;
}

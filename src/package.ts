// Where the files that this package brings lie: models, kernels, the addon of a local build.
// Knows bundles (the code is copied elsewhere) and Electron archives (native files lie beside them); reads none of the files.
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, parse, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PgenrmError } from './errors.js';

export { PACKAGE_VERSION } from './version.js';

const NAME = 'pgenrm';
let given: string | null = null;
let found: string | undefined;

/**
 * Says where the package's files lie, for programs that were bundled or packed so that they cannot be found: the folder that
 * holds `models/` and `dist/` of this package. It goes before the environment variable `PGENRM_ROOT`.
 *
 * Errors: `INVALID_OPTION` where the folder does not hold this package.
 */
export function setAssetRoot(folder: string): void {
  given = checkedRoot(resolve(folder), 'assetRoot');
}

/**
 * The root folder of this package: what {@link setAssetRoot} or `PGENRM_ROOT` says, else the folder above this file whose
 * package.json has this package's name, else where Node finds the package.
 *
 * Errors: `INVALID_OPTION` where `PGENRM_ROOT` is wrong; `INTERNAL` where the package is not found.
 */
export function packageRoot(): string {
  if (given !== null) return given;
  const fromEnvironment = process.env.PGENRM_ROOT;
  if (fromEnvironment) return checkedRoot(resolve(fromEnvironment), 'PGENRM_ROOT');
  found ??= findPackageRoot(dirname(fileURLToPath(import.meta.url)));
  return found;
}

/** Path of a file of this package. Inside an Electron archive: the unpacked copy of the file where there is one. */
export function packageFile(...parts: string[]): string {
  return outsideArchive(join(packageRoot(), ...parts));
}

/** The same path, or that of the copy that Electron's packer left outside the archive, where there is one. */
export function outsideArchive(path: string): string {
  const unpacked = path.replace(/\.asar(?=[\\/])/, '.asar.unpacked');
  return unpacked !== path && existsSync(unpacked) ? unpacked : path;
}

/**
 * The folder of the package, from `start` upwards by its name, else as Node resolves it from `start`.
 * Errors: `INTERNAL` where there is none.
 */
export function findPackageRoot(start: string): string {
  const top = parse(start).root;
  for (let folder = start; ; folder = dirname(folder)) {
    if (isPackage(folder)) return folder;
    if (folder === top) break;
  }
  try {
    return dirname(createRequire(join(start, 'none.js')).resolve(`${NAME}/package.json`));
  } catch (cause) {
    throw new PgenrmError(
      'INTERNAL',
      `the files of ${NAME} were not found from ${start} upwards: in a bundle, leave ${NAME} external, or copy its models/ and ` +
        'dist/ folders and its package.json, and name their folder in PGENRM_ROOT or the option assetRoot',
      { cause },
    );
  }
}

function checkedRoot(folder: string, from: string): string {
  if (isPackage(folder)) return folder;
  throw new PgenrmError(
    'INVALID_OPTION',
    `${from} must be the folder of ${NAME}'s package.json, models${sep} and dist${sep}, got ${folder}, which has no such package.json`,
  );
}

function isPackage(folder: string): boolean {
  const manifest = join(folder, 'package.json');
  if (!existsSync(manifest)) return false;
  try {
    return (JSON.parse(readFileSync(manifest, 'utf8')) as { name?: unknown }).name === NAME;
  } catch {
    return false; // somebody else's file, not ours to judge
  }
}

// Finds and loads the addon once, and remembers why where it cannot: a path that was given, the platform's package, a local build.
// Knows where the file may lie; what it exports is typed in binding.ts.
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { messageOf, PgenrmError } from '../errors.js';
import { outsideArchive, PACKAGE_VERSION, packageFile, packageRoot } from '../package.js';
import type { NativeBinding } from './binding.js';
import { platformPackage } from './platform-package.js';

/** The addon, or why it is not there. */
export type LoadedBinding =
  | { readonly binding: NativeBinding; readonly path: string; readonly from: AddonPlace }
  | { readonly binding: null; readonly path: string | null; readonly reason: string };

/** Which place the addon came from. */
export type AddonPlace = 'given' | 'package' | 'localBuild';

const require = createRequire(import.meta.url);
let given: string | null = null;
let loaded: LoadedBinding | undefined;

/**
 * Names the addon to load, before anything of this package was loaded; it goes before `PGENRM_NATIVE`.
 * Errors: `INVALID_OPTION` where another one was loaded already.
 */
export function setNativeAddon(path: string): void {
  const wanted = resolve(path);
  if (loaded !== undefined && loaded.path !== wanted) {
    const now = loaded.binding === null ? 'it runs without an addon' : `it has loaded ${loaded.path}`;
    throw new PgenrmError(
      'INVALID_OPTION',
      `the addon must be named before the first use in a process; ${now}`,
    );
  }
  given = wanted;
}

/**
 * Loads the native addon, once a process. Where none is there, `reason` says where it was looked for and what to do. An addon
 * that was named (by {@link setNativeAddon} or `PGENRM_NATIVE`) is the only one that is tried. `PGENRM_NATIVE=off` switches it off.
 *
 * Errors: `GENERATOR_UNAVAILABLE` where an addon that was named does not load.
 */
export function loadNativeBinding(): LoadedBinding {
  loaded ??= load();
  return loaded;
}

function load(): LoadedBinding {
  const named = given ?? (process.env.PGENRM_NATIVE || null);
  if (named === 'off') {
    return { binding: null, path: null, reason: 'PGENRM_NATIVE=off switches the native addon off' };
  }
  if (named !== null) return loadNamed(resolve(named));
  const reasons: string[] = [];
  for (const attempt of [fromPlatformPackage, fromLocalBuild]) {
    const outcome = attempt();
    if (typeof outcome !== 'string') return outcome;
    reasons.push(outcome);
  }
  return { binding: null, path: null, reason: reasons.join('; ') };
}

function loadNamed(path: string): LoadedBinding {
  const from = given === null ? 'PGENRM_NATIVE' : 'the option nativeAddon';
  if (!existsSync(path))
    throw new PgenrmError('GENERATOR_UNAVAILABLE', `${from} names ${path}, where no file is`);
  try {
    return { binding: require(path) as NativeBinding, path, from: 'given' };
  } catch (cause) {
    throw new PgenrmError(
      'GENERATOR_UNAVAILABLE',
      `${from} names ${path}, which does not load: ${messageOf(cause)}`,
      { cause },
    );
  }
}

function fromPlatformPackage(): LoadedBinding | string {
  const { name, reason } = platformPackage();
  if (name === null) return reason;
  const manifest = resolvePackage(name);
  if (manifest === null) return `the package ${name} is not installed`;
  const { version } = JSON.parse(readFileSync(manifest, 'utf8')) as { version: string };
  if (version !== PACKAGE_VERSION) {
    return `${name} is of version ${version}, this is pgenrm ${PACKAGE_VERSION}: install both of one version`;
  }
  return loadFrom(outsideArchive(join(dirname(manifest), 'pgenrm.node')), 'package');
}

// From the package's own folder and from this file's: a bundle has the one, a linked package the other.
function resolvePackage(name: string): string | null {
  for (const start of [import.meta.url, join(packageRoot(), 'package.json')]) {
    try {
      return createRequire(start).resolve(`${name}/package.json`);
    } catch (error) {
      if ((error as { code?: unknown }).code !== 'MODULE_NOT_FOUND') throw error;
    }
  }
  return null;
}

function fromLocalBuild(): LoadedBinding | string {
  const path = packageFile('build', 'native', 'pgenrm.node');
  if (!existsSync(path)) return 'there is no local build';
  return loadFrom(path, 'localBuild');
}

function loadFrom(path: string, from: AddonPlace): LoadedBinding | string {
  if (!existsSync(path)) return `there is no file at ${path}`;
  try {
    return { binding: require(path) as NativeBinding, path, from };
  } catch (error) {
    return `the addon at ${path} does not load: ${messageOf(error)}`;
  }
}

// Finds and loads the addon once, and remembers why where it cannot.
// Knows where the file lies; what it exports is typed in binding.ts.
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, sep } from 'node:path';
import { messageOf } from '../errors.js';
import { packageRoot } from '../package.js';
import type { NativeBinding } from './binding.js';

/** The addon, or why it is not there. */
export type LoadedBinding =
  | { readonly binding: NativeBinding; readonly path: string }
  | { readonly binding: null; readonly path: string; readonly reason: string };

let loaded: LoadedBinding | undefined;

/**
 * Loads the native addon, once a process. Never throws: where it is absent or broken, `reason` says so and
 * what to do. The environment variable `PGENRM_NATIVE=off` switches it off.
 */
export function loadNativeBinding(): LoadedBinding {
  loaded ??= load();
  return loaded;
}

function load(): LoadedBinding {
  const path = join(packageRoot(), 'build', 'native', 'pgenrm.node');
  if (process.env.PGENRM_NATIVE === 'off') {
    return { binding: null, path, reason: 'PGENRM_NATIVE=off switches the native addon off' };
  }
  if (!existsSync(path)) {
    return {
      binding: null,
      path,
      reason: `no addon at ${path}: build it with \`npm run build:native\` in ${dirname(dirname(dirname(path)))}${sep}`,
    };
  }
  try {
    const require = createRequire(import.meta.url);
    return { binding: require(path) as NativeBinding, path };
  } catch (error) {
    return {
      binding: null,
      path,
      reason: `the addon at ${path} does not load: ${messageOf(error)}; rebuild it with \`npm run build:native\``,
    };
  }
}

// Leaves a host's process as it was where an import takes hold of its signals: signal-exit, which node-llama-cpp brings through
// proper-lockfile, listens to all of them and replaces process.emit. Knows nothing of what is imported.
import { createRequire } from 'node:module';

interface SignalExit {
  unload(): void;
}

const requireHere = createRequire(import.meta.url);

/**
 * Runs an import of a package and takes back the hooks for signals and the exit that came with it. The locks that those are for are
 * taken where the package builds or downloads, which it is not asked to do here. Hooks that were there before stay, and so do all
 * where somebody else asked for some meanwhile.
 */
export async function withoutExitHooks<T>(packageName: string, run: () => Promise<T>): Promise<T> {
  const before = { emit: process.emit, hooks: exitHooks() };
  const imported = await run();
  if (process.emit === before.emit || exitHooks() !== before.hooks + 1) return imported;
  signalExitOf(packageName)?.unload();
  return imported;
}

/** Listeners of signal-exit that ask for the end of the process. */
function exitHooks(): number {
  const { __signal_exit_emitter__: emitter } = process as { __signal_exit_emitter__?: NodeJS.EventEmitter };
  return emitter === undefined ? 0 : emitter.listenerCount('exit') + emitter.listenerCount('afterexit');
}

/** The copy that the package's own dependency uses; null in a bundle, where it cannot be told. */
function signalExitOf(packageName: string): SignalExit | null {
  try {
    const lockfile = createRequire(requireHere.resolve(packageName)).resolve('proper-lockfile');
    return createRequire(lockfile)('signal-exit') as SignalExit;
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'MODULE_NOT_FOUND') throw error;
    return null;
  }
}

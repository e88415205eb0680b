// Opens, for the addon, the llama.cpp library that was chosen for this machine.
// Knows what can be missing or of another release, and says so.
import { messageOf, PgenrmError } from '../../errors.js';
import type { LibraryPaths, NativeBinding, NativeLibrary } from '../../native/binding.js';
import { loadNativeBinding } from '../../native/load.js';
import type { LlamaChoice } from '../llama/llama-library.js';

/** The addon; throws `GENERATOR_UNAVAILABLE` with the reason where it is absent. */
export function requireBinding(): NativeBinding {
  const loaded = loadNativeBinding();
  if (loaded.binding === null) throw new PgenrmError('GENERATOR_UNAVAILABLE', loaded.reason);
  return loaded.binding;
}

/**
 * Opens the chosen library and says what it has. Throws `LIBRARY_MISMATCH` where addon and library are of different
 * releases and `GENERATOR_UNAVAILABLE` where the library's files are unknown or do not open.
 */
export function openLibrary(
  binding: NativeBinding,
  choice: LlamaChoice,
): { readonly library: LibraryPaths } & Pick<NativeLibrary, 'devices' | 'repackedTypes'> {
  if (choice.files === null) {
    throw new PgenrmError(
      'GENERATOR_UNAVAILABLE',
      `the addon needs the prebuilt llama.cpp library: ${choice.reasons.join('; ')}`,
    );
  }
  if (choice.release !== binding.llamaRelease) {
    throw new PgenrmError(
      'LIBRARY_MISMATCH',
      `the addon was built for llama.cpp ${binding.llamaRelease}, node-llama-cpp brings ${choice.release}; ` +
        'rebuild it with `npm run build:native`',
    );
  }
  try {
    const { devices, repackedTypes } = binding.openLibrary(choice.files);
    return { library: choice.files, devices, repackedTypes };
  } catch (error) {
    const mismatch = (error as { code?: string }).code === 'LIBRARY_MISMATCH';
    const code = mismatch ? 'LIBRARY_MISMATCH' : 'GENERATOR_UNAVAILABLE';
    throw new PgenrmError(code, messageOf(error), { cause: error });
  }
}

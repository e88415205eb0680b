// What both build descriptions need to know: the list of sources, the include folders, the llama.cpp release.
// `node scripts/native-config.mjs sources|includes|release` prints it for binding.gyp, one value a line.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { extractHeaders } from './llama-headers.mjs';

const require = createRequire(import.meta.url);
export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');

/** Sources, include folders and release of the addon, as absolute paths where they are folders. */
export function nativeConfig() {
  const headers = extractHeaders(path.join(root, 'build'));
  const sources = readFileSync(path.join(root, 'native', 'sources.txt'), 'utf8')
    .trim()
    .split(/\s+/);
  return {
    release: headers.release,
    sources,
    includes: {
      llama: headers.llama,
      ggml: headers.ggml,
      backend: headers.backend,
      napi: path.dirname(require.resolve('node-addon-api/napi.h')),
      hnswlib: hnswlibFolder(),
    },
  };
}

/** Folder of hnswlib's headers. */
export function hnswlibFolder() {
  return path.join(root, 'native', 'third_party', 'hnswlib');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const config = nativeConfig();
  const printed = {
    sources: config.sources,
    includes: Object.values(config.includes),
    release: [config.release],
  };
  console.log(printed[process.argv[2]].join('\n'));
}

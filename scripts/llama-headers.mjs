// Lays out the llama.cpp headers of exactly the release that node-llama-cpp ships its libraries from.
// They come out of the git bundle inside that package; nothing is downloaded.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

const require = createRequire(import.meta.url);

/** Folder of the node-llama-cpp package. */
export function nodeLlamaCppFolder() {
  let folder = path.dirname(require.resolve('node-llama-cpp'));
  while (!existsSync(path.join(folder, 'package.json'))) folder = path.dirname(folder);
  return folder;
}

/** The llama.cpp release of the prebuilt libraries, such as `v0.5.0`. */
export function llamaRelease() {
  const file = path.join(nodeLlamaCppFolder(), 'llama', 'llama.cpp.info.json');
  return JSON.parse(readFileSync(file, 'utf8')).tag;
}

/** The one header that llama.cpp does not publish: what a backend of ours has to look like. */
const BACKEND_HEADER = 'ggml/src/ggml-backend-impl.h';

/** Extracts `include/`, `ggml/include/` and the backends' header into `buildFolder/llama-<release>` once; returns the folders. */
export function extractHeaders(buildFolder) {
  const release = llamaRelease();
  const target = path.join(buildFolder, `llama-${release}`);
  const folders = {
    release,
    llama: path.join(target, 'include'),
    ggml: path.join(target, 'ggml', 'include'),
    backend: path.join(target, path.dirname(BACKEND_HEADER)),
  };
  if (existsSync(path.join(target, 'complete')) && existsSync(path.join(target, BACKEND_HEADER)))
    return folders;
  mkdirSync(buildFolder, { recursive: true });
  const scratch = mkdtempSync(path.join(buildFolder, 'llama-headers-'));
  try {
    const bundle = path.join(nodeLlamaCppFolder(), 'llama', 'gitRelease.bundle');
    const git = (...args) =>
      execFileSync('git', ['-C', scratch, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    git('init', '--quiet');
    git('fetch', '--quiet', '--depth', '1', bundle, 'HEAD');
    git('checkout', '--quiet', 'FETCH_HEAD', '--', 'include', 'ggml/include', BACKEND_HEADER, 'LICENSE');
    rmSync(path.join(scratch, '.git'), { recursive: true, force: true });
    writeFileSync(path.join(scratch, 'complete'), `${release}\n`);
    rmSync(target, { recursive: true, force: true });
    renameSync(scratch, target);
  } catch (error) {
    rmSync(scratch, { recursive: true, force: true });
    throw new Error(
      `The llama.cpp headers could not be taken from node-llama-cpp's bundle (is git installed?): ${error.message}`,
    );
  }
  return folders;
}

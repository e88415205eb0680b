// Builds the page: app/dist, which any web host can serve; and dist/page, without model and WASM, which `pgenrm serve` has.
import { cpSync, mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..', '..');

/** Where the page of a build lies. */
export const PAGE = path.join(root, 'app', 'dist');

/** What lies beside the page, from where. */
const BESIDE = {
  'engine/wllama.wasm': 'node_modules/@wllama/wllama/esm/wasm/wllama.wasm',
  'engine/kernels.wasm': 'build/wasm/kernels.wasm',
  'models/nano.gguf': 'models/nano.gguf',
};

export async function buildPage({ quiet = false } = {}) {
  const configFile = path.join(root, 'app', 'vite.config.ts');
  await build({ configFile, logLevel: quiet ? 'error' : 'info' });
  const served = path.join(root, 'dist', 'page');
  rmSync(served, { recursive: true, force: true });
  mkdirSync(served, { recursive: true });
  cpSync(PAGE, served, { recursive: true });
  for (const [to, from] of Object.entries(BESIDE)) {
    mkdirSync(path.dirname(path.join(PAGE, to)), { recursive: true });
    cpSync(path.join(root, from), path.join(PAGE, to));
  }
}

// Builds the addon to build/native/pgenrm.node: cmake-js where cmake is there, node-gyp otherwise.
// With --optional a failure is told and forgiven: the package then runs on WASM kernels and the portable generator.
import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, renameSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { nativeConfig, root } from './native-config.mjs';

const require = createRequire(import.meta.url);
const optional = process.argv.includes('--optional');
const forced = process.argv.find((argument) => argument.startsWith('--with='))?.slice('--with='.length);

function has(command) {
  return spawnSync(command, ['--version'], { stdio: 'ignore' }).status === 0;
}

function run(command, args) {
  execFileSync(command, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] });
}

function buildWithCmake(config) {
  const cmakeJs = path.join(path.dirname(require.resolve('cmake-js/package.json')), 'bin', 'cmake-js');
  const out = path.join(root, 'build', 'cmake');
  run(process.execPath, [
    cmakeJs,
    'compile',
    '--log-level',
    'error',
    '--out',
    out,
    ...(has('ninja') ? ['--generator', 'Ninja'] : []),
    `--CDPGENRM_LLAMA_RELEASE=${config.release}`,
    `--CDPGENRM_LLAMA_INCLUDE=${config.includes.llama}`,
    `--CDPGENRM_GGML_INCLUDE=${config.includes.ggml}`,
    `--CDPGENRM_BACKEND_INCLUDE=${config.includes.backend}`,
    `--CDPGENRM_NAPI_INCLUDE=${config.includes.napi}`,
    `--CDPGENRM_HNSWLIB_INCLUDE=${config.includes.hnswlib}`,
  ]);
  return path.join(out, 'Release', 'pgenrm.node');
}

function buildWithGyp() {
  const gyp = process.env.npm_config_node_gyp;
  if (!gyp)
    throw new Error("node-gyp was not found: run this as `npm run build:native`, which brings npm's own");
  run(process.execPath, [gyp, 'configure', 'build', '--release']);
  return path.join(root, 'build', 'Release', 'pgenrm.node');
}

try {
  const config = nativeConfig();
  const tool = forced ?? (has('cmake') ? 'cmake' : 'gyp');
  const built = tool === 'cmake' ? buildWithCmake(config) : buildWithGyp();
  const folder = path.join(root, 'build', 'native');
  mkdirSync(folder, { recursive: true });
  // Renamed into place: a running process keeps the old file, a new one never sees half of the new.
  copyFileSync(built, path.join(folder, 'pgenrm.node.new'));
  renameSync(path.join(folder, 'pgenrm.node.new'), path.join(folder, 'pgenrm.node'));
  console.log(`pgenrm: native addon built with ${tool} for llama.cpp ${config.release}`);
} catch (error) {
  console.error(`pgenrm: the native addon was not built: ${error.message}`);
  console.error(
    'pgenrm: it needs a C++20 compiler, git, and cmake or Python 3 (for node-gyp); then `npm run build:native`.',
  );
  if (!optional) process.exit(1);
  console.error('pgenrm: going on without it; `pgenrm doctor` shows what is used instead.');
}

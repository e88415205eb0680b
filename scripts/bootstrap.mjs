// Brings a clone to where the tests and the command line run: install, then build. Node built-ins only.
// Does nothing twice: packages are installed again only when the lock file changed, builds are incremental.
// `--page`: what the page needs alone, without the native addon and without compiling.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const requireNative = process.env.PGENRM_REQUIRE_NATIVE === '1';

function run(what, command, args) {
  console.error(`pgenrm: ${what}`);
  try {
    // Standard output is left to the command that comes after this one.
    execFileSync(command, args, { cwd: root, stdio: ['ignore', 2, 2] });
  } catch (error) {
    console.error(`pgenrm: ${what} failed: ${error.message}`);
    process.exit(1);
  }
}

function install() {
  const lock = readFileSync(path.join(root, 'package-lock.json'));
  const stampFile = path.join(root, 'node_modules', '.pgenrm-installed');
  const stamp = createHash('sha256').update(lock).digest('hex');
  if (existsSync(stampFile) && readFileSync(stampFile, 'utf8') === stamp) return;
  // Install scripts are skipped on purpose: the package must work without those of its dependencies.
  const npm = process.env.npm_execpath;
  const args = ['ci', '--ignore-scripts', '--no-audit', '--no-fund'];
  if (npm) run('installing packages', process.execPath, [npm, ...args]);
  else run('installing packages', process.platform === 'win32' ? 'npm.cmd' : 'npm', args);
  writeFileSync(stampFile, stamp);
}

install();
const node = process.execPath;
const page = process.argv.includes('--page');
if (!page)
  run('building the native addon', node, [
    'scripts/build-native.mjs',
    ...(requireNative ? [] : ['--optional']),
  ]);
run('building the WASM kernels', node, ['scripts/build-wasm.mjs']);
if (!page)
  run('compiling TypeScript', node, [
    path.join('node_modules', 'typescript', 'bin', 'tsc'),
    '-p',
    'tsconfig.json',
  ]);

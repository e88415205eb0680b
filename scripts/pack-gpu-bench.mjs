// Packs what `bench/gpu.sh` needs on a bare CUDA machine into a folder: Node, the built package, its dependencies
// without other platforms' binaries, the CUDA build of llama.cpp. `node scripts/pack-gpu-bench.mjs FOLDER`.
import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, cpSync, existsSync, mkdirSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
/** What runs is in dist and build; sources are there for the models that a benchmark writes. */
const PARTS = [
  'bench',
  'build/native',
  'build/wasm',
  'dist',
  'examples',
  'models',
  'package.json',
  'scripts',
  'src/errors.ts',
  'LICENSE',
];
const LLAMA = ['linux-x64', 'linux-x64-cuda', 'linux-x64-cuda-ext'];

function fail(message) {
  console.error(`pack-gpu-bench: ${message}`);
  process.exit(1);
}

const [given, ...more] = process.argv.slice(2);
if (given === undefined || more.length > 0) fail('name one folder: node scripts/pack-gpu-bench.mjs FOLDER');
const target = path.resolve(given);
if (existsSync(target) && readdirSync(target).length > 0) fail(`${target} is not empty; name another folder`);
if (process.platform !== 'linux' || process.arch !== 'x64')
  fail('the folder is for Linux on x64 and is packed there');
const scope = path.join(root, 'node_modules', '@node-llama-cpp');
for (const name of ['linux-x64', 'linux-x64-cuda']) {
  if (!existsSync(path.join(scope, name)))
    fail(`${path.join(scope, name)} is not installed: npm ci brings it`);
}

mkdirSync(path.join(target, 'bin'), { recursive: true });
for (const part of PARTS) {
  const from = path.join(root, part);
  if (!existsSync(from)) fail(`${from} is missing: npm run build makes it`);
  cpSync(from, path.join(target, part), { recursive: true });
}
for (const folder of dependencies())
  cpSync(path.join(root, folder), path.join(target, folder), { recursive: true });
copyFileSync(process.execPath, path.join(target, 'bin', 'node'));
chmodSync(path.join(target, 'bin', 'node'), 0o755);
const size = execFileSync('du', ['-sm', target], { encoding: 'utf8' }).split('\t')[0];
console.log(`${target}: ${size} MB; carry it over and run bench/gpu.sh in it`);

/** Folders of the production dependencies, and of the compiler that models are written with, as npm knows them. */
function dependencies() {
  const listed = execFileSync('npm', ['ls', '--omit=dev', '--all', '--parseable'], {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const folders = listed
    .split('\n')
    .filter((line) => line.startsWith(path.join(root, 'node_modules')))
    .map((line) => path.relative(root, line))
    .filter((folder) => !folder.includes('@node-llama-cpp') && !folder.includes('@reflink'));
  // Nested folders come with those that hold them.
  const outer = folders.filter(
    (folder) => !folders.some((other) => folder.startsWith(`${other}${path.sep}`)),
  );
  const llama = LLAMA.map((name) => path.join('node_modules', '@node-llama-cpp', name));
  return [...outer, ...llama, path.join('node_modules', 'typescript')].filter((folder) =>
    existsSync(path.join(root, folder)),
  );
}

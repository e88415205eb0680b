// Builds what the generation benchmark is compared with: llama-server, llama-batched-bench and the plain loop.
// `npm run bench:peers [-- --backend cpu|cuda|vulkan|metal] [--jobs N]`. Sources come out of the git bundle inside
// node-llama-cpp; all three run on the very libraries that its prebuilt package holds. Interrupted, it goes on later.
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { llamaRelease, nodeLlamaCppFolder } from './llama-headers.mjs';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const tools = ['plain-loop', 'llama-batched-bench', 'llama-server'];

/** Folder that holds the peers of a release and a backend; outside git. */
export function peersFolder(backend = 'cpu') {
  const cache = process.env.PGENRM_BENCH_CACHE ?? path.join(root, 'build', 'bench-peers');
  return path.join(cache, llamaRelease(), backend);
}

/** The peers by name: the path of each, or null where it is not built. */
export function findPeers(backend = 'cpu') {
  const folder = peersFolder(backend);
  return Object.fromEntries(
    tools.map((tool) => [tool, existsSync(path.join(folder, tool)) ? path.join(folder, tool) : null]),
  );
}

/** SHA-256 of the libllama in a folder, first 16 hexadecimal digits; null where there is none. */
export function libraryHash(folder) {
  const name = existsSync(folder) ? readdirSync(folder).find((file) => isLibrary(file, 'llama')) : undefined;
  if (name === undefined) return null;
  return createHash('sha256')
    .update(readFileSync(path.join(folder, name)))
    .digest('hex')
    .slice(0, 16);
}

/** Folder of the prebuilt libraries of a backend, or null where that package is not installed. */
export function prebuiltFolder(backend = 'cpu') {
  const platform = { linux: 'linux', darwin: 'mac', win32: 'win' }[process.platform];
  const variant = `${platform}-${process.arch}${backend === 'cpu' ? '' : `-${backend}`}`;
  const scope = path.join(nodeLlamaCppFolder(), '..', '@node-llama-cpp');
  const folder = path.join(scope, variant, 'bins', variant);
  return existsSync(folder) ? folder : null;
}

const isLibrary = (file, name) => new RegExp(`^lib${name}(\\.(?!.*-)[\\w.]*)?\\.(so|dylib)$`).test(file);

function fail(message) {
  console.error(`bench:peers: ${message}`);
  process.exit(1);
}

function need(command, reason) {
  if (spawnSync(command, ['--version'], { stdio: 'ignore' }).error) {
    fail(`\`${command}\` was not found, and ${reason}. Install it and run this again.`);
  }
}

/** Unpacks the release's sources once; a half-unpacked folder never has the final name. */
function extractSource(cache) {
  const target = path.join(cache, 'source');
  if (existsSync(target)) return target;
  need('git', "llama.cpp's sources lie in a git bundle");
  const bundle = path.join(nodeLlamaCppFolder(), 'llama', 'gitRelease.bundle');
  if (!existsSync(bundle)) fail(`${bundle} is missing: install node-llama-cpp again`);
  console.log(`unpacking llama.cpp ${llamaRelease()} from node-llama-cpp's bundle`);
  const scratch = mkdtempSync(path.join(cache, 'unpacking-'));
  try {
    const git = (...args) =>
      execFileSync('git', ['-C', scratch, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    git('init', '--quiet');
    git('fetch', '--quiet', '--depth', '1', bundle, 'HEAD');
    git(
      'checkout',
      '--quiet',
      'FETCH_HEAD',
      '--',
      'include',
      'ggml/include',
      'common',
      'tools',
      'vendor',
      'scripts',
      'src/llama-ext.h',
      'LICENSE',
    );
    rmSync(path.join(scratch, '.git'), { recursive: true, force: true });
    renameSync(scratch, target);
  } catch (error) {
    rmSync(scratch, { recursive: true, force: true });
    fail(`the sources could not be unpacked: ${error.message}`);
  }
  return target;
}

/** Puts the prebuilt libraries beside the tools, where the loader and llama.cpp's search for backends find them. */
function placeLibraries(from, to) {
  for (const file of readdirSync(from)) {
    if (!/^lib.*\.(so|dylib|metal)/.test(file) || existsSync(path.join(to, file))) continue;
    try {
      symlinkSync(path.join(from, file), path.join(to, file));
    } catch {
      copyFileSync(path.join(from, file), path.join(to, file));
    }
  }
}

function build({ backend, jobs }) {
  if (process.platform === 'win32') fail('the peers are built on Linux and macOS only');
  const libraries = prebuiltFolder(backend);
  if (libraries === null)
    fail(`node-llama-cpp's prebuilt libraries for \`${backend}\` are not installed here`);
  const output = peersFolder(backend);
  const cache = path.dirname(output);
  mkdirSync(output, { recursive: true });
  placeLibraries(libraries, output);
  const linked = ['llama-common', 'llama', 'ggml', 'ggml-base'].map((name) => {
    const file = readdirSync(output).find((entry) => isLibrary(entry, name));
    if (file === undefined) fail(`lib${name} is not among the prebuilt libraries in ${libraries}`);
    return path.join(output, file);
  });
  need('cmake', 'it builds the peers');
  const source = extractSource(cache);
  const folder = path.join(cache, 'cmake');
  const cmake = (...args) => {
    const { status } = spawnSync('cmake', args, { stdio: 'inherit' });
    if (status !== 0) fail(`cmake ${args[0]} failed; what was compiled is kept in ${folder}`);
  };
  cmake(
    '-S',
    path.join(root, 'bench', 'generation', 'peers'),
    '-B',
    folder,
    '-DCMAKE_BUILD_TYPE=Release',
    `-DPEERS_SOURCE=${source}`,
    `-DPEERS_OUTPUT=${output}`,
    `-DPEERS_LIBRARIES=${linked.join(';')}`,
  );
  // The quick ones first, so that an interrupted build leaves something of use.
  for (const tool of tools) cmake('--build', folder, '--target', tool, '--parallel', jobs);
  const facts = { release: llamaRelease(), backend, libllama: libraryHash(output), prebuilt: libraries };
  writeFileSync(path.join(output, 'peers.json'), `${JSON.stringify(facts, null, 2)}\n`);
  console.log(
    `the peers are in ${output}\nlibllama ${facts.libllama}: the same file that the native generator opens`,
  );
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({
    options: { backend: { type: 'string', default: 'cpu' }, jobs: { type: 'string', default: '2' } },
  });
  if (!['cpu', 'cuda', 'cuda-ext', 'vulkan', 'metal'].includes(values.backend)) {
    fail(`--backend takes cpu, cuda, vulkan or metal, got ${values.backend}`);
  }
  if (!/^[1-9]\d*$/.test(values.jobs)) fail(`--jobs takes a whole number from 1 on, got ${values.jobs}`);
  build(values);
}

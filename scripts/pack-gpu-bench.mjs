// Packs what `bench/gpu.sh` needs on a bare CUDA machine into a folder: Node, the built package, its dependencies without
// other platforms' binaries, the CUDA build of llama.cpp; as one archive in pieces, each with its SHA-256, for machines that
// take no more at a time. `node scripts/pack-gpu-bench.mjs FOLDER [--cuda12]`: with llama.cpp's build for CUDA 12, too.
import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  createWriteStream,
  existsSync,
  mkdirSync,
  readdirSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

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
const LLAMA = ['linux-x64', 'linux-x64-cuda'];
/** Nothing of it runs there: results of other machines, llama.cpp's sources. */
const LEFT_OUT = ['bench/results', 'node_modules/node-llama-cpp/llama/gitRelease.bundle'];
/** Bytes of a piece. */
const PIECE = 56_000_000;

function fail(message) {
  console.error(`pack-gpu-bench: ${message}`);
  process.exit(1);
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { cuda12: { type: 'boolean', default: false } },
});
if (positionals.length !== 1) fail('name one folder: node scripts/pack-gpu-bench.mjs FOLDER [--cuda12]');
const target = path.resolve(positionals[0]);
if (existsSync(target) && readdirSync(target).length > 0) fail(`${target} is not empty; name another folder`);
if (process.platform !== 'linux' || process.arch !== 'x64')
  fail('the folder is for Linux on x64 and is packed there');
const packages = [...LLAMA, ...(values.cuda12 ? ['linux-x64-cuda-ext'] : [])].map((name) =>
  path.join('node_modules', '@node-llama-cpp', name),
);
const parts = [...PARTS, ...dependencies(), ...packages];
const missing = parts.find((part) => !existsSync(path.join(root, part)));
if (missing !== undefined)
  fail(`${path.join(root, missing)} is missing: npm ci brings packages, npm run build what is built`);

mkdirSync(path.join(target, 'pieces'), { recursive: true });
// The archive takes Node from where it lies; only its name is made up.
const bin = path.join(target, 'bin');
mkdirSync(bin);
symlinkSync(realpathSync(process.execPath), path.join(bin, 'node'));
// There is no git where it runs, and results say which commit they are of.
const commit = gitCommit();
if (commit !== null) writeFileSync(path.join(target, 'commit'), `${commit}\n`);
const sums = await writePieces();
rmSync(bin, { recursive: true });
rmSync(path.join(target, 'commit'), { force: true });
copyFileSync(path.join(root, 'bench', 'gpu.sh'), path.join(target, 'gpu.sh'));
chmodSync(path.join(target, 'gpu.sh'), 0o755);
writeFileSync(
  path.join(target, 'SHA256SUMS'),
  sums.map(({ name, sha256 }) => `${sha256}  pieces/${name}\n`).join(''),
);
for (const { name, bytes } of sums) console.log(`pieces/${name}: ${megabytes(bytes)} MB`);
const total = sums.reduce((sum, { bytes }) => sum + bytes, 0);
console.log(
  `${target}: ${megabytes(total)} MB in ${sums.length} pieces; carry it over, SHA256SUMS too, and run gpu.sh in it`,
);

/** One compressed archive, cut into pieces; gives the name, size and hash of each. */
async function writePieces() {
  const tar = spawn(
    'tar',
    [
      '--create',
      '--gzip',
      '--file=-',
      '--dereference',
      '--hard-dereference',
      '--sort=name',
      '--owner=0',
      '--group=0',
      ...LEFT_OUT.map((name) => `--exclude=${name}`),
      `--directory=${target}`,
      'bin/node',
      ...(commit === null ? [] : ['commit']),
      `--directory=${root}`,
      ...parts,
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const ended = new Promise((resolve, reject) => {
    tar.on('error', reject);
    tar.on('close', resolve);
  });
  const pieces = [];
  let piece = null;
  for await (const chunk of tar.stdout) {
    for (let from = 0; from < chunk.length; ) {
      piece ??= begin(pieces.length);
      const part = chunk.subarray(from, from + PIECE - piece.bytes);
      await add(piece, part);
      from += part.length;
      if (piece.bytes === PIECE) piece = await end(piece, pieces);
    }
  }
  if (piece !== null) await end(piece, pieces);
  if ((await ended) !== 0) fail('tar failed, as it says above; nothing in the folder is of use');
  return pieces;
}

/** The commit that is packed, `+` behind it where files have changed since; null without git. */
function gitCommit() {
  const git = (...words) => execFileSync('git', ['-C', root, ...words], { encoding: 'utf8' }).trim();
  try {
    return `${git('rev-parse', 'HEAD')}${git('status', '--porcelain') === '' ? '' : '+'}`;
  } catch {
    return null;
  }
}

function begin(number) {
  const name = `pgenrm.tgz.${String(number).padStart(3, '0')}`;
  return {
    name,
    bytes: 0,
    hash: createHash('sha256'),
    file: createWriteStream(path.join(target, 'pieces', name)),
  };
}

async function add(piece, part) {
  piece.bytes += part.length;
  piece.hash.update(part);
  if (!piece.file.write(part)) await new Promise((resolve) => piece.file.once('drain', resolve));
}

async function end({ name, hash, file }, pieces) {
  await new Promise((resolve, reject) => {
    file.on('error', reject);
    file.end(resolve);
  });
  const { size } = statSync(path.join(target, 'pieces', name));
  pieces.push({ name, bytes: size, sha256: hash.digest('hex') });
  return null;
}

function megabytes(bytes) {
  return (bytes / 1e6).toFixed(0);
}

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
    .filter((folder) => !folder.includes('@node-llama-cpp') && !folder.includes('@reflink'))
    // Optional packages of other platforms are named and not installed.
    .filter((folder) => existsSync(path.join(root, folder)));
  // Nested folders come with those that hold them.
  const outer = folders.filter(
    (folder) => !folders.some((other) => folder.startsWith(`${other}${path.sep}`)),
  );
  return [...outer, path.join('node_modules', 'typescript')];
}

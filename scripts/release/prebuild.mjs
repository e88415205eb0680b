// `npm run prebuild -- TARGET|all`: builds the addon for other platforms on one Linux machine, into build/prebuilt/TARGET.
// `npm run prebuild -- host` packs the addon that was built here; its glibc is this machine's, so it is for tests only.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { nativeConfig, root } from '../native-config.mjs';
import { compileAll } from './compile.mjs';
import { inspectAddon } from './inspect-addon.mjs';
import { hostTarget, packageName, TARGETS } from './targets.mjs';
import { zigCommand } from './zig.mjs';

const require = createRequire(import.meta.url);
const prebuilt = path.join(root, 'build', 'prebuilt');

/** The flags that both local build descriptions use as well (CMakeLists.txt, binding.gyp). */
function flags(config, target) {
  return [
    ...['-std=c++20', '-O3', '-Wall', '-Wextra', '-ffp-contract=off', '-fvisibility=hidden'],
    ...(target.os === 'win32' ? [] : ['-fPIC']),
    // zig traps on undefined behaviour in release builds unless told otherwise; the local compilers do not.
    '-fno-sanitize=all',
    ...['NAPI_VERSION=8', 'NAPI_CPP_EXCEPTIONS', 'NODE_API_NO_EXTERNAL_BUFFERS_ALLOWED'].map(
      (name) => `-D${name}`,
    ),
    `-DPGENRM_LLAMA_RELEASE="${config.release}"`,
    '-Inative',
    ...[
      ...Object.values(config.includes),
      path.join(path.dirname(require.resolve('node-api-headers/package.json')), 'include'),
    ].flatMap((folder) => ['-isystem', folder]),
  ];
}

/** What a target links beside its own object files. */
function linkFlags(target, zig, scratch) {
  if (target.os === 'darwin') return ['-Wl,-undefined,dynamic_lookup'];
  if (target.os === 'linux') return ['-pthread', '-ldl'];
  const definitions = path.join(
    path.dirname(require.resolve('node-api-headers/package.json')),
    'def',
    'node_api.def',
  );
  const library = path.join(scratch, 'node_api.lib');
  execFileSync(zig[0], [
    ...zig.slice(1),
    'dlltool',
    '-d',
    definitions,
    '-D',
    'node.exe',
    '-m',
    'i386:x86-64',
    '-l',
    library,
  ]);
  return [library];
}

async function build(name) {
  const target = TARGETS[name];
  const config = nativeConfig();
  const zig = zigCommand();
  const scratch = path.join(root, 'build', 'cross', name);
  mkdirSync(scratch, { recursive: true });
  const compiler = [...zig, 'c++', '-target', target.zig];
  const objects = await compileAll({
    compiler,
    flags: flags(config, target),
    sources: config.sources,
    folder: scratch,
    jobs: Math.max(1, availableParallelism()),
  });
  const linked = path.join(scratch, 'pgenrm.node');
  const [program, ...first] = compiler;
  execFileSync(
    program,
    [...first, '-shared', '-s', '-o', linked, ...objects, ...linkFlags(target, zig, scratch)],
    {
      cwd: root,
      stdio: ['ignore', 2, 2],
    },
  );
  return linked;
}

/** The addon that `npm run build:native` made here, without symbols. */
function localBuild() {
  const built = path.join(root, 'build', 'native', 'pgenrm.node');
  if (!existsSync(built))
    throw new Error(`there is no addon at ${built}: run \`npm run build:native\` first`);
  const stripped = path.join(root, 'build', 'cross', 'host.node');
  mkdirSync(path.dirname(stripped), { recursive: true });
  if (process.platform === 'linux') execFileSync('strip', ['--strip-unneeded', '-o', stripped, built]);
  else copyFileSync(built, stripped);
  return stripped;
}

/** Lays out the package of a target: the addon, its checksum, what it was built from, licences. */
function layOut(name, file, origin) {
  const { os, cpu, libc } = TARGETS[name];
  const { version, license } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
  const folder = path.join(prebuilt, name);
  const fresh = `${folder}.new`;
  rmSync(fresh, { recursive: true, force: true });
  mkdirSync(fresh, { recursive: true });
  copyFileSync(file, path.join(fresh, 'pgenrm.node'));
  copyFileSync(path.join(root, 'LICENSE'), path.join(fresh, 'LICENSE'));
  copyFileSync(
    path.join(root, 'native', 'third_party', 'hnswlib', 'LICENSE'),
    path.join(fresh, 'LICENSE-hnswlib'),
  );
  const sha256 = createHash('sha256').update(readFileSync(file)).digest('hex');
  const { release } = nativeConfig();
  const about = { llamaRelease: release, origin, sha256, ...inspectAddon(file, name, origin === 'zig') };
  writeFileSync(path.join(fresh, 'addon.json'), `${JSON.stringify(about, null, 2)}\n`);
  writeFileSync(path.join(fresh, 'SHA256SUMS'), `${sha256}  pgenrm.node\n`);
  const manifest = {
    name: packageName(name),
    version,
    description: `The native part of pgenrm for ${name}.`,
    license: `${license} AND Apache-2.0`,
    os: [os],
    cpu: [cpu],
    ...(libc === undefined ? {} : { libc: [libc] }),
    main: 'pgenrm.node',
    files: ['pgenrm.node', 'addon.json', 'SHA256SUMS', 'LICENSE', 'LICENSE-hnswlib'],
    preferUnplugged: true,
    engines: { node: '^20.15.0 || >=22.2.0' },
  };
  writeFileSync(path.join(fresh, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
  writeFileSync(
    path.join(fresh, 'README.md'),
    `# ${packageName(name)}\n\nThe native part of \`pgenrm\` for ${name}. Install \`pgenrm\`; it brings this package by itself.\n`,
  );
  rmSync(folder, { recursive: true, force: true });
  renameSync(fresh, folder);
  console.log(
    `prebuild: ${name}: ${statSync(path.join(folder, 'pgenrm.node')).size} bytes, sha256 ${sha256}, ${about.summary}`,
  );
}

const asked = process.argv.slice(2);
const names = asked.includes('all') ? Object.keys(TARGETS) : asked;
const known = [...Object.keys(TARGETS), 'host'];
const wrong = names.find((name) => !known.includes(name));
if (names.length === 0 || wrong !== undefined) {
  console.error(
    `prebuild: name targets from ${known.join(', ')}, or all${wrong === undefined ? '' : `; there is no ${wrong}`}`,
  );
  process.exit(2);
}
for (const name of names) {
  if (name !== 'host') layOut(name, await build(name), 'zig');
  else if (hostTarget() === null)
    throw new Error(`there is no package for ${process.platform}-${process.arch}`);
  else layOut(hostTarget(), localBuild(), 'local');
}

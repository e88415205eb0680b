// One installation: an empty project, one package manager, one Node; then doctor, demo, a TypeScript and a CommonJS program,
// all without a network. Answers with figures and what went wrong.
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { root } from '../../native-config.mjs';
import { nodeOf, programOf } from './tools.mjs';

/** How each manager installs a package from a registry; scripts are left as the manager has them by default. */
const MANAGERS = {
  npm10: { arguments: ['install'], off: '--ignore-scripts' },
  npm12: { arguments: ['install'], off: '--ignore-scripts' },
  pnpm: { arguments: ['add'], off: '--ignore-scripts' },
  yarn: { arguments: ['add'], off: null },
  bun: { arguments: ['add'], off: '--ignore-scripts' },
};

/**
 * Installs and tries. `trial`: { manager, node (a major), compilers (whether they are on the path), scripts (false forbids them) }.
 * `baseline` installs node-llama-cpp alone, for comparison. Answers { seconds, megabytes, packages, outcome, problems }.
 */
export function tryInstall(trial, { url, folder, version }) {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const env = environmentOf(trial, folder, url);
  const project = path.join(folder, 'project');
  mkdirSync(project);
  writeFileSync(
    path.join(project, 'package.json'),
    '{"name":"app","version":"1.0.0","private":true,"type":"module"}\n',
  );
  writeFileSync(path.join(project, '.npmrc'), `registry=${url}\n`);
  if (trial.manager === 'yarn') {
    // yarn resolves the packages of every platform; a registry that lacks one of node-llama-cpp's makes it fail.
    const lacking = missingPlatforms(url);
    const resolutions = Object.fromEntries(
      lacking.map((name) => [name, 'npm:@node-llama-cpp/linux-x64@3.22.1']),
    );
    writeFileSync(
      path.join(project, 'package.json'),
      `${JSON.stringify({ name: 'app', version: '1.0.0', private: true, type: 'module', resolutions })}\n`,
    );
    writeFileSync(
      path.join(project, '.yarnrc.yml'),
      JSON.stringify({
        npmRegistryServer: url,
        unsafeHttpWhitelist: ['127.0.0.1'],
        nodeLinker: 'node-modules',
        enableTelemetry: false,
        // yarn holds back what was published within days; ours is minutes old.
        npmPreapprovedPackages: ['pgenrm', '@pgenrm/*'],
        enableGlobalCache: false,
      }),
    );
    writeFileSync(path.join(project, 'yarn.lock'), '');
  }
  // What docs/install.md tells users of pnpm: it fails over node-llama-cpp's script, which nobody needs, until told.
  if (trial.manager === 'pnpm')
    writeFileSync(path.join(project, 'pnpm-workspace.yaml'), 'allowBuilds:\n  node-llama-cpp: false\n');
  const { arguments: words, off } = MANAGERS[trial.manager];
  const wanted = trial.baseline ? ['node-llama-cpp@3.22.1'] : [`pgenrm@${version}`, '@types/node@20.19.43'];
  const began = performance.now();
  const command = [...words, ...wanted, ...(trial.scripts || off === null ? [] : [off])];
  const installed = runIn(project, env, managerCommand(trial), command);
  const seconds = (performance.now() - began) / 1000;
  if (installed.status !== 0) return { seconds, problems: [`install: ${lastLines(installed)}`] };
  if (trial.baseline) return { seconds, ...sizes(project), problems: [] };
  return { seconds, ...sizes(project), ...tryPackage(project, env, trial) };
}

/** Optional packages of node-llama-cpp that the registry does not carry in its release. */
function missingPlatforms(url) {
  const view = (name, field) =>
    spawnSync('npm', ['view', name, field, '--json', '--registry', url], { encoding: 'utf8' });
  const names = Object.keys(JSON.parse(view('node-llama-cpp@3.22.1', 'optionalDependencies').stdout));
  return names.filter((name) => !/^\s*"3\.22\.1"\s*$/.test(view(`${name}@3.22.1`, 'version').stdout));
}

function managerCommand({ manager, node }) {
  return manager === 'bun' ? [programOf('bun')] : [nodeOf(node), programOf(manager)];
}

/** A path with nothing but Node and the shell's own commands, and compilers where the trial has them. */
function environmentOf({ node, compilers }, folder, url) {
  const bin = path.join(folder, 'bin');
  mkdirSync(bin);
  symlinkSync(nodeOf(node), path.join(bin, 'node'));
  for (const name of [
    'sh',
    'bash',
    'env',
    'uname',
    'ls',
    'cat',
    'sed',
    'dirname',
    'basename',
    'tar',
    'gzip',
    'mkdir',
    'rm',
    'cp',
    'mv',
    'ln',
    'chmod',
  ]) {
    const found = ['/bin', '/usr/bin'].map((place) => path.join(place, name)).find(existsSync);
    if (found) symlinkSync(found, path.join(bin, name));
  }
  const home = path.join(folder, 'home');
  mkdirSync(home);
  return {
    HOME: home,
    PATH: compilers ? `${bin}:${process.env.PATH}` : bin,
    LANG: 'C.UTF-8',
    CI: 'true',
    npm_config_registry: url,
    npm_config_cache: path.join(folder, 'cache'),
    npm_config_audit: 'false',
    npm_config_fund: 'false',
    BUN_CONFIG_REGISTRY: url,
  };
}

function sizes(project) {
  const modules = path.join(project, 'node_modules');
  const all = packagesBelow(modules);
  const megabytes = du(modules);
  return { megabytes, packages: all.size };
}

/** Names and versions of all packages, however the manager lays them out. */
function packagesBelow(modules) {
  const found = new Set();
  const visit = (folder) => {
    for (const entry of existsSync(folder) ? readdirSync(folder, { withFileTypes: true }) : []) {
      const place = path.join(folder, entry.name);
      if (entry.name === '.pnpm' || entry.name === '.bun')
        for (const inner of readdirSync(place)) visit(path.join(place, inner, 'node_modules'));
      if (!entry.isDirectory() || entry.name.startsWith('.')) continue;
      if (entry.name.startsWith('@')) {
        visit(place);
        continue;
      }
      if (existsSync(path.join(place, 'package.json')))
        found.add(path.relative(modules, place).replace(/^.*node_modules\//, ''));
      visit(path.join(place, 'node_modules'));
    }
  };
  visit(modules);
  return found;
}

const du = (folder) => Number(execFileSync('du', ['-sm', folder], { encoding: 'utf8' }).split('\t')[0]);

/** Runs what a user would run, without a network where the system lets us cut it off. */
function tryPackage(project, env, { node }) {
  const unshare = ['/usr/bin/unshare', '-rn'];
  const cut = spawnSync(unshare[0], [...unshare.slice(1), 'true']).status === 0 ? unshare : [];
  const binary = nodeOf(node);
  const cli = path.join(project, 'node_modules', 'pgenrm', 'dist', 'cli', 'main.js');
  const problems = [];
  const outcome = { offline: cut.length > 0 };
  const attempt = (name, command, expected) => {
    const done = runIn(project, env, cut, command);
    outcome[name] = done.status;
    if (done.status !== 0 || !expected.test(done.stdout))
      problems.push(`${name}: rc ${done.status}: ${lastLines(done)}`);
    return done;
  };
  attempt('doctor', [binary, cli, 'doctor'], /chosen\s+native/);
  attempt('demo', [binary, cli, 'demo', '--ind', '2'], /12 of 12 chains usable/);
  cpSync(path.join(root, 'scripts', 'release', 'install', 'programs'), project, { recursive: true });
  const types = runIn(project, env, cut, [binary, programOf('typescript'), '-p', 'tsconfig.json']);
  if (types.status !== 0) problems.push(`typescript: ${lastLines(types)}`);
  attempt('typescript', [binary, 'out/judge.js'], /winner 1 of 2/);
  attempt('commonjs', [binary, 'judge.cjs'], /winner 1 of 2/);
  return { outcome, problems };
}

function runIn(cwd, env, prefix, command) {
  const [program, ...rest] = [...prefix, ...command];
  const { status, stdout, stderr } = spawnSync(program, rest, {
    cwd,
    env,
    encoding: 'utf8',
    timeout: 600_000,
    maxBuffer: 1 << 28,
  });
  return { status, stdout: stdout ?? '', stderr: stderr ?? '' };
}

const lastLines = ({ stdout, stderr }) => `${stdout}\n${stderr}`.trim().split('\n').slice(-12).join('\n    ');

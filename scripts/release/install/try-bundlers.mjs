// A main process bundled by esbuild, by Vite (SSR) and by webpack: what has to stay external, tried in a project that npm installed.
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { nodeOf, programOf, requireTools } from './tools.mjs';

/** What stays external where the package's own code is bundled too: packages with native parts, and pictures that nobody asked for. */
const EXTERNAL = ['node-llama-cpp', '@pgenrm/*', 'vega', 'vega-lite'];

/** Each bundler once with the whole package external, esbuild also with its code inside; answers [{ name, problem }]. */
export function tryBundlers(project) {
  requireTools(['esbuild', 'vite', 'webpack']);
  mkdirSync(path.join(project, 'src'), { recursive: true });
  copyFileSync(path.join(project, 'judge.ts'), path.join(project, 'src', 'main.ts'));
  copyFileSync(path.join(project, 'out', 'judge.js'), path.join(project, 'src', 'main.js'));
  writeFileSync(
    path.join(project, 'vite.config.mjs'),
    `export default { build: { ssr: 'src/main.ts', outDir: 'out-vite', target: 'node20' }, ssr: { external: ['pgenrm'] } };\n`,
  );
  writeFileSync(
    path.join(project, 'webpack.config.mjs'),
    `export default { mode: 'production', target: 'node20', entry: './src/main.js', experiments: { outputModule: true },
      output: { path: ${JSON.stringify(path.join(project, 'out-webpack'))}, filename: 'main.mjs', library: { type: 'module' }, module: true },
      externals: { pgenrm: 'module pgenrm' } };\n`,
  );
  const esbuild = ['--bundle', '--platform=node', '--format=esm', '--target=node20', 'src/main.ts'];
  const requireForEsm = `--banner:js=import { createRequire as makeRequire } from 'node:module'; const require = makeRequire(import.meta.url);`;
  const runs = [
    [
      'esbuild, pgenrm external',
      [programOf('esbuild'), ...esbuild, '--external:pgenrm', '--outfile=out-esbuild/main.mjs'],
      'out-esbuild/main.mjs',
    ],
    [
      'esbuild, pgenrm bundled',
      [
        programOf('esbuild'),
        ...esbuild,
        requireForEsm,
        ...EXTERNAL.map((name) => `--external:${name}`),
        '--outfile=out-whole/main.mjs',
      ],
      'out-whole/main.mjs',
    ],
    [
      'Vite (SSR), pgenrm external',
      [process.execPath, programOf('vite'), 'build', '--logLevel', 'warn'],
      'out-vite/main.js',
    ],
    [
      'webpack, pgenrm external',
      [nodeOf(24), programOf('webpack'), '--config', 'webpack.config.mjs'],
      'out-webpack/main.mjs',
    ],
  ];
  return runs.map(([name, command, bundle]) => ({ name, problem: bundleAndRun(project, command, bundle) }));
}

function bundleAndRun(project, [program, ...rest], bundle) {
  const built = run(project, program, rest);
  if (built.status !== 0) return `the bundler failed: ${tail(built)}`;
  const ran = run(project, nodeOf(24), [bundle]);
  return ran.status === 0 && /winner 1 of 2/.test(ran.stdout) ? null : `the bundle failed: ${tail(ran)}`;
}

const run = (cwd, program, rest) => spawnSync(program, rest, { cwd, encoding: 'utf8', timeout: 300_000 });
const tail = ({ stdout, stderr, error }) =>
  `${error ?? ''}${stdout}\n${stderr}`.trim().split('\n').slice(-10).join('\n    ');

// `npm run test:install`: installs our tarballs from a registry on loopback into empty projects, with every package manager and
// Node major, and runs the package there without a network. `--short` is CI's part: npm, no scripts, no compiler, Node 24.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { root } from '../native-config.mjs';
import { startRegistry } from './install/registry.mjs';
import { nodeTools, requireTools } from './install/tools.mjs';
import { tryBundlers } from './install/try-bundlers.mjs';
import { tryInstall } from './install/try-install.mjs';

const { values } = parseArgs({
  options: {
    short: { type: 'boolean' },
    packs: { type: 'string' },
    only: { type: 'string' },
    json: { type: 'string' },
  },
});
if (values.packs === undefined) {
  console.error(
    'test:install: name the folder of the tarballs: npm run test:install -- --packs FOLDER [--short] [--only MANAGER] [--json FILE]',
  );
  process.exit(2);
}

const plain = { compilers: false, scripts: true };
const all = [
  { manager: 'npm10', node: 24, ...plain, baseline: true },
  ...[20, 22, 24, 26].map((node) => ({ manager: 'npm10', node, ...plain })),
  ...[22, 24, 26].map((node) => ({ manager: 'npm12', node, ...plain })),
  ...['pnpm', 'yarn', 'bun'].flatMap((manager) => [20, 24].map((node) => ({ manager, node, ...plain }))),
  { manager: 'npm10', node: 20, compilers: true, scripts: true },
  { manager: 'npm10', node: 24, compilers: false, scripts: false, bundlers: true },
];
const short = [{ manager: 'npm12', node: 24, compilers: false, scripts: false }];
const trials = (values.short ? short : all).filter(
  ({ manager }) => values.only === undefined || manager === values.only,
);

const { version } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
const packs = path.resolve(values.packs);
const tarballs = readdirSync(packs).filter((name) => name.endsWith(`-${version}.tgz`));
requireTools([
  'verdaccio',
  'typescript',
  ...new Set(trials.map(({ manager }) => manager)),
  ...nodeTools([24, ...new Set(trials.map(({ node }) => node))]),
]);
const scratch = mkdtempSync(path.join(tmpdir(), 'pgenrm-install-'));
const registry = await startRegistry(
  path.join(scratch, 'registry'),
  tarballs.map((name) => path.join(packs, name)),
);
const results = [];
const bundles = [];
try {
  for (const trial of trials) {
    const result = tryInstall(trial, { url: registry.url, folder: path.join(scratch, 'trial'), version });
    results.push({ ...trial, ...result });
    console.log(line(results.at(-1)));
    for (const problem of result.problems) console.log(`    ${problem}`);
    if (trial.bundlers && result.problems.length === 0)
      bundles.push(...tryBundlers(path.join(scratch, 'trial', 'project')));
  }
} finally {
  registry.stop();
  rmSync(scratch, { recursive: true, force: true });
}
for (const { name, problem } of bundles) console.log(`${name}: ${problem ?? 'works'}`);
if (values.json)
  writeFileSync(values.json, `${JSON.stringify({ installations: results, bundles }, null, 2)}\n`);
const failed =
  results.filter(({ problems }) => problems.length > 0).length +
  bundles.filter(({ problem }) => problem !== null).length;
console.log(`test:install: ${results.length + bundles.length - failed} work, ${failed} do not`);
process.exitCode = failed === 0 ? 0 : 1;

function line({ baseline, manager, node, compilers, scripts, seconds, megabytes, packages, problems }) {
  const how = `${compilers ? 'compilers' : 'no compiler'}, ${scripts ? "the manager's own rule for scripts" : 'scripts ignored'}`;
  return `${manager} on Node ${node} (${how}): ${seconds.toFixed(0)} s, ${megabytes ?? '?'} MB, ${packages ?? '?'} packages: ${problems.length > 0 ? 'FAILS' : baseline ? 'node-llama-cpp alone' : 'works'}`;
}

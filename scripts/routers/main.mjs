// `npm run test:routers`: the released routers of SGLang and vLLM in front of stand-in workers. Installs them from PyPI into build/routers,
// once; needs python3, no GPU. What came is kept in bench/results/routers.md.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const here = path.dirname(fileURLToPath(import.meta.url));
const root = path.resolve(here, '../..');
const home = path.join(root, 'build', 'routers', 'venv');
const python = path.join(home, 'bin', 'python');
const requirements = path.join(here, 'requirements.txt');

function run(command, args, env = {}) {
  const { status } = spawnSync(command, args, {
    stdio: 'inherit',
    cwd: root,
    env: { ...process.env, ...env },
  });
  if (status !== 0) process.exit(status ?? 1);
}

mkdirSync(path.dirname(home), { recursive: true });
if (!existsSync(python)) run('python3', ['-m', 'venv', home]);
run(python, ['-m', 'pip', 'install', '--quiet', '-r', requirements]);
const report = path.join(path.dirname(home), 'report.jsonl');
writeFileSync(report, '');
run('npx', ['vitest', 'run', 'test/generator/http/routers.test.ts'], {
  PGENRM_ROUTERS: python,
  PGENRM_ROUTERS_REPORT: report,
});
const rows = readFileSync(report, 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line));
const table = rows.map(({ router, policy, engine, users, workers, split, repeated }) =>
  ['', router, policy, engine, users, workers, split, repeated, ''].join(' | ').trim(),
);
const text = `# Routers in front of inference servers

\`npm run test:routers\`: ${readFileSync(requirements, 'utf8').trim().split('\n').join(', ')}, two stand-in workers each, on one machine without a GPU.

| router | policy | engine | users | users of each worker | users at both workers | requests repeated |
| --- | --- | --- | --- | --- | --- | --- |
${table.join('\n')}
`;
writeFileSync(path.join(root, 'bench', 'results', 'routers.md'), text);
console.log(text);

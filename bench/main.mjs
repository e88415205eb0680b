// `npm run bench -- NAME ...`: finds the benchmark of that name and hands it the remaining arguments.
// `npm run bench -- all --quick` runs everything small, one after another.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const benches = {
  kernels: {
    script: 'kernels/main.mjs',
    quick: ['--quick'],
  },
  stopping: { script: 'stopping/main.mjs', quick: ['--rounds', '500'] },
  coverage: { script: 'coverage/main.mjs', quick: ['--repetitions', '100'] },
  generation: {
    script: 'generation/main.mjs',
    // The other workloads take many minutes with the peers.
    quick: ['--quick', '--workloads', 'd', '--rounds', '2'],
  },
  'eval-memory': { script: 'eval-memory/main.mjs', quick: ['--rows', '100,300'] },
  worker: { script: 'worker/main.mjs', quick: ['--quick'] },
  guest: { script: 'guest/main.mjs', quick: ['--quick'] },
  server: { script: 'server/main.mjs', quick: ['--quick'] },
  http: { script: 'http/main.mjs', quick: ['--quick'] },
  queue: { script: 'queue/main.mjs', quick: ['--quick'] },
  'queue-estimate': { script: 'queue/estimate.mjs', quick: ['--quick'] },
  scaling: { script: 'scaling/main.mjs', quick: ['--quick'] },
};

const [name, ...rest] = process.argv.slice(2);
const run = (script, args) => {
  const file = fileURLToPath(new URL(script, import.meta.url));
  if (!existsSync(file)) throw new Error(`${file} is missing`);
  return spawnSync(process.execPath, [file, ...args], { stdio: 'inherit' }).status ?? 1;
};

if (name === 'all' && rest.length === 1 && rest[0] === '--quick') {
  const failed = Object.entries(benches).filter(([bench, { script, quick }]) => {
    console.log(`\n#### ${bench}`);
    return run(script, quick) !== 0;
  });
  for (const [bench] of failed) console.error(`the benchmark ${bench} failed`);
  process.exit(failed.length === 0 ? 0 : 1);
}
if (!Object.hasOwn(benches, name ?? '')) {
  console.error(
    `usage: npm run bench -- ${Object.keys(benches).join('|')} [options], or npm run bench -- all --quick`,
  );
  process.exit(2);
}
process.exit(run(benches[name].script, rest));

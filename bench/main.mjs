// `npm run bench -- NAME ...`: finds the benchmark of that name and hands it the remaining arguments.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const benches = { kernels: 'kernels/main.mjs' };

const [name, ...rest] = process.argv.slice(2);
if (!(name in benches)) {
  console.error(`usage: npm run bench -- ${Object.keys(benches).join('|')} [options]`);
  process.exit(2);
}
const script = fileURLToPath(new URL(benches[name], import.meta.url));
process.exit(spawnSync(process.execPath, [script, ...rest], { stdio: 'inherit' }).status ?? 1);

// `npm run test:trainers [-- trl verl openrlhf]`: the released trainers ask a reward server of this build. Installs gigabytes into
// build/trainers, once; needs python3 and Node, no GPU. Each trainer's script prints what came and ends with 0 where it is right.
import { spawn } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { home, install, python } from './python-home.mjs';

const here = path.dirname(fileURLToPath(import.meta.url));
const root = path.resolve(here, '../..');
const SCRIPTS = { trl: 'trl_step.py', verl: 'verl_manager.py', openrlhf: 'openrlhf_agent.py' };

/** Starts `pgenrm serve` on a free port, guided: the bundled model was trained on pairs, and trainers send more candidates; gives its address. */
function startServer() {
  const words = ['serve', '--port', '0', '--ind', '2', '--gather-ms', '3000', '--decoding', 'guided'];
  const child = spawn(process.execPath, [path.join(root, 'dist/cli/main.js'), ...words], {
    stdio: ['ignore', 'inherit', 'pipe'],
  });
  return new Promise((resolve, reject) => {
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text) => {
      said += text;
      const ready = /ready at (\S+)/.exec(said);
      if (ready !== null) resolve({ child, url: ready[1] });
    });
    child.on('close', () => reject(new Error(said)));
  });
}

/** Runs a script to its end. */
function runScript(name, url) {
  const env = {
    ...process.env,
    PGENRM_URL: url,
    PYTHONPATH: path.join(root, 'python'),
    PYTHONDONTWRITEBYTECODE: '1',
    HF_HUB_OFFLINE: '1',
    TOKENIZERS_PARALLELISM: 'false',
    CUDA_VISIBLE_DEVICES: '',
  };
  return new Promise((resolve) => {
    const child = spawn(python, [path.join(here, SCRIPTS[name])], { env, stdio: 'inherit', cwd: home });
    child.on('close', (code) => resolve(code));
  });
}

const names = process.argv.slice(2);
const unknown = names.find((name) => !(name in SCRIPTS));
if (unknown !== undefined) {
  console.error(`test:trainers: ${unknown} is none of ${Object.keys(SCRIPTS).join(', ')}`);
  process.exit(2);
}
install();
const { child, url } = await startServer();
let failed = 0;
for (const name of names.length > 0 ? names : Object.keys(SCRIPTS)) {
  console.log(`== ${name}`);
  const code = await runScript(name, url);
  console.log(`== ${name} ${code === 0 ? 'passed' : `failed (${code})`}`);
  if (code !== 0) failed += 1;
}
child.kill('SIGTERM');
process.exitCode = failed === 0 ? 0 : 1;

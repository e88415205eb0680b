// A Redis server and workers of its queue for the benchmark, each a process of its own on this machine.
import { spawn } from 'node:child_process';
import { createServer } from 'node:net';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { root } from '../harness/environment.mjs';

export const MAIN = path.join(root, 'dist/cli/main.js');
const built = (file) => pathToFileURL(path.join(root, 'dist', file)).href;

async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** A Redis server without persistence on a free port of this machine. */
export async function startRedis() {
  const port = await freePort();
  let child;
  const start = async () => {
    child = spawn(
      'redis-server',
      ['--port', `${port}`, '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'],
      { stdio: ['ignore', 'pipe', 'ignore'] },
    );
    await new Promise((resolve, reject) => {
      child.on('error', reject);
      child.stdout.on('data', (text) => `${text}`.includes('Ready to accept') && resolve());
    });
  };
  const stop = async () => {
    const gone = new Promise((resolve) => child.on('exit', resolve));
    child.kill('SIGKILL');
    await gone;
  };
  await start();
  return {
    address: `redis://127.0.0.1:${port}/0`,
    pid: () => child.pid,
    stop,
    /** Ends it at once and begins it anew with nothing in it. */
    async restart() {
      await stop();
      await start();
    },
  };
}

/** A worker whose generator takes `delayMs` a request and needs no model. It counts as lost 15 to 20 s after its last sign, as everywhere. */
export function startFakeWorker(address, delayMs) {
  const worker = fileURLToPath(new URL('../../test/support/queue-worker.mjs', import.meta.url));
  const modules = [
    'queue/worker.js',
    'reward-model/reward-model.js',
    'testing/fake-generator.js',
    'testing/fake-chains.js',
  ];
  const given = { address, delayMs, modules: modules.map(built) };
  const env = { ...process.env, PGENRM_WORKER: JSON.stringify(given) };
  return spawn(process.execPath, [worker], { env, stdio: ['ignore', 'ignore', 'inherit'] });
}

/** `pgenrm` with the words; resolves with its exit code and seconds. `watch` gets its pid every 50 ms. */
export async function pgenrm(words, fakeDelayMs, watch) {
  const began = performance.now();
  const given = {
    runCli: built('cli/run-cli.js'),
    rewardModel: built('reward-model/reward-model.js'),
    fakeGenerator: built('testing/fake-generator.js'),
    fakeChains: built('testing/fake-chains.js'),
    delayMs: fakeDelayMs,
  };
  const fake = fakeDelayMs !== undefined;
  const program = fake ? fileURLToPath(new URL('../../test/support/fake-cli.mjs', import.meta.url)) : MAIN;
  const env = fake ? { ...process.env, PGENRM_FAKE: JSON.stringify(given) } : process.env;
  const child = spawn(process.execPath, [program, ...words], {
    env,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.on('data', (text) => {
    said += text;
  });
  const watching = watch === undefined ? undefined : setInterval(() => watch(child.pid), 50);
  const code = await new Promise((resolve) => child.on('close', resolve));
  clearInterval(watching);
  return { code, said, seconds: (performance.now() - began) / 1000 };
}

/** Ends a process and waits until it is gone. */
export async function end(child, signal = 'SIGKILL') {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.on('exit', resolve));
  child.kill(signal);
  await gone;
}

// A real llama-server on this machine for tests: the one that `npm run bench:peers` builds, ended with the tests.
import { type ChildProcess, spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { findPeers } from '../../scripts/bench-peers.mjs';

const binary = findPeers()['llama-server'] ?? null;

/** Why there is none; null where there is. */
export const NO_LLAMA_SERVER = binary !== null ? null : 'llama-server is not built: npm run bench:peers';

export interface RunningServer extends AsyncDisposable {
  readonly url: string;
  readonly process: ChildProcess;
}

/** Starts one on a free port of loopback; `ready: false` does not wait until its model is loaded. */
export async function startLlamaServer(
  model: string,
  {
    slots = 4,
    context = 4096,
    args = [],
    ready = true,
    port,
  }: {
    slots?: number;
    context?: number;
    args?: readonly string[];
    ready?: boolean;
    port?: number;
  } = {},
): Promise<RunningServer> {
  const own = port ?? (await freePort());
  const url = `http://127.0.0.1:${own}`;
  const child = spawn(
    binary!,
    [
      '-m',
      model,
      '--host',
      '127.0.0.1',
      '--port',
      `${own}`,
      '--offline',
      '--no-ui',
      '-ngl',
      '0',
      '-fit',
      'off',
    ].concat(['-t', '1', '-tb', '1', '-c', `${context}`, '-np', `${slots}`, '-no-kvu'], args),
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  let log = '';
  child.stderr!.on('data', (data) => {
    log = `${log}${data}`.slice(-2000);
  });
  const end = (): void => void child.kill('SIGKILL');
  process.once('exit', end);
  const ended = new Promise<void>((resolve) => child.on('exit', () => resolve()));
  const server: RunningServer = {
    url,
    process: child,
    async [Symbol.asyncDispose]() {
      process.off('exit', end);
      child.kill('SIGKILL');
      await ended;
    },
  };
  for (let tries = 0; ready; tries += 1) {
    const healthy = await fetch(`${url}/health`).then(
      (answer) => answer.ok,
      () => false,
    );
    if (healthy) break;
    if (child.exitCode !== null || tries > 600) throw new Error(`llama-server did not start: ${log}`);
    await sleep(50);
  }
  return server;
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.on('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as { port: number };
      probe.close(() => resolve(port));
    });
  });
}

// Starts `pgenrm` as a process of its own: the built program, or the same with a generator without a model.

import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

/** The built package. */
export const DIST = resolve(process.env.PGENRM_DIST ?? 'dist');
export const MAIN = join(DIST, 'cli/main.js');

/** Why tests of the built program cannot run; null where they can. */
export const NOT_BUILT = existsSync(MAIN) ? null : `${MAIN} is not built`;

/** Why tests with the bundled model cannot run; null where they can. */
export const NO_MODEL = ['models/nano.gguf', 'build/native'].find((path) => !existsSync(path)) ?? null;

/** How a process ended. */
export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** How the generator of {@link startFake} behaves. */
export interface FakeBehaviour {
  /** Milliseconds a request. */
  readonly delayMs?: number;
  /** Indices of rows (as in `query N end`) whose chains cannot be read. */
  readonly loseRows?: readonly number[];
  /** Indices of rows that make the generator throw what it never should. */
  readonly failRows?: readonly number[];
}

/** A process that runs. */
export interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
}

/** Starts the built program. */
export function startPgenrm(words: readonly string[], env: NodeJS.ProcessEnv = {}): Running {
  return start(process.execPath, [MAIN, ...words], env);
}

/** Runs the built program to its end. */
export function pgenrm(words: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Ended> {
  return startPgenrm(words, env).ended;
}

/** Starts the program with a generator that needs no model. `shell` is a prefix such as `ulimit -f 8`. */
export async function startFake(
  words: readonly string[],
  behaviour: FakeBehaviour = {},
  shell?: string,
): Promise<Running> {
  const address = (path: string): string => pathToFileURL(join(DIST, path)).href;
  const env = {
    PGENRM_FAKE: JSON.stringify({
      runCli: address('cli/run-cli.js'),
      rewardModel: address('reward-model/reward-model.js'),
      fakeGenerator: address('testing/fake-generator.js'),
      fakeChains: address('testing/fake-chains.js'),
      ...behaviour,
    }),
  };
  const args = [fileURLToPath(new URL('./fake-cli.mjs', import.meta.url)), ...words];
  if (shell === undefined) return start(process.execPath, args, env);
  return start('bash', ['-c', `${shell}; exec "$0" "$@"`, process.execPath, ...args], env);
}

/** Runs {@link startFake} to its end. */
export async function fake(
  words: readonly string[],
  behaviour: FakeBehaviour = {},
  shell?: string,
): Promise<Ended> {
  return (await startFake(words, behaviour, shell)).ended;
}

function start(command: string, args: readonly string[], env: NodeJS.ProcessEnv): Running {
  const child = spawn(command, args, {
    env: { ...process.env, NO_COLOR: '1', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const ended = new Promise<Ended>((done, fail) => {
    child.on('error', fail);
    child.on('close', (code, signal) => done({ code, signal, stdout, stderr }));
  });
  return { child, ended };
}

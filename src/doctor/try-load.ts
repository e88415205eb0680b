// Has a model loaded in a child process, so that a file that ends llama.cpp's process does not end this one.
// Knows processes; what is loaded and found is `load-trial.ts`.

import { spawn } from 'node:child_process';
import { type ErrorCode, PgenrmError } from '../errors.js';
import type { LoadGeneratorOptions } from '../generator/choose.js';
import { packageFile } from '../package.js';
import type { LoadedGenerator } from './diagnosis.js';
import type { TrialAnswer } from './load-trial.js';

// Of what llama.cpp says, the end is where it says why it ends.
const KEPT_CHARS = 2_000;
// A model that has loaded reads a short text and writes a token; a minute without an answer after that is none.
const SILENT_MS = 600_000;

/**
 * Loads a model in a child process and gives the generator's own account. Errors: those of `loadGenerator`;
 * `MODEL_UNUSABLE` where the file ends the child or it gives no answer in ten minutes. Rejects with the signal's reason,
 * and ends the child, where it aborts. `program`: what the child runs.
 */
export async function tryLoad(
  options: Omit<LoadGeneratorOptions, 'signal' | 'onProgress' | 'onStep'>,
  signal?: AbortSignal,
  program = packageFile('dist', 'doctor', 'load-trial.js'),
): Promise<LoadedGenerator> {
  signal?.throwIfAborted();
  const child = spawn(process.execPath, [program], {
    stdio: ['pipe', 'pipe', 'pipe'],
    // In Electron the executable is the application itself.
    env: { ...process.env, ELECTRON_RUN_AS_NODE: '1' },
  });
  let out = '';
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (part: string) => {
    out += part;
  });
  child.stderr.setEncoding('utf8').on('data', (part: string) => {
    said = (said + part).slice(-KEPT_CHARS);
  });
  // A child that ends early is told by its end.
  child.stdin.on('error', () => undefined);
  child.stdin.end(JSON.stringify(options));
  const stop = (): void => void child.kill('SIGKILL');
  signal?.addEventListener('abort', stop, { once: true });
  const timer = setTimeout(stop, SILENT_MS);
  try {
    const end = await new Promise<string>((resolve, reject) => {
      child.on('error', reject);
      child.on('close', (code, name) => resolve(name ?? `exit code ${code}`));
    });
    signal?.throwIfAborted();
    const answer = answerIn(out);
    if (answer === null) throw ended(options.modelPath, end, said);
    if ('loaded' in answer) return answer.loaded;
    throw new PgenrmError(answer.failure.code as ErrorCode, answer.failure.message);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', stop);
  }
}

function answerIn(out: string): TrialAnswer | null {
  const line = out.trim().split('\n').at(-1) ?? '';
  try {
    return JSON.parse(line) as TrialAnswer;
  } catch {
    return null;
  }
}

function ended(path: string, end: string, said: string): PgenrmError {
  const reason = said
    .split('\n')
    .map((line) => line.replace(/[\p{Cc}\p{Cf}]+/gu, ' ').trim())
    .findLast((line) => line !== '');
  return new PgenrmError(
    'MODEL_UNUSABLE',
    `${path} ends the process (${end}) when llama.cpp loads it or computes with it${reason === undefined ? '' : `: ${reason.slice(0, 300)}`}; ` +
      'the file is damaged or made for another release: download or convert it again',
  );
}

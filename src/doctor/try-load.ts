// Has a model loaded in a child process, so that a file that ends llama.cpp's process does not end this one.
// Knows processes; what is loaded and found is `load-trial.ts`.

import { spawn } from 'node:child_process';
import { stat } from 'node:fs/promises';
import { type ErrorCode, PgenrmError } from '../errors.js';
import type { LoadGeneratorOptions } from '../generator/choose.js';
import { packageFile } from '../package.js';
import type { LoadedGenerator } from './diagnosis.js';
import type { TrialAnswer } from './load-trial.js';

// Of what llama.cpp says, the end is where it says why it ends.
const KEPT_CHARS = 2_000;
// Loading reads the file once, from a slow disk at 50 MB a second; then a short text is read and a token written.
const SETTLED_MS = 90_000;
const BYTES_A_MS = 50_000;

/**
 * Loads a model in a child process and gives the generator's own account. Errors: those of `loadGenerator`;
 * `MODEL_UNUSABLE` where the file ends the child or it gives no answer in 90 seconds and
 * what a slow disk takes. Rejects with the signal's reason, and ends the child, where it aborts. `program`: what
 * the child runs; `settledMs`: the 90 seconds.
 */
export async function tryLoad(
  options: Omit<LoadGeneratorOptions, 'signal' | 'onProgress' | 'onStep'>,
  signal?: AbortSignal,
  { program = packageFile('dist', 'doctor', 'load-trial.js'), settledMs = SETTLED_MS } = {},
): Promise<LoadedGenerator> {
  const bytes = (await stat(options.modelPath).catch(() => null))?.size ?? 0;
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
  const limitMs = settledMs + bytes / BYTES_A_MS;
  let silent = false;
  const timer = setTimeout(() => {
    silent = true;
    stop();
  }, limitMs);
  try {
    const end = await new Promise<string>((resolve, reject) => {
      child.on('error', reject);
      child.on('close', (code, name) => resolve(name ?? `exit code ${code}`));
    });
    signal?.throwIfAborted();
    const answer = answerIn(out);
    if (answer === null && silent)
      throw new PgenrmError(
        'MODEL_UNUSABLE',
        `${options.modelPath} neither loads nor answers in ${Math.round(limitMs / 1000)} s: llama.cpp does not end with it; ` +
          'the file is damaged or made for another release: download or convert it again',
      );
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

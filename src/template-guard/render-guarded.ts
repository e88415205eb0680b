// Has a chat template rendered in a worker thread that is ended where it takes too long or too much memory.
// Knows threads; what rendering means is `src/prompt`.

import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { type ErrorCode, messageOf, PgenrmError } from '../errors.js';
import { packageFile } from '../package.js';
import type { ChatSkeleton, ChatTemplateOptions } from '../prompt/chat/chat-template.js';

/** Time and memory of one rendering. The steps of a template are limited as well, in `src/prompt/jinja`. */
export interface GuardLimits {
  /** Milliseconds from the worker's start, which is part of them; default 5,000. */
  readonly timeoutMs?: number;
  /** MiB of the worker's heap; default 128. */
  readonly memoryMiB?: number;
}

type Answer =
  | { readonly skeleton: ChatSkeleton }
  | { readonly failure: { readonly code: ErrorCode; readonly message: string } };

// A process loads few models, some of them again and again.
const REMEMBERED = 8;
const remembered = new Map<string, ChatSkeleton>();

/**
 * Renders a chat template in a worker, once for each template and its tokens; a template that was rendered before costs
 * nothing. Errors as `createChatTemplate`, for a template that takes too long or too much memory as well; rejects with
 * the signal's reason, and ends the worker, where the signal aborts.
 */
export async function renderGuarded(
  source: string,
  options: ChatTemplateOptions,
  signal?: AbortSignal,
  limits: GuardLimits = {},
): Promise<ChatSkeleton> {
  signal?.throwIfAborted();
  const key = JSON.stringify([source, options, limits]);
  const known = remembered.get(key);
  if (known !== undefined) return known;
  const skeleton = await render(source, options, signal, limits);
  remembered.set(key, skeleton);
  for (const oldest of remembered.keys()) {
    if (remembered.size <= REMEMBERED) break;
    remembered.delete(oldest);
  }
  return skeleton;
}

function render(
  source: string,
  options: ChatTemplateOptions,
  signal: AbortSignal | undefined,
  { timeoutMs = 5_000, memoryMiB = 128 }: GuardLimits,
): Promise<ChatSkeleton> {
  const { promise, resolve, reject } = withResolvers<ChatSkeleton>();
  const worker = new Worker(workerFile(), {
    workerData: { source, options },
    resourceLimits: { maxOldGenerationSizeMb: memoryMiB, maxYoungGenerationSizeMb: 16, stackSizeMb: 4 },
    // What the worker would say belongs to nobody's terminal.
    stdout: true,
    stderr: true,
    execArgv: [],
    env: {},
  });
  const refuse = (what: string, cause?: unknown): void =>
    reject(
      new PgenrmError(
        options.name === undefined ? 'MODEL_UNUSABLE' : 'TEMPLATE_INVALID',
        `${options.name ?? "the model's chat template"} cannot be rendered: ${what}; give another one with --chat-template`,
        cause === undefined ? {} : { cause },
      ),
    );
  const timer = setTimeout(() => refuse(`it takes longer than ${timeoutMs} ms`), timeoutMs);
  const stop = (): void => reject(signal?.reason);
  signal?.addEventListener('abort', stop, { once: true });
  worker.on('message', (answer: Answer) => {
    if ('skeleton' in answer) resolve(answer.skeleton);
    else reject(new PgenrmError(answer.failure.code, answer.failure.message));
  });
  worker.on('error', (error: NodeJS.ErrnoException) =>
    error.code === 'ERR_WORKER_OUT_OF_MEMORY'
      ? refuse(`it takes more than ${memoryMiB} MiB of memory`, error)
      : refuse(messageOf(error), error),
  );
  worker.on('exit', () => refuse('its worker ended without an answer'));
  return promise.finally(() => {
    clearTimeout(timer);
    signal?.removeEventListener('abort', stop);
    void worker.terminate();
  });
}

/** The compiled worker, also where this file runs uncompiled, as in tests. */
function workerFile(): URL {
  return pathToFileURL(packageFile('dist', 'template-guard', 'render-worker.js'));
}

function withResolvers<T>(): {
  promise: Promise<T>;
  resolve: (value: T) => void;
  reject: (reason: unknown) => void;
} {
  let resolve!: (value: T) => void;
  let reject!: (reason: unknown) => void;
  const promise = new Promise<T>((whole, broken) => {
    resolve = whole;
    reject = broken;
  });
  return { promise, resolve, reject };
}

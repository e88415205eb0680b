// Runs work over a stream, several items at once, and gives the results in the stream's order.
// Knows nothing of what the work is.

import { PgenrmError } from '../errors.js';

export interface InOrderOptions {
  /** Most items at work at once; an integer, at least 1. */
  readonly concurrency: number;
  /** Most items begun and not yet taken by the consumer; default twice the concurrency. */
  readonly window?: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Maps a stream through asynchronous work and yields the results in input order.
 *
 * The source is read no further than `window` items ahead of the consumer, so neither a fast source nor a slow
 * first item makes memory grow. `work` gets a signal that aborts when the consumer leaves the loop or when
 * `options.signal` aborts; in both cases all work has settled before the stream ends, and in the second it throws
 * `signal.reason`. An error of the source or of `work` is thrown at its place in the order.
 */
export async function* mapInOrder<T, R>(
  source: AsyncIterable<T> | Iterable<T>,
  work: (value: T, index: number, signal: AbortSignal) => Promise<R>,
  options: InOrderOptions,
): AsyncGenerator<R, void, undefined> {
  const { concurrency, signal } = options;
  const window = Math.max(options.window ?? 2 * concurrency, concurrency);
  const left = new AbortController();
  const stop = signal === undefined ? left.signal : AbortSignal.any([signal, left.signal]);
  // Each item has a signal of its own: Node warns of the eleventh listener of one.
  const stops = new Set<AbortController>();
  const begun: Promise<R>[] = [];
  const atWork = new Set<Promise<unknown>>();
  const changes = new Wakeup();
  let reading = false;
  let ended = false;
  let failure: { readonly error: unknown } | undefined;

  const begin = (value: T, index: number): void => {
    const own = new AbortController();
    stops.add(own);
    const task = work(value, index, own.signal);
    begun.push(task);
    const settled: Promise<unknown> = task.then(nothing, nothing).then(() => {
      atWork.delete(settled);
      stops.delete(own);
      changes.ring();
    });
    atWork.add(settled);
    changes.ring();
  };

  const readSource = async (): Promise<void> => {
    const iterator = iterate(source);
    let exhausted = false;
    try {
      for (let index = 0; ; index += 1) {
        while (!stop.aborted && (atWork.size >= concurrency || begun.length >= window)) await changes.next();
        if (stop.aborted) return;
        reading = true;
        const step = await iterator.next();
        reading = false;
        exhausted = step.done === true;
        if (exhausted || stop.aborted) return;
        begin(step.value as T, index);
      }
    } catch (error) {
      exhausted = true;
      throw error;
    } finally {
      reading = false;
      if (!exhausted) await iterator.return?.();
    }
  };

  const end = (): void => {
    for (const own of stops) own.abort(stop.reason);
    changes.ring();
  };
  stop.addEventListener('abort', end);
  const pump = readSource()
    .catch((error: unknown) => {
      failure = { error };
    })
    .finally(() => {
      ended = true;
      changes.ring();
    });
  try {
    for (;;) {
      while (begun.length === 0 && !ended && !stop.aborted) await changes.next();
      signal?.throwIfAborted();
      const head = begun[0];
      if (head === undefined) {
        if (failure !== undefined) throw failure.error;
        return;
      }
      const result = await head.catch((error: unknown) => {
        signal?.throwIfAborted();
        throw error;
      });
      signal?.throwIfAborted();
      begun.shift();
      changes.ring();
      yield result;
    }
  } finally {
    left.abort(new PgenrmError('DISPOSED', 'the stream of results was left before its end'));
    await Promise.all(atWork);
    // A source that does not answer is left to end by itself: it cannot begin work any more.
    if (!reading) await pump;
    stop.removeEventListener('abort', end);
  }
}

function iterate<T>(source: AsyncIterable<T> | Iterable<T>): AsyncIterator<T> | Iterator<T> {
  return Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]();
}

function nothing(): void {}

/** Lets any number of waiters sleep until the next ring. */
class Wakeup {
  private waiters: (() => void)[] = [];

  next(): Promise<void> {
    return new Promise((resolve) => {
      this.waiters.push(resolve);
    });
  }

  ring(): void {
    const woken = this.waiters;
    this.waiters = [];
    for (const wake of woken) wake();
  }
}

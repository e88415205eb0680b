// Reorders a stream within a window so that items of one key follow each other, and puts results back in order.
// Knows nothing of what the items are; a user's items share a prompt's beginning, which is then decoded once.
import { PgenrmError } from '../errors.js';
import { type InOrderOptions, mapInOrder } from './in-order.js';

/** How {@link mapTogether} works. */
export interface TogetherOptions<T> extends Omit<InOrderOptions, 'window'> {
  /** Values among which those of one key are brought together; 1 begins them in the stream's order. */
  readonly reorder: number;
  readonly keyOf: (value: T) => string | undefined;
}

type Settled<R> = { readonly index: number } & ({ readonly result: R } | { readonly error: unknown });

/**
 * As `mapInOrder`, but work on values of one key begins together, as far as `reorder` values allow; results keep the
 * stream's order all the same. `work` gets the value's place in the stream.
 *
 * The source is read no further than twice `reorder` and twice the concurrency ahead of the consumer: `reorder` values
 * to choose from, and fewer than `reorder` results that wait for an earlier value that began later. With `reorder` above 1 so
 * many values are read before work begins, so the source must not wait for results. An error of `work` is thrown at
 * its place. Throws `INVALID_OPTION` for a `reorder` that is no whole number from 1 on.
 */
export async function* mapTogether<T, R>(
  source: AsyncIterable<T> | Iterable<T>,
  work: (value: T, index: number, signal: AbortSignal) => Promise<R>,
  { reorder, keyOf, ...options }: TogetherOptions<T>,
): AsyncGenerator<R, void, undefined> {
  if (reorder === 1) return yield* mapInOrder(source, work, options);
  const settle = async ({ index, value }: Placed<T>, _: number, stop: AbortSignal): Promise<Settled<R>> => {
    try {
      return { index, result: await work(value, index, stop) };
    } catch (error) {
      return { index, error };
    }
  };
  for await (const settled of restoreOrder(
    mapInOrder(bringTogether(source, keyOf, reorder), settle, options),
  )) {
    options.signal?.throwIfAborted();
    if ('error' in settled) throw settled.error;
    yield settled.result;
  }
}

/** A value of a stream with its place in it, counted from 0. */
export interface Placed<T> {
  readonly index: number;
  readonly value: T;
}

/**
 * Yields all values of a stream, those of one key as near to each other as a window allows. A value is overtaken by
 * fewer than `window` later ones, and so many are held at most; a `window` of 1 changes nothing. Values whose key is
 * undefined keep to themselves. Up to `window` values are read before the first is given. Leaving the loop closes the
 * source; its errors are thrown once all that was read before is given. Throws `INVALID_OPTION` for a `window` that
 * is no whole number from 1 on.
 */
export async function* bringTogether<T>(
  source: AsyncIterable<T> | Iterable<T>,
  keyOf: (value: T) => string | undefined,
  window: number,
): AsyncGenerator<Placed<T>, void, undefined> {
  if (!Number.isInteger(window) || window < 1) {
    throw new PgenrmError('INVALID_OPTION', `window must be a whole number from 1 on, got ${window}`);
  }
  const held: (Placed<T> & { readonly key: string | undefined })[] = [];
  const iterator =
    Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]();
  let read = 0;
  let ended = false;
  let failure: { readonly error: unknown } | undefined;
  let current: string | undefined;
  try {
    for (;;) {
      while (!ended && (held.length === 0 || read < held[0]!.index + window)) {
        try {
          const step = await iterator.next();
          ended = step.done === true;
          if (!ended) held.push({ index: read++, value: step.value as T, key: keyOf(step.value as T) });
        } catch (error) {
          ended = true;
          failure = { error };
        }
      }
      if (held.length === 0) break;
      const same = current === undefined ? -1 : held.findIndex(({ key }) => key === current);
      const [next] = held.splice(Math.max(0, same), 1);
      current = next!.key;
      yield { index: next!.index, value: next!.value };
    }
  } finally {
    if (!ended) await iterator.return?.();
  }
  if (failure !== undefined) throw failure.error;
}

/**
 * Yields the values of a stream in the order of their indices, which are those from 0 on, each once; holds what comes
 * early. Where the stream ends with an index missing, the values after it are given all the same.
 */
export async function* restoreOrder<T extends { readonly index: number }>(
  source: AsyncIterable<T>,
): AsyncGenerator<T, void, undefined> {
  const early = new Map<number, T>();
  let next = 0;
  for await (const value of source) {
    early.set(value.index, value);
    for (let ready = early.get(next); ready !== undefined; ready = early.get(next)) {
      early.delete(next++);
      yield ready;
    }
  }
  yield* [...early.values()].sort((a, b) => a.index - b.index);
}

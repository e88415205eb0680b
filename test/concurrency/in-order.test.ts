import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mapInOrder } from '../../src/concurrency/in-order.js';
import { PgenrmError } from '../../src/errors.js';

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

async function collect<T>(source: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const value of source) all.push(value);
  return all;
}

describe('mapInOrder', () => {
  it('gives results in input order whatever the work takes, and never more at once than asked for', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 20 }),
        fc.integer({ min: 1, max: 5 }),
        async (delays, concurrency) => {
          let active = 0;
          let most = 0;
          const work = async (delay: number, index: number): Promise<number> => {
            active += 1;
            most = Math.max(most, active);
            await pause(delay);
            active -= 1;
            return index;
          };
          const results = await collect(mapInOrder(delays, work, { concurrency }));
          expect(results).toEqual(delays.map((_, index) => index));
          expect(most).toBeLessThanOrEqual(concurrency);
        },
      ),
      { numRuns: 30 },
    );
  });

  it('does not read ahead of a consumer that does not take', async () => {
    let read = 0;
    function* endless(): Generator<number> {
      for (;;) yield read++;
    }
    const stream = mapInOrder(endless(), async (value) => value, { concurrency: 3, window: 5 });
    expect((await stream.next()).value).toBe(0);
    await pause(20);
    expect(read).toBeLessThanOrEqual(7);
    await stream.return();
  });

  it('works on while the first item is slow, up to the window', async () => {
    const begun: number[] = [];
    let release: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    const stream = mapInOrder(
      Array.from({ length: 10 }, (_, index) => index),
      async (value) => {
        begun.push(value);
        if (value === 0) await gate;
        return value;
      },
      { concurrency: 2, window: 6 },
    );
    const first = stream.next();
    await pause(20);
    expect(begun).toEqual([0, 1, 2, 3, 4, 5]);
    release();
    expect((await first).value).toBe(0);
    expect(await collect(stream)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  it('throws an error of the source at its place, after the results before it', async () => {
    async function* broken(): AsyncGenerator<number> {
      yield 1;
      yield 2;
      throw new PgenrmError('INPUT_MALFORMED', 'the source broke');
    }
    const seen: number[] = [];
    const run = async (): Promise<void> => {
      for await (const value of mapInOrder(broken(), async (v) => v, { concurrency: 4 })) seen.push(value);
    };
    await expect(run()).rejects.toThrow('the source broke');
    expect(seen).toEqual([1, 2]);
  });

  it('throws an error of the work at its place and ends the other work', async () => {
    const aborted: number[] = [];
    const seen: number[] = [];
    const run = async (): Promise<void> => {
      const work = async (value: number, _: number, stop: AbortSignal): Promise<number> => {
        if (value === 1) throw new PgenrmError('DECODE_FAILED', 'item 1');
        if (value === 0) return value;
        await new Promise<void>((resolve) => stop.addEventListener('abort', () => resolve()));
        aborted.push(value);
        return value;
      };
      for await (const value of mapInOrder([0, 1, 2, 3], work, { concurrency: 4 })) seen.push(value);
    };
    await expect(run()).rejects.toThrow('item 1');
    expect(seen).toEqual([0]);
    expect(aborted).toEqual([2, 3]);
  });

  it('throws the reason of the signal and waits for what is at work', async () => {
    const controller = new AbortController();
    const reason = new Error('enough');
    let settled = 0;
    const work = async (value: number): Promise<number> => {
      await pause(20);
      settled += 1;
      return value;
    };
    const stream = mapInOrder([1, 2, 3, 4, 5, 6], work, { concurrency: 3, signal: controller.signal });
    const first = stream.next();
    await pause(1);
    controller.abort(reason);
    await expect(first).rejects.toBe(reason);
    expect(settled).toBe(3);
  });

  it('throws at once where the signal had aborted before, and begins nothing', async () => {
    const reason = new Error('before');
    let begun = 0;
    const stream = mapInOrder(
      [1],
      async () => {
        begun += 1;
      },
      { concurrency: 1, signal: AbortSignal.abort(reason) },
    );
    await expect(stream.next()).rejects.toBe(reason);
    expect(begun).toBe(0);
  });

  it('does not hang on a source that never answers', async () => {
    const controller = new AbortController();
    const silent: AsyncIterable<number> = {
      [Symbol.asyncIterator]: () => ({ next: () => new Promise<never>(() => undefined) }),
    };
    const stream = mapInOrder(silent, async (value) => value, { concurrency: 1, signal: controller.signal });
    const next = stream.next();
    controller.abort(new Error('no more waiting'));
    await expect(next).rejects.toThrow('no more waiting');
  });

  it('closes the source when the consumer leaves', async () => {
    let closed = false;
    async function* source(): AsyncGenerator<number> {
      try {
        for (let value = 0; ; value += 1) yield value;
      } finally {
        closed = true;
      }
    }
    for await (const value of mapInOrder(source(), async (v) => v, { concurrency: 2 }))
      if (value === 3) break;
    expect(closed).toBe(true);
  });
});

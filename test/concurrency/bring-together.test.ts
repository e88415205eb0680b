import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  bringTogether,
  mapTogether,
  type Placed,
  restoreOrder,
} from '../../src/concurrency/bring-together.js';

type Row = { readonly user?: string; readonly n: number };

const rows = fc.array(
  fc.record({ user: fc.option(fc.constantFrom('a', 'b', 'c', 'd'), { nil: undefined }), n: fc.nat() }),
);
const userOf = ({ user }: Row): string | undefined => user;

async function all<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const values: T[] = [];
  for await (const value of stream) values.push(value);
  return values;
}

const turns = (list: readonly { readonly value: Row }[]): number =>
  list.filter(({ value }, i) => i > 0 && value.user !== list[i - 1]!.value.user).length;

describe('bringing items of one user together', () => {
  it('loses nothing, lets nothing wait for more than the window, and is undone by restoring the order', async () => {
    await fc.assert(
      fc.asyncProperty(rows, fc.integer({ min: 1, max: 12 }), async (source, window) => {
        const together = await all(bringTogether(source as Row[], userOf, window));
        for (const { index, value } of together) expect(value).toBe(source[index]);
        for (const [at, { index }] of together.entries()) {
          const overtaking = together.slice(0, at).filter((other) => other.index > index);
          expect(overtaking.length).toBeLessThan(window);
        }
        async function* again(): AsyncGenerator<Placed<Row>> {
          yield* together;
        }
        const restored = await all(restoreOrder(again()));
        expect(restored.map(({ value }) => value)).toEqual(source);
      }),
    );
  });

  it('gives each user one turn where the window holds all, in the order of their first items', async () => {
    const source = 'abcabcbca'.split('').map((user, n) => ({ user, n }));
    const together = await all(bringTogether(source, userOf, source.length));
    expect(together.map(({ value }) => value.user).join('')).toBe('aaabbbccc');
    expect(together.map(({ index }) => index)).toEqual([0, 3, 8, 1, 4, 6, 2, 5, 7]);
  });

  it('makes fewer turns than the stream had, and changes nothing within a window of 1', async () => {
    const source = Array.from({ length: 60 }, (_, n) => ({ user: 'abcde'[(n * 7) % 5]!, n }));
    const plain = await all(bringTogether(source, userOf, 1));
    expect(plain.map(({ value }) => value)).toEqual(source);
    expect(turns(await all(bringTogether(source, userOf, 20)))).toBeLessThan(turns(plain) / 2);
  });

  it('reads no further than the window', async () => {
    let read = 0;
    function* source(): Generator<Row> {
      for (; ; read++) yield { user: `u${read % 3}`, n: read };
    }
    const stream = bringTogether(source(), userOf, 5);
    await stream.next();
    expect(read).toBeLessThanOrEqual(5);
    await stream.return();
  });

  it('closes its source when it is left, and passes on its error after what came before', async () => {
    let closed = false;
    async function* source(): AsyncGenerator<Row> {
      try {
        yield { user: 'a', n: 1 };
        yield { user: 'b', n: 2 };
        throw new Error('broken line');
      } finally {
        closed = true;
      }
    }
    const seen: number[] = [];
    const reading = (async () => {
      for await (const { value } of bringTogether(source(), userOf, 8)) seen.push(value.n);
    })();
    await expect(reading).rejects.toThrow('broken line');
    expect(seen).toEqual([1, 2]);
    closed = false;
    for await (const _ of bringTogether(source(), userOf, 1)) break;
    expect(closed).toBe(true);
  });

  it.each([0, -1, 2.5, Number.NaN])('refuses a window of %s', async (window) => {
    await expect(bringTogether([], userOf, window).next()).rejects.toMatchObject({ code: 'INVALID_OPTION' });
  });
});

describe('mapTogether', () => {
  const pause = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

  it('gives every result in order whatever window, concurrency and time, and holds no more than it says', async () => {
    await fc.assert(
      fc.asyncProperty(
        rows,
        fc.integer({ min: 1, max: 9 }),
        fc.integer({ min: 1, max: 4 }),
        fc.infiniteStream(fc.integer({ min: 0, max: 3 })),
        async (source, reorder, concurrency, delays) => {
          let read = 0;
          let taken = 0;
          let active = 0;
          function* counted(): Generator<Row> {
            for (const value of source as Row[]) {
              read += 1;
              expect(read - taken).toBeLessThanOrEqual(2 * reorder + 2 * concurrency);
              yield value;
            }
          }
          const work = async (value: Row, index: number): Promise<number> => {
            expect(value).toBe(source[index]);
            active += 1;
            expect(active).toBeLessThanOrEqual(concurrency);
            for (let ticks = delays.next().value!; ticks > 0; ticks--) await pause();
            active -= 1;
            return index;
          };
          for await (const index of mapTogether(counted(), work, { reorder, concurrency, keyOf: userOf })) {
            expect(index).toBe(taken);
            taken += 1;
          }
          expect(taken).toBe(source.length);
        },
      ),
    );
  });

  it('ends after any number of results, by leaving and by the signal, with nothing left at work', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 6 }),
        fc.integer({ min: 1, max: 3 }),
        fc.nat(20),
        fc.boolean(),
        async (reorder, concurrency, after, leaves) => {
          const controller = new AbortController();
          const reason = new Error('enough');
          let active = 0;
          let closed = false;
          function* endless(): Generator<Row> {
            try {
              for (let n = 0; ; n++) yield { user: 'abc'[n % 3]!, n };
            } finally {
              closed = true;
            }
          }
          const work = async ({ n }: Row): Promise<number> => {
            active += 1;
            await pause();
            active -= 1;
            return n;
          };
          const seen: number[] = [];
          const options = { reorder, concurrency, keyOf: userOf, signal: controller.signal };
          const reading = (async () => {
            for await (const n of mapTogether(endless(), work, options)) {
              seen.push(n);
              if (seen.length <= after) continue;
              if (leaves) break;
              controller.abort(reason);
            }
          })();
          if (leaves) await reading;
          else await expect(reading).rejects.toBe(reason);
          expect(seen).toEqual(Array.from({ length: after + 1 }, (_, n) => n));
          expect(active).toBe(0);
          expect(closed).toBe(true);
        },
      ),
    );
  });

  it('throws an error of the work at its place, after what came before it', async () => {
    const source = 'abababab'.split('').map((user, n) => ({ user, n }));
    const seen: number[] = [];
    const work = async ({ n }: Row): Promise<number> => {
      // Of the first user, so that it begins before rows that come before it.
      if (n === 4) throw new Error('broken row');
      return n;
    };
    const reading = (async () => {
      const options = { reorder: 8, concurrency: 1, keyOf: userOf };
      for await (const n of mapTogether(source, work, options)) seen.push(n);
    })();
    await expect(reading).rejects.toThrow('broken row');
    expect(seen).toEqual([0, 1, 2, 3]);
  });

  it('begins work of one key together', async () => {
    const source = Array.from({ length: 60 }, (_, n) => ({ user: 'abcde'[(n * 7) % 5]!, n }));
    const turnsWith = async (reorder: number): Promise<number> => {
      const begun: { value: Row }[] = [];
      const work = async (value: Row): Promise<void> => void begun.push({ value });
      await all(mapTogether(source, work, { reorder, concurrency: 3, keyOf: userOf }));
      return turns(begun);
    };
    expect(await turnsWith(1)).toBe(59);
    expect(await turnsWith(20)).toBeLessThan(30);
    expect(await turnsWith(60)).toBe(4);
  });
});

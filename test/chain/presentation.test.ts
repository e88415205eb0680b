import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { groupByOrder, mapBack, present, presentationOrders } from '../../src/chain/presentation.js';

describe('presentationOrders', () => {
  it('alternates two candidates', () => {
    const orders = presentationOrders(2, 5, 7);
    for (let i = 1; i < orders.length; i++) expect(orders[i]).toEqual([...orders[i - 1]!].reverse());
    expect(orders[0]).not.toEqual(orders[1]);
  });

  it('lets the seed choose which of two comes first, about evenly', () => {
    const firsts = Array.from({ length: 400 }, (_, seed) => presentationOrders(2, 1, seed)[0]![0]!);
    const ones = firsts.filter((first) => first === 1).length;
    expect(ones).toBeGreaterThan(150);
    expect(ones).toBeLessThan(250);
  });

  it('puts each candidate in each position once over any n samples in a row', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 9 }), fc.integer(), fc.nat(20), (n, seed, skip) => {
        const window = presentationOrders(n, skip + n, seed).slice(skip);
        for (let position = 0; position < n; position++) {
          expect(new Set(window.map((order) => order[position])).size).toBe(n);
        }
      }),
    );
  });

  it('gives permutations, the same for the same seed', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 9 }),
        fc.integer({ min: 1, max: 40 }),
        fc.integer(),
        (n, m, seed) => {
          const orders = presentationOrders(n, m, seed);
          expect(orders).toHaveLength(m);
          for (const order of orders) expect([...order].sort((a, b) => a - b)).toEqual([...Array(n).keys()]);
          expect(presentationOrders(n, m, seed)).toEqual(orders);
        },
      ),
    );
  });

  it.each([
    [1, 1, 0],
    [2, 0, 0],
    [2.5, 1, 0],
    [2, 1, Number.NaN],
    [Number.NaN, 1, 0],
  ])('refuses %s candidates, %s samples, seed %s', (n, m, seed) => {
    expect(() => presentationOrders(n, m, seed)).toThrowError(
      expect.objectContaining({ code: 'INVALID_OPTION' }),
    );
  });
});

describe('mapBack', () => {
  it('undoes present for any order', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 9 }), fc.integer(), (n, seed) => {
        const items = Array.from({ length: n }, (_, i) => `candidate ${i}`);
        for (const order of presentationOrders(n, n, seed))
          expect(mapBack(order, present(order, items))).toEqual(items);
      }),
    );
  });

  it('gives the scores of positions to the candidates shown there', () => {
    expect(mapBack([2, 0, 1], [9, 5, 1])).toEqual([5, 1, 9]);
  });

  it('refuses another number of values', () => {
    expect(() => mapBack([0, 1], [1])).toThrowError(expect.objectContaining({ code: 'INVALID_OPTION' }));
    expect(() => present([0, 1], ['a', 'b', 'c'])).toThrowError(
      expect.objectContaining({ code: 'INVALID_OPTION' }),
    );
  });
});

describe('groupByOrder', () => {
  it('gathers the samples that share a prompt, each sample once', () => {
    const groups = groupByOrder(presentationOrders(2, 5, 3));
    expect(groups.map((group) => group.samples)).toEqual([
      [0, 2, 4],
      [1, 3],
    ]);
    expect(
      groupByOrder(presentationOrders(3, 7, 3))
        .flatMap((group) => group.samples)
        .sort(),
    ).toEqual([0, 1, 2, 3, 4, 5, 6]);
  });
});

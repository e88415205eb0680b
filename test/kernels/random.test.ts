import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Xoshiro128 } from '../../src/kernels/random.js';

const seeds = fc.integer({ min: 0, max: 0xffffffff });

describe('Xoshiro128', () => {
  it('gives the same numbers for the same seed and stream, and others otherwise', () => {
    const numbers = (seed: number, stream: number) => {
      const random = new Xoshiro128(seed, stream);
      return Array.from({ length: 8 }, () => random.next());
    };
    expect(numbers(7, 3)).toEqual(numbers(7, 3));
    expect(numbers(7, 3)).not.toEqual(numbers(7, 4));
    expect(numbers(7, 3)).not.toEqual(numbers(8, 3));
    expect(numbers(7, 3)).not.toEqual(numbers(3, 7));
  });

  it('keeps the numbers that results of earlier runs rest on', () => {
    const random = new Xoshiro128(42, 0);
    expect([random.next(), random.next(), random.next()]).toEqual([183324334, 2012214876, 629566073]);
  });

  it('draws below a bound', () => {
    fc.assert(
      fc.property(seeds, fc.integer({ min: 1, max: 0xffffffff }), (seed, bound) => {
        const value = new Xoshiro128(seed, 0).below(bound);
        return Number.isInteger(value) && value >= 0 && value < bound;
      }),
    );
  });

  it('draws every value of a small range about as often', () => {
    const counts = new Array<number>(10).fill(0);
    const random = new Xoshiro128(1, 0);
    for (let i = 0; i < 100_000; i++) counts[random.below(10)]! += 1;
    for (const count of counts) expect(Math.abs(count - 10_000)).toBeLessThan(500);
  });

  it('draws uniform numbers of the right mean and spread, from 0 to below 1', () => {
    const random = new Xoshiro128(5, 0);
    const values = Array.from({ length: 50_000 }, () => random.uniform());
    expect(Math.min(...values.slice(0, 50_000))).toBeGreaterThanOrEqual(0);
    expect(values.every((value) => value < 1)).toBe(true);
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
    expect(mean).toBeCloseTo(0.5, 2);
    expect(variance).toBeCloseTo(1 / 12, 2);
  });
});

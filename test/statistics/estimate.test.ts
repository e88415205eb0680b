import { describe, expect, it } from 'vitest';
import { amountEstimate, differs, meanEstimate, quantileEstimate } from '../../src/statistics/estimate.js';
import { seededRandom, shuffled } from '../../src/statistics/random-order.js';
import { pairedRatio, ratioOf } from '../../src/statistics/ratio.js';
import { drift, quantile } from '../../src/statistics/summary.js';

const estimate = (value: number, half: number) => ({ value, low: value - half, high: value + half, n: 5 });

describe('statistics of repeated runs', () => {
  it('puts the interval of a mean where Student puts it', () => {
    // Mean 2, deviation 1, t(2) = 4.302653: 2 -+ 4.302653 / sqrt(3).
    const { value, low, high, n } = meanEstimate([1, 2, 3]);
    expect([value, n]).toEqual([2, 3]);
    expect(low).toBeCloseTo(2 - 2.484138, 5);
    expect(high).toBeCloseTo(2 + 2.484138, 5);
    expect(meanEstimate([7])).toEqual({ value: 7, low: null, high: null, n: 1 });
  });

  it('puts the interval of an amount on the log scale, where it cannot go below zero', () => {
    const { value, low, high, n } = amountEstimate([1, 2, 3]);
    expect([value, n]).toEqual([2, 3]);
    // The same distance as above, over the mean: 2.484138 / 2.
    expect(low).toBeCloseTo(2 * Math.exp(-1.242069), 5);
    expect(high).toBeCloseTo(2 * Math.exp(1.242069), 5);
    // Two rounds that differ much: Student's interval of the mean begins far below zero.
    expect(meanEstimate([900, 3834]).low).toBeLessThan(-10_000);
    expect(amountEstimate([900, 3834]).low).toBeGreaterThan(0);
    expect(amountEstimate([7])).toEqual({ value: 7, low: null, high: null, n: 1 });
    expect(amountEstimate([0, 0])).toEqual({ value: 0, low: 0, high: 0, n: 2 });
    expect(amountEstimate([4, 4, 4])).toEqual({ value: 4, low: 4, high: 4, n: 3 });
  });

  it('holds the mean of skewed amounts more often than the interval that knows no zero', () => {
    const random = seededRandom(3);
    const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
    // Log-normal times of mean 1 that spread by a factor of 1.8, four rounds.
    const held = { amount: 0, plain: 0 };
    for (let repetition = 0; repetition < 4000; repetition += 1) {
      const times = Array.from({ length: 4 }, () => Math.exp(0.6 * normal() - 0.18));
      const holds = ({ low, high }: ReturnType<typeof meanEstimate>) => low! <= 1 && 1 <= high!;
      if (holds(amountEstimate(times))) held.amount += 1;
      if (holds(meanEstimate(times))) held.plain += 1;
    }
    expect(held.amount / 4000).toBeGreaterThan(0.915);
    expect(held.amount).toBeGreaterThan(held.plain);
  });

  it('interpolates quantiles', () => {
    expect(quantile([4, 1, 3, 2], 0.5)).toBe(2.5);
    expect(quantile([10, 20], 0.95)).toBeCloseTo(19.5, 12);
  });

  it('takes the interval of a quantile from order statistics, and none where there are too few', () => {
    // P(all six on one side of the median) = 1/64 < 0.025 < 1/32.
    expect(quantileEstimate([6, 1, 5, 2, 4, 3], 0.5)).toEqual({ value: 3.5, low: 1, high: 6, n: 6 });
    expect(quantileEstimate([1, 2, 3, 4, 5], 0.5)).toMatchObject({ low: null, high: null });
    // Of ten, P(Bin(10, 1/2) <= 1) = 0.0107 and P(<= 2) = 0.0547: the second and the ninth.
    const ten = Array.from({ length: 10 }, (_, index) => index + 1);
    expect(quantileEstimate(ten, 0.5)).toMatchObject({ low: 2, high: 9 });
    expect(quantileEstimate(ten, 0.99).high).toBeNull();
  });

  it('takes ratios within pairs, so that what both share cancels', () => {
    const { ratio, low, high, pairs } = pairedRatio([2, 4, 40], [1, 2, 20]);
    expect(ratio).toBeCloseTo(2, 12);
    expect(low).toBeCloseTo(2, 9);
    expect(high).toBeCloseTo(2, 9);
    expect(pairs).toBe(3);
    expect(pairedRatio([3], [1])).toMatchObject({ low: null, high: null, pairs: 1 });
  });

  it('tells a change from noise by both margins together', () => {
    expect(differs(estimate(10, 1), estimate(11.3, 1))).toBe(false);
    expect(differs(estimate(10, 1), estimate(11.5, 1))).toBe(true);
    expect(differs(estimate(11.5, 1), estimate(10, 1))).toBe(true);
    expect(differs(estimate(10, 1), { value: 20, low: null, high: null, n: 1 })).toBeNull();
    const ratio = ratioOf(estimate(10, 1), estimate(20, 2))!;
    expect(ratio.ratio).toBe(2);
    expect(ratio.low!).toBeGreaterThan(1.6);
    expect(ratio.high!).toBeLessThan(2.4);
    expect(ratioOf(estimate(0, 1), estimate(1, 1))).toBeNull();
  });

  it('shows drift by halves of the rounds', () => {
    expect(drift({ a: [1, 1, 2, 2], b: [5, 5, 10, 10] })).toBe(2);
    expect(drift({ a: [1, 1, 2] })).toBeNull();
  });

  it('gives one order a seed', () => {
    const order = (seed: number): number[] => shuffled([1, 2, 3, 4, 5, 6, 7, 8], seededRandom(seed));
    expect(order(1)).toEqual(order(1));
    expect(order(1)).not.toEqual(order(2));
    expect(order(1).sort()).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  });
});

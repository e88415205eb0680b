import { describe, expect, it } from 'vitest';
import { nonNegativeFit } from '../../src/statistics/least-squares.js';

describe('least squares without negative coefficients', () => {
  it('finds the coefficients of exact data', () => {
    const rows = [
      [1, 0, 2],
      [0, 3, 1],
      [2, 2, 2],
      [1, 5, 0],
    ];
    const y = rows.map(([a = 0, b = 0, c = 0]) => 2 * a + 0.5 * b + 3 * c);
    const [a, b, c] = nonNegativeFit(rows, y);
    expect(a).toBeCloseTo(2, 9);
    expect(b).toBeCloseTo(0.5, 9);
    expect(c).toBeCloseTo(3, 9);
  });

  it('sets to 0 what would be negative, and fits the rest anew', () => {
    // y = 3 a - b; without b the best a is sum(a y) / sum(a a) = (2 + 10) / (1 + 4).
    const [a, b] = nonNegativeFit(
      [
        [1, 1],
        [2, 1],
      ],
      [2, 5],
    );
    expect(a).toBeCloseTo(2.4, 12);
    expect(b).toBe(0);
    expect(nonNegativeFit([[0, 0]], [1])).toEqual([0, 0]);
  });
});

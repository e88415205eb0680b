import { expect, it } from 'vitest';
import { effortFor } from '../../src/bank/member-search.js';

it.each([
  ['a small bank keeps the least', 24, 1000, 200],
  ['a larger one keeps one more for each 1250', 24, 200_100, 360],
  ['and so does a large one', 24, 1_000_000, 1000],
  ['many neighbours ask for twice as many', 3000, 1_000_000, 6000],
  ['no search keeps more than the kernels take', 900_000, 1_000_000, 1_000_000],
])('%s', (_, k, members, effort) => {
  expect(effortFor(k, members)).toBe(effort);
});

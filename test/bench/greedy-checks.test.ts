import { expect, test } from 'vitest';

interface Written {
  token: number;
  text: string;
  lead: number;
}
interface Checks {
  NEAR_TIE: number;
  stretches(prompt: number[], written: Written[]): { prompt: number[]; tokens: number; text: string }[];
  leadOf(probabilities: number[]): number;
}
const { NEAR_TIE, leadOf, stretches }: Checks = await import(
  new URL('../../bench/generation/greedy-checks.mjs', import.meta.url).href
);
const clear = (token: number, text: string): Written => ({ token, text, lead: NEAR_TIE });
const tie = (token: number, text: string): Written => ({ token, text, lead: NEAR_TIE - 0.001 });

test('contenders are held to the tokens before a near tie, and from behind it on to the next', () => {
  const written = [clear(5, 'a'), clear(6, 'b'), tie(7, 'c'), tie(8, 'd'), clear(9, 'e')];
  expect(stretches([1, 2], written)).toEqual([
    { prompt: [1, 2], tokens: 2, text: 'ab' },
    { prompt: [1, 2, 5, 6, 7, 8], tokens: 1, text: 'e' },
  ]);
});

test('a part of a character and a token without text are no tokens to be held to', () => {
  const written = [clear(5, '\u{fffd}'), clear(6, 'b'), clear(7, ''), clear(8, 'ü')];
  expect(stretches([1], written)).toEqual([
    { prompt: [1, 5], tokens: 1, text: 'b' },
    { prompt: [1, 5, 6, 7], tokens: 1, text: 'ü' },
  ]);
  expect(stretches([1], [tie(5, 'a')])).toEqual([]);
});

test('a lead is measured in standard deviations of all log-probabilities; impossible tokens do not count', () => {
  const logs = [-1, -2, -3, -5];
  const mean = -11 / 4;
  const deviation = Math.sqrt(logs.reduce((sum, x) => sum + (x - mean) ** 2, 0) / 3);
  expect(leadOf([...logs.map(Math.exp), 0])).toBeCloseTo(1 / deviation, 12);
});

// Numbers as the page writes them.

export const points = (value: number): string => value.toFixed(1);

export const signed = (value: number): string => `${value < 0 ? '\u2212' : '+'}${Math.abs(value).toFixed(2)}`;

export const percent = (value: number): string => `${Math.round(value)}\u202f%`;

/** A probability; never rounded to certainty. */
export function probability(value: number): string {
  if (value > 0.995) return 'over 99\u202f%';
  return percent(100 * value);
}

export const seconds = (ms: number): string => `${(ms / 1000).toFixed(ms < 9_950 ? 1 : 0)}\u202fs`;

export const count = (value: number, one: string, many = `${one}s`): string =>
  `${value.toLocaleString('en')} ${value === 1 ? one : many}`;

// Shares and probabilities: the logit scale, and Wilson's interval.
// Knows numbers only.

/** log(p / (1 - p)) for p between 0 and 1, both excluded. */
export const logit = (probability: number): number => Math.log(probability / (1 - probability));

/** The inverse of {@link logit}. */
export const logistic = (x: number): number => 1 / (1 + Math.exp(-x));

/** The 97.5% quantile of the standard normal distribution. */
const Z = 1.959963984540054;

/** 95% score interval of a share (Wilson 1927): `successes` of `n`, n at least 1. */
export function wilsonInterval(successes: number, n: number): [number, number] {
  const share = successes / n;
  const z2 = Z * Z;
  const middle = (share + z2 / (2 * n)) / (1 + z2 / n);
  const half = (Z / (1 + z2 / n)) * Math.sqrt((share * (1 - share)) / n + z2 / (4 * n * n));
  return [Math.max(0, middle - half), Math.min(1, middle + half)];
}

// Variance of a sum of independent estimates.
// Knows numbers only.

/** The part of a sum of independent estimates that one of them has. */
export interface VariancePart {
  readonly variance: number;
  readonly degrees: number;
}

/** Variance of a sum and its degrees of freedom (Welch 1947, Satterthwaite 1946). */
export function summedVariance(parts: readonly VariancePart[]): VariancePart {
  const variance = parts.reduce((sum, part) => sum + part.variance, 0);
  const denominator = parts.reduce((sum, part) => sum + part.variance ** 2 / part.degrees, 0);
  return { variance, degrees: denominator === 0 ? Number.POSITIVE_INFINITY : variance ** 2 / denominator };
}

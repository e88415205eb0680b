// Logistic regression on differences of features, drawn to zero: what weights a user's choices tell.
// Knows numbers only; the label is always that the first of a pair was chosen.

/** 1 / (1 + e^-z), z kept within 30 of zero. */
export function sigmoid(z: number): number {
  return 1 / (1 + Math.exp(-Math.min(30, Math.max(-30, z))));
}

/** The sum of products. */
export function dot(a: Float64Array, b: Float64Array): number {
  return a.reduce((sum, value, at) => sum + value * b[at]!, 0);
}

/**
 * Weights that maximise the likelihood of the choices less half of `lambda` times their squares, by Newton's method.
 * `rows` has shape [n x k], `offset` [n], `lambda` [k], each above 0. Zeros where there are no rows.
 */
export function ridgeFit(
  rows: readonly Float64Array[],
  offset: readonly number[],
  lambda: Float64Array,
): Float64Array {
  const k = lambda.length;
  const weights = new Float64Array(k);
  for (let step = 0; step < 25; step += 1) {
    const matrix = Array.from({ length: k }, (_, i) => {
      const row = new Float64Array(k + 1);
      row[i] = lambda[i]!;
      row[k] = -lambda[i]! * weights[i]!;
      return row;
    });
    rows.forEach((row, at) => {
      const p = sigmoid(dot(row, weights) + offset[at]!);
      for (let i = 0; i < k; i += 1) {
        const target = matrix[i]!;
        const scaled = row[i]! * p * (1 - p);
        for (let j = 0; j < k; j += 1) target[j]! += scaled * row[j]!;
        target[k]! += row[i]! * (1 - p);
      }
    });
    const change = solved(matrix);
    change.forEach((value, at) => {
      weights[at]! += value;
    });
    if (Math.max(...change.map(Math.abs)) < 1e-6) break;
  }
  return weights;
}

/** Solves a positive definite system by elimination; the last column is the right side. */
function solved(matrix: readonly Float64Array[]): Float64Array {
  const k = matrix.length;
  for (let i = 0; i < k; i += 1) {
    const pivot = matrix[i]!;
    for (const row of matrix.slice(i + 1)) {
      const factor = row[i]! / pivot[i]!;
      for (let j = i; j <= k; j += 1) row[j]! -= factor * pivot[j]!;
    }
  }
  const x = new Float64Array(k);
  for (let i = k - 1; i >= 0; i -= 1) {
    const row = matrix[i]!;
    let rest = row[k]!;
    for (let j = i + 1; j < k; j += 1) rest -= row[j]! * x[j]!;
    x[i] = rest / row[i]!;
  }
  return x;
}

// Least squares with coefficients that are not negative: what parts of a cost must be.
// Exact for a handful of features: every subset is solved and the best one whose solution is not negative is taken.

/** Solves min |X b - y| with b >= 0. `rows` has shape [n x k], k at most 8; a feature that is always 0 gets 0. */
export function nonNegativeFit(rows: readonly (readonly number[])[], y: readonly number[]): number[] {
  const k = rows[0]?.length ?? 0;
  // Columns of unit length, so that one tolerance serves all.
  const scale = Array.from({ length: k }, (_, j) => Math.hypot(...rows.map((row) => row[j]!)));
  const scaled = rows.map((row) => row.map((value, j) => (scale[j] === 0 ? 0 : value / scale[j]!)));
  let best: { readonly error: number; readonly b: number[] } = {
    error: Math.hypot(...y),
    b: new Array<number>(k).fill(0),
  };
  for (let subset = 1; subset < 2 ** k; subset += 1) {
    const used = scale.flatMap((length, j) => ((subset >> j) % 2 === 1 && length > 0 ? [j] : []));
    const solution = solve(scaled, y, used);
    if (solution?.every((value) => value >= 0) !== true) continue;
    const error = Math.hypot(
      ...scaled.map((row, i) => used.reduce((sum, j, at) => sum + row[j]! * solution[at]!, 0) - y[i]!),
    );
    if (error >= best.error * (1 - 1e-12)) continue;
    const b = new Array<number>(k).fill(0);
    used.forEach((j, at) => {
      b[j] = solution[at]! / scale[j]!;
    });
    best = { error, b };
  }
  return best.b;
}

/** The normal equations of the columns `used`, by elimination; null where they do not determine a solution. */
function solve(
  rows: readonly (readonly number[])[],
  y: readonly number[],
  used: readonly number[],
): number[] | null {
  const n = used.length;
  const matrix = used.map((i) => [
    ...used.map((j) => rows.reduce((sum, row) => sum + row[i]! * row[j]!, 0)),
    rows.reduce((sum, row, at) => sum + row[i]! * y[at]!, 0),
  ]);
  for (let column = 0; column < n; column += 1) {
    let pivot = column;
    for (let row = column + 1; row < n; row += 1) {
      if (Math.abs(matrix[row]![column]!) > Math.abs(matrix[pivot]![column]!)) pivot = row;
    }
    if (Math.abs(matrix[pivot]![column]!) < 1e-10) return null;
    [matrix[column], matrix[pivot]] = [matrix[pivot]!, matrix[column]!];
    for (let row = 0; row < n; row += 1) {
      if (row === column) continue;
      const factor = matrix[row]![column]! / matrix[column]![column]!;
      for (let at = column; at <= n; at += 1) matrix[row]![at]! -= factor * matrix[column]![at]!;
    }
  }
  return matrix.map((row, i) => row[n]! / row[i]!);
}

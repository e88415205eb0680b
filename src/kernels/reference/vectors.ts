// Unit rows, distances and exact search in plain TypeScript and 64-bit arithmetic: the oracle.
import { PgenrmError } from '../../errors.js';
import type { Matrix, Metric, Neighbours } from '../vectors.js';
import { NO_LABEL } from '../vectors.js';

/** Row `i` of a matrix, not copied. */
export function rowOf(matrix: Matrix, i: number): Float32Array {
  return matrix.data.subarray(i * matrix.dim, (i + 1) * matrix.dim);
}

/** Errors: `INVALID_VECTOR` where a row holds NaN or infinity. */
export function checkFinite(name: string, matrix: Matrix): void {
  const bad = matrix.data.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) {
    throw new PgenrmError(
      'INVALID_VECTOR',
      `${name} must be finite, but row ${Math.floor(bad / matrix.dim)} holds NaN or infinity`,
    );
  }
}

/** Errors: `INVALID_VECTOR` where a row is not finite or of length zero. */
export function normaliseRows(name: string, matrix: Matrix): Float32Array {
  checkFinite(name, matrix);
  const unit = new Float32Array(matrix.data.length);
  for (let start = 0; start < unit.length; start += matrix.dim) {
    const row = matrix.data.subarray(start, start + matrix.dim);
    const length = Math.sqrt(row.reduce((sum, value) => sum + value * value, 0));
    if (length === 0) {
      throw new PgenrmError(
        'INVALID_VECTOR',
        `${name} must not be of length zero, but row ${start / matrix.dim} is; leave it out`,
      );
    }
    row.forEach((value, i) => {
      unit[start + i] = value / length;
    });
  }
  return unit;
}

/** Rows ready for a distance: of length 1 under cosine. Errors: `INVALID_VECTOR`. */
export function preparedRows(name: string, matrix: Matrix, metric: Metric): Matrix {
  if (metric === 'cosine') return { data: normaliseRows(name, matrix), dim: matrix.dim };
  checkFinite(name, matrix);
  return matrix;
}

/** Distance of two rows; under cosine both are of length 1. */
export function distance(metric: Metric, a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += metric === 'l2' ? (a[i]! - b[i]!) ** 2 : a[i]! * b[i]!;
  return metric === 'l2' ? sum : 1 - sum;
}

export function distances(queries: Matrix, rows: Matrix, metric: Metric): Float32Array {
  const out: number[] = [];
  for (let q = 0; q < queries.data.length / queries.dim; q++) {
    for (let r = 0; r < rows.data.length / rows.dim; r++) {
      out.push(distance(metric, rowOf(queries, q), rowOf(rows, r)));
    }
  }
  return Float32Array.from(out);
}

export function exactSearch(queries: Matrix, rows: Matrix, metric: Metric, k: number): Neighbours {
  const count = queries.data.length / queries.dim;
  const scored = (q: number) =>
    Array.from({ length: rows.data.length / rows.dim }, (_, label) => ({
      label,
      distance: distance(metric, rowOf(queries, q), rowOf(rows, label)),
    }));
  return nearest(
    Array.from({ length: count }, (_, q) => scored(q)),
    k,
  );
}

/** Sorts what was found for each query, nearest first, equal distances by label, and fills k places. */
export function nearest(found: { label: number; distance: number }[][], k: number): Neighbours {
  const labels = new Uint32Array(found.length * k).fill(NO_LABEL);
  const distances = new Float32Array(found.length * k).fill(Infinity);
  found.forEach((entries, q) => {
    entries.sort((a, b) => a.distance - b.distance || a.label - b.label);
    entries.slice(0, k).forEach((entry, place) => {
      labels[q * k + place] = entry.label;
      distances[q * k + place] = entry.distance;
    });
  });
  return { k, labels, distances };
}

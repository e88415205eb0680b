// Rows made ready for a distance: of length 1 under cosine, finite under l2.
import { PgenrmError } from '../../errors.js';
import type { Matrix, Metric } from '../vectors.js';
import type { WasmExports } from './module.js';
import { normaliseRows } from './numeric.js';

/** Errors: `INVALID_VECTOR`. */
export function finiteOrUnit(exports: WasmExports, name: string, matrix: Matrix, metric: Metric): Matrix {
  if (metric === 'cosine') return { data: normaliseRows(exports, name, matrix), dim: matrix.dim };
  const bad = matrix.data.findIndex((value) => !Number.isFinite(value));
  if (bad < 0) return matrix;
  const row = Math.floor(bad / matrix.dim);
  throw new PgenrmError('INVALID_VECTOR', `${name} must be finite, but row ${row} holds NaN or infinity`);
}

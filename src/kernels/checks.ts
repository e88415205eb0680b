// Checks of arguments that every kernel implementation shares, so that all three refuse the same things.
// Checks shapes and ranges only; the values inside large matrices are checked where they are read.
import { PgenrmError } from '../errors.js';
import type { Matrix, Metric } from './vectors.js';

/** Errors: `INVALID_OPTION` unless `value` is an integer from `least` to `most`. */
export function checkInteger(name: string, value: number, least: number, most: number): void {
  if (!Number.isInteger(value) || value < least || value > most) {
    throw new PgenrmError(
      'INVALID_OPTION',
      `${name} must be an integer from ${least} to ${most}, but is ${value}`,
    );
  }
}

/** Errors: `INVALID_OPTION` unless `value` is a number from `least` to `most`. */
export function checkNumber(name: string, value: number, least: number, most: number): void {
  if (typeof value !== 'number' || !(value >= least && value <= most)) {
    throw new PgenrmError(
      'INVALID_OPTION',
      `${name} must be a number from ${least} to ${most}, but is ${value}`,
    );
  }
}

/** Errors: `INVALID_OPTION` unless `seed` is an unsigned 32-bit integer. */
export function checkSeed(seed: number): void {
  checkInteger('seed', seed, 0, 0xffffffff);
}

/** Errors: `INVALID_OPTION` unless `metric` is one that exists. */
export function checkMetric(metric: Metric): void {
  if (metric !== 'cosine' && metric !== 'l2') {
    throw new PgenrmError('INVALID_OPTION', `metric must be cosine or l2, but is ${String(metric)}`);
  }
}

/** The number of rows. Errors: `INVALID_OPTION` for a bad dimension, `INVALID_VECTOR` for a broken row. */
export function rowCount(name: string, matrix: Matrix): number {
  const { data, dim } = matrix;
  checkInteger(`${name}.dim`, dim, 1, 65536);
  if (!(data instanceof Float32Array)) {
    throw new PgenrmError('INVALID_VECTOR', `${name}.data must be a Float32Array; convert the numbers first`);
  }
  if (data.length % dim !== 0) {
    throw new PgenrmError(
      'INVALID_VECTOR',
      `${name} must hold whole rows of ${dim} numbers, but holds ${data.length} numbers`,
    );
  }
  return data.length / dim;
}

/** The number of rows, at least one. Errors: those of {@link rowCount}, `INVALID_OPTION` for none. */
export function filledRowCount(name: string, matrix: Matrix): number {
  const rows = rowCount(name, matrix);
  if (rows === 0) throw new PgenrmError('INVALID_OPTION', `${name} must hold at least one row, but is empty`);
  return rows;
}

/** Errors: `INVALID_VECTOR` unless both matrices have one dimension. */
export function checkSameDim(name: string, dim: number, otherName: string, other: number): void {
  if (dim !== other) {
    throw new PgenrmError(
      'INVALID_VECTOR',
      `${name} has dimension ${dim}, but ${otherName} has dimension ${other}`,
    );
  }
}

/** Threads to use: the option, or all that the machine has. Errors: `INVALID_OPTION`. */
export function checkThreads(threads: number | undefined): number {
  if (threads === undefined) return 0;
  checkInteger('threads', threads, 1, 256);
  return threads;
}

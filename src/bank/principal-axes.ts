// The two directions in which rows differ most, for drawing them in a plane.
// Knows rows of numbers; nothing of what they are.

import { Xoshiro128 } from '../kernels/random.js';

/** Rows projected on two axes. */
export interface Projection {
  /** x and y of each row given to {@link principalAxes}. Shape [rows, 2]. */
  readonly points: Float64Array;
  /** Shares of the variance that the axes hold, 0 to 1. */
  readonly explained: readonly [number, number];
  /** Projects more rows on the same axes. Shape [rows, 2]. */
  project(rows: Float32Array): Float64Array;
}

const ITERATIONS = 200;
const CONVERGED = 1e-7;

/**
 * Principal component analysis to two axes, by power iteration on the covariance with deflation.
 *
 * `rows` has the shape [rows, dim], at least one row. The start is fixed and the sign of an axis is such that its
 * largest number is positive, so the same rows give the same picture. Where rows differ in fewer than two
 * directions, the axes that are missing are zero.
 */
export function principalAxes(rows: Float32Array, dim: number): Projection {
  const count = rows.length / dim;
  const mean = new Float64Array(dim);
  for (let at = 0; at < rows.length; at += 1) mean[at % dim]! += rows[at]! / count;
  const centred = Float64Array.from(rows, (value, at) => value - mean[at % dim]!);
  const variance = centred.reduce((sum, value) => sum + value * value, 0);
  const axes: Float64Array[] = [];
  const explained: number[] = [];
  for (let number = 0; number < 2; number += 1) {
    const { axis, held } = strongestAxis(centred, dim, axes, number);
    // What is left by rounding is no direction.
    const real = variance > 0 && held > variance * 1e-10;
    axes.push(real ? axis : new Float64Array(dim));
    explained.push(real ? held / variance : 0);
  }
  const project = (more: Float32Array): Float64Array => {
    const points = new Float64Array((more.length / dim) * 2);
    for (let row = 0; row * dim < more.length; row += 1) {
      axes.forEach((axis, number) => {
        for (let i = 0; i < dim; i += 1)
          points[2 * row + number]! += axis[i]! * (more[row * dim + i]! - mean[i]!);
      });
    }
    return points;
  };
  return { points: project(rows), explained: [explained[0]!, explained[1]!], project };
}

function strongestAxis(
  centred: Float64Array,
  dim: number,
  earlier: readonly Float64Array[],
  stream: number,
): { axis: Float64Array; held: number } {
  const random = new Xoshiro128(1, stream);
  let axis = Float64Array.from({ length: dim }, () => random.uniform() - 0.5);
  let held = 0;
  normalise(axis, earlier);
  for (let iteration = 0; iteration < ITERATIONS; iteration += 1) {
    const next = new Float64Array(dim);
    held = 0;
    for (let row = 0; row < centred.length; row += dim) {
      let along = 0;
      for (let i = 0; i < dim; i += 1) along += centred[row + i]! * axis[i]!;
      held += along * along;
      for (let i = 0; i < dim; i += 1) next[i]! += along * centred[row + i]!;
    }
    if (!normalise(next, earlier)) return { axis, held: 0 };
    let agreement = 0;
    for (let i = 0; i < dim; i += 1) agreement += next[i]! * axis[i]!;
    axis = next;
    if (1 - Math.abs(agreement) < CONVERGED) break;
  }
  let largest = 0;
  for (const value of axis) if (Math.abs(value) > Math.abs(largest)) largest = value;
  if (largest < 0) for (let i = 0; i < dim; i += 1) axis[i]! *= -1;
  return { axis, held };
}

/** Takes the earlier axes out of a vector and scales it to length 1; false where nothing is left. */
function normalise(vector: Float64Array, earlier: readonly Float64Array[]): boolean {
  for (const axis of earlier) {
    let along = 0;
    for (let i = 0; i < vector.length; i += 1) along += vector[i]! * axis[i]!;
    for (let i = 0; i < vector.length; i += 1) vector[i]! -= along * axis[i]!;
  }
  const length = Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0));
  if (!(length > 1e-12)) return false;
  for (let i = 0; i < vector.length; i += 1) vector[i]! /= length;
  return true;
}

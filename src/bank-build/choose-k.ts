// Picks the number of prototypes by how well they keep members apart.
// Knows vectors and the kernels; nothing of rows.

import type { Kernels } from '../kernels/kernels.js';
import { Xoshiro128 } from '../kernels/random.js';

/** Numbers of prototypes that are tried. */
const CANDIDATES = [2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256];
/** Fewest members a prototype, on the mean. */
const LEAST_MEMBERS = 5;
/** Most rows that are clustered while k is sought. */
const SAMPLE = 10_000;
const RESTARTS = 3;

/** How well k prototypes keep the sample apart. */
export interface Silhouette {
  readonly k: number;
  /** -1 to 1, higher is better. */
  readonly silhouette: number;
}

/**
 * The k of highest mean simplified silhouette, of equal ones the smallest; 1 where there are fewer than 10 rows.
 *
 * For a row x with centre c(x) (k-means of 3 starts, centres unit-normalised) and distance d = 1 - cosine:
 * a = d(x, c(x)), b = min of d(x, c) over the other centres, s(x) = (b - a) / max(a, b), and 0 where both are 0.
 * The silhouette is the mean of s(x) over at most 10,000 rows, drawn by the seed. Tried are 2, 3, 4, 6, 8, 12, 16
 * and so on to 256, as long as there are 5 rows a prototype. Source: Hruschka et al., the simplified silhouette.
 * `rows` is unit rows, shape [rows, dim].
 */
export async function chooseK(
  rows: Float32Array,
  dim: number,
  seed: number,
  kernels: Kernels,
  signal?: AbortSignal,
): Promise<{ k: number; silhouettes: Silhouette[] }> {
  const sample = sampleRows(rows, dim, seed);
  const count = sample.length / dim;
  const silhouettes: Silhouette[] = [];
  for (const k of CANDIDATES) {
    if (k * LEAST_MEMBERS > count) break;
    signal?.throwIfAborted();
    const matrix = { data: sample, dim };
    const fit = await kernels.kmeansFit(matrix, { k, seed, restarts: RESTARTS });
    const centres = unitCentres(fit.centres, fit.assignment, sample, dim);
    const near = await kernels.exactSearch(matrix, { data: centres, dim }, { metric: 'cosine', k: 2 });
    let sum = 0;
    for (let row = 0; row < count; row += 1) {
      const a = Math.max(0, near.distances[2 * row]!);
      const b = Math.max(0, near.distances[2 * row + 1]!);
      sum += b === 0 ? 0 : (b - a) / b;
    }
    silhouettes.push({ k, silhouette: sum / count });
  }
  const best = silhouettes.reduce<Silhouette | null>(
    (top, next) => (top === null || next.silhouette > top.silhouette ? next : top),
    null,
  );
  return { k: best?.k ?? 1, silhouettes };
}

function sampleRows(rows: Float32Array, dim: number, seed: number): Float32Array {
  const count = rows.length / dim;
  if (count <= SAMPLE) return rows;
  const random = new Xoshiro128(seed, 1);
  const picks = Uint32Array.from({ length: count }, (_, row) => row);
  const sample = new Float32Array(SAMPLE * dim);
  for (let i = 0; i < SAMPLE; i += 1) {
    const j = i + random.below(count - i);
    [picks[i], picks[j]] = [picks[j]!, picks[i]!];
    sample.set(rows.subarray(picks[i]! * dim, (picks[i]! + 1) * dim), i * dim);
  }
  return sample;
}

/** Centres scaled to length 1; one whose members cancel out becomes its first member. Shape [k, dim]. */
export function unitCentres(
  centres: Float32Array,
  assignment: Uint32Array,
  rows: Float32Array,
  dim: number,
): Float32Array {
  const unit = centres.slice();
  for (let centre = 0; centre * dim < unit.length; centre += 1) {
    const row = unit.subarray(centre * dim, (centre + 1) * dim);
    let norm = lengthOf(row);
    if (!(norm > 1e-6)) {
      const member = Math.max(0, assignment.indexOf(centre));
      row.set(rows.subarray(member * dim, (member + 1) * dim));
      norm = lengthOf(row);
    }
    for (let i = 0; i < dim; i += 1) row[i]! /= norm;
  }
  return unit;
}

function lengthOf(row: Float32Array): number {
  let square = 0;
  for (const value of row) square += value * value;
  return Math.sqrt(square);
}

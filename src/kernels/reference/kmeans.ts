// K-means in plain TypeScript and 64-bit arithmetic: the oracle for the compiled kernels.
// Draws and adds in their order, so that only rounding within one distance differs.
import type { CheckedKMeans, KMeansFit } from '../kmeans.js';
import { Xoshiro128 } from '../random.js';
import type { Matrix } from '../vectors.js';
import { distance, rowOf } from './vectors.js';

export function kmeansFit(vectors: Matrix, checked: CheckedKMeans): KMeansFit {
  const leastShift = checked.tolerance * meanVariance(vectors, checked.rows);
  let best: KMeansFit | undefined;
  let totalIterations = 0;
  for (let restart = 0; restart < checked.restarts; restart++) {
    const fit = lloyd(vectors, checked, new Xoshiro128(checked.seed, restart), leastShift);
    totalIterations += fit.iterations;
    if (!best || fit.inertia < best.inertia) best = fit;
  }
  return { ...best!, totalIterations };
}

function lloyd(vectors: Matrix, checked: CheckedKMeans, random: Xoshiro128, leastShift: number): KMeansFit {
  const { rows, k } = checked;
  const { dim } = vectors;
  const centres = firstCentres(vectors, rows, k, random);
  let { assignment, apart } = assign(vectors, rows, centres, k);
  let iterations = 0;
  while (iterations < checked.maxIterations) {
    iterations++;
    fillEmpty(assignment, apart, k);
    const shift = moveCentres(vectors, assignment, centres, k);
    const next = assign(vectors, rows, centres, k);
    const changed = next.assignment.some((centre, i) => centre !== assignment[i]);
    ({ assignment, apart } = next);
    if (memberCounts(assignment, k).includes(0)) continue;
    if (!changed || shift <= leastShift) break;
  }
  let inertia = 0;
  for (let i = 0; i < rows; i++) {
    inertia += distance('l2', rowOf(vectors, i), rowOf({ data: centres, dim }, assignment[i]!));
  }
  return { centres, assignment, inertia, iterations, totalIterations: iterations };
}

/** k-means++ with 2 + ln k trials a centre; the trial that leaves the least distance is taken. */
function firstCentres(vectors: Matrix, rows: number, k: number, random: Xoshiro128): Float32Array {
  const trials = 2 + Math.floor(Math.log(k));
  const chosen = [random.below(rows)];
  const apart = (i: number, row: number) => distance('l2', rowOf(vectors, i), rowOf(vectors, row));
  let closest = Float32Array.from({ length: rows }, (_, i) => apart(i, chosen[0]!));
  while (chosen.length < k) {
    const total = closest.reduce((sum, value) => sum + value, 0);
    const drawn = Array.from({ length: trials }, () =>
      total > 0 ? drawnRow(closest, random.uniform() * total) : random.below(rows),
    );
    let best: { row: number; capped: Float32Array; left: number } | undefined;
    for (const row of drawn) {
      const capped = closest.map((value, i) => Math.min(value, apart(i, row)));
      const left = capped.reduce((sum, value) => sum + value, 0);
      if (!best || left < best.left) best = { row, capped, left };
    }
    chosen.push(best!.row);
    closest = best!.capped as Float32Array<ArrayBuffer>;
  }
  const centres = new Float32Array(k * vectors.dim);
  chosen.forEach((row, c) => {
    centres.set(rowOf(vectors, row), c * vectors.dim);
  });
  return centres;
}

function drawnRow(odds: Float32Array, point: number): number {
  let passed = 0;
  for (let i = 0; i < odds.length; i++) {
    passed += odds[i]!;
    if (passed > point) return i;
  }
  return odds.length - 1;
}

function assign(vectors: Matrix, rows: number, centres: Float32Array, k: number) {
  const assignment = new Uint32Array(rows);
  const apart = new Float64Array(rows);
  for (let i = 0; i < rows; i++) {
    apart[i] = Infinity;
    for (let c = 0; c < k; c++) {
      const away = distance('l2', rowOf(vectors, i), rowOf({ data: centres, dim: vectors.dim }, c));
      if (away < apart[i]!) {
        apart[i] = away;
        assignment[i] = c;
      }
    }
  }
  return { assignment, apart };
}

function memberCounts(assignment: Uint32Array, k: number): number[] {
  const counts = new Array<number>(k).fill(0);
  for (const centre of assignment) counts[centre]! += 1;
  return counts;
}

/** An empty centre takes the row that lies farthest from its own, out of a centre that keeps another. */
function fillEmpty(assignment: Uint32Array, apart: Float64Array, k: number): void {
  const counts = memberCounts(assignment, k);
  for (let c = 0; c < k; c++) {
    if (counts[c] !== 0) continue;
    let farthest = -1;
    for (let i = 0; i < assignment.length; i++) {
      if (counts[assignment[i]!]! > 1 && (farthest < 0 || apart[i]! > apart[farthest]!)) farthest = i;
    }
    counts[assignment[farthest]!]! -= 1;
    assignment[farthest] = c;
    apart[farthest] = 0;
    counts[c] = 1;
  }
}

/** Centres become the means of their rows. Returns the squared shift. */
function moveCentres(vectors: Matrix, assignment: Uint32Array, centres: Float32Array, k: number): number {
  const { dim } = vectors;
  const sums = new Float64Array(k * dim);
  const counts = memberCounts(assignment, k);
  assignment.forEach((centre, i) => {
    for (let j = 0; j < dim; j++) sums[centre * dim + j]! += vectors.data[i * dim + j]!;
  });
  let shift = 0;
  for (let at = 0; at < sums.length; at++) {
    const mean = Math.fround(sums[at]! / counts[Math.floor(at / dim)]!);
    shift += (mean - centres[at]!) ** 2;
    centres[at] = mean;
  }
  return shift;
}

/** Mean over the columns of their variances. */
function meanVariance(vectors: Matrix, rows: number): number {
  const { data, dim } = vectors;
  let total = 0;
  for (let j = 0; j < dim; j++) {
    let sum = 0;
    let squares = 0;
    for (let i = 0; i < rows; i++) {
      sum += data[i * dim + j]!;
      squares += data[i * dim + j]! ** 2;
    }
    total += squares / rows - (sum / rows) ** 2;
  }
  return Math.max(0, total / dim);
}

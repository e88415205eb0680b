// K-means: Lloyd's iterations over several starts; twin of native/core/kmeans.cpp.
// Scratch blocks live in module variables while a fit runs; one fit runs at a time.
import { blockedSum, kmeansStart } from './kmeans-start';
import { release, take } from './memory';
import { randomStart } from './random';
import { dotF32, dotsOfRow, l2F32 } from './simd';
import { OK, OUT_OF_MEMORY } from './status';
import { checkFinite } from './vectors';

let n: i32 = 0;
let dim: i32 = 0;
let k: i32 = 0;
let vectors: usize = 0;
let squares: usize = 0;
let centres: usize = 0;
let centreSquares: usize = 0;
let assignment: usize = 0;
let apart: usize = 0;
let members: usize = 0;
let dots: usize = 0;
let sums: usize = 0;

/** `result` takes inertia, iterations of the best start and of all starts, as f64. */
export function kmeansFit(
  rows: usize,
  count: i32,
  rowDim: i32,
  centreCount: i32,
  seed: u32,
  restarts: i32,
  maxIterations: i32,
  tolerance: f64,
  outCentres: usize,
  outAssignment: usize,
  result: usize,
): i32 {
  const status = checkFinite(rows, count, rowDim);
  if (status !== OK) return status;
  n = count;
  dim = rowDim;
  k = centreCount;
  vectors = rows;
  squares = take((<usize>n) << 2);
  centres = take((<usize>k * <usize>dim) << 2);
  centreSquares = take((<usize>k) << 2);
  assignment = take((<usize>n) << 2);
  apart = take((<usize>n) << 2);
  members = take((<usize>k) << 2);
  dots = take((<usize>k) << 2);
  sums = take((<usize>k * <usize>dim) << 3);
  const there =
    squares !== 0 &&
    centres !== 0 &&
    centreSquares !== 0 &&
    assignment !== 0 &&
    apart !== 0 &&
    members !== 0 &&
    dots !== 0 &&
    sums !== 0;
  const done = there && fitAll(seed, restarts, maxIterations, tolerance, outCentres, outAssignment, result);
  release(squares);
  release(centres);
  release(centreSquares);
  release(assignment);
  release(apart);
  release(members);
  release(dots);
  release(sums);
  return done ? OK : OUT_OF_MEMORY;
}

function fitAll(
  seed: u32,
  restarts: i32,
  maxIterations: i32,
  tolerance: f64,
  outCentres: usize,
  outAssignment: usize,
  result: usize,
): bool {
  for (let i = 0; i < n; i++) store<f32>(squares + ((<usize>i) << 2), dotF32(row(i), row(i), dim));
  const leastShift = tolerance * meanVariance();
  memory.fill(assignment, 0, (<usize>n) << 2);
  let total = 0;
  let best: f64 = 0;
  for (let restart = 0; restart < restarts; restart++) {
    randomStart(seed, restart);
    if (!kmeansStart(vectors, squares, n, dim, k, centres)) return false;
    const iterations = lloyd(maxIterations, leastShift);
    total += iterations;
    const inertia = exactInertia();
    if (restart > 0 && inertia >= best) continue;
    best = inertia;
    store<f64>(result, inertia);
    store<f64>(result, <f64>iterations, 8);
    memory.copy(outCentres, centres, (<usize>k * <usize>dim) << 2);
    memory.copy(outAssignment, assignment, (<usize>n) << 2);
  }
  store<f64>(result, <f64>total, 16);
  return true;
}

function lloyd(maxIterations: i32, leastShift: f64): i32 {
  let iteration = 0;
  assign();
  while (iteration < maxIterations) {
    iteration++;
    fillEmpty();
    const shift = moveCentres();
    const changed = assign();
    let empty = false;
    for (let c = 0; c < k; c++) if (load<u32>(members + ((<usize>c) << 2)) === 0) empty = true;
    if (empty) continue;
    if (!changed || shift <= leastShift) break;
  }
  return iteration;
}

function row(i: i32): usize {
  return vectors + ((<usize>i * <usize>dim) << 2);
}

function centre(c: u32): usize {
  return centres + ((<usize>c * <usize>dim) << 2);
}

/** Gives every row its nearest centre, the lower number where two are as near. True where any row moved. */
function assign(): bool {
  let moved = false;
  for (let c = 0; c < k; c++)
    store<f32>(centreSquares + ((<usize>c) << 2), dotF32(centre(c), centre(c), dim));
  memory.fill(members, 0, (<usize>k) << 2);
  for (let i = 0; i < n; i++) {
    dotsOfRow(row(i), centres, k, dim, dots);
    let best: u32 = 0;
    let least: f32 = load<f32>(centreSquares) - <f32>2 * load<f32>(dots);
    for (let c = 1; c < k; c++) {
      const from = (<usize>c) << 2;
      const away: f32 = load<f32>(centreSquares + from) - <f32>2 * load<f32>(dots + from);
      if (away < least) {
        least = away;
        best = c;
      }
    }
    const at = (<usize>i) << 2;
    if (load<u32>(assignment + at) !== best) moved = true;
    store<u32>(assignment + at, best);
    store<f32>(apart + at, max<f32>(0, least + load<f32>(squares + at)));
    addMember(best, 1);
  }
  return moved;
}

function addMember(c: u32, by: i32): void {
  const at = members + ((<usize>c) << 2);
  store<u32>(at, load<u32>(at) + by);
}

/** An empty centre takes the row that lies farthest from its own, out of a centre that keeps another. */
function fillEmpty(): void {
  for (let c: u32 = 0; c < <u32>k; c++) {
    if (load<u32>(members + ((<usize>c) << 2)) !== 0) continue;
    let farthest = -1;
    let most: f32 = 0;
    for (let i = 0; i < n; i++) {
      const at = (<usize>i) << 2;
      if (load<u32>(members + ((<usize>load<u32>(assignment + at)) << 2)) <= 1) continue;
      const away = load<f32>(apart + at);
      if (farthest < 0 || away > most) {
        farthest = i;
        most = away;
      }
    }
    const at = (<usize>farthest) << 2;
    addMember(load<u32>(assignment + at), -1);
    store<u32>(assignment + at, c);
    store<f32>(apart + at, 0);
    addMember(c, 1);
  }
}

/** Centres become the means of their rows, summed in 64 bits in row order. Returns the squared shift. */
function moveCentres(): f64 {
  memory.fill(sums, 0, (<usize>k * <usize>dim) << 3);
  for (let i = 0; i < n; i++) {
    const from = row(i);
    const to = sums + ((<usize>load<u32>(assignment + ((<usize>i) << 2)) * <usize>dim) << 3);
    for (let j = 0; j < dim; j++) {
      const place = to + ((<usize>j) << 3);
      store<f64>(place, load<f64>(place) + <f64>load<f32>(from + ((<usize>j) << 2)));
    }
  }
  let total: f64 = 0;
  for (let c = 0; c < k; c++) {
    const count = <f64>load<u32>(members + ((<usize>c) << 2));
    let shift: f64 = 0;
    for (let j = 0; j < dim; j++) {
      const place = centre(c) + ((<usize>j) << 2);
      const mean = <f32>(load<f64>(sums + ((<usize>c * <usize>dim + <usize>j) << 3)) / count);
      const gap = <f64>mean - <f64>load<f32>(place);
      shift += gap * gap;
      store<f32>(place, mean);
    }
    total += shift;
  }
  return total;
}

function exactInertia(): f64 {
  for (let i = 0; i < n; i++) {
    const at = (<usize>i) << 2;
    store<f32>(apart + at, l2F32(row(i), centre(load<u32>(assignment + at)), dim));
  }
  return blockedSum(apart, n);
}

/** Mean over the columns of their variances; borrows the room of the sums. */
function meanVariance(): f64 {
  let total: f64 = 0;
  for (let j = 0; j < dim; j++) {
    let sum: f64 = 0;
    let square: f64 = 0;
    for (let i = 0; i < n; i++) {
      const value = <f64>load<f32>(row(i) + ((<usize>j) << 2));
      sum += value;
      square += value * value;
    }
    const mean = sum / <f64>n;
    total += square / <f64>n - mean * mean;
  }
  return max<f64>(0, total / <f64>dim);
}

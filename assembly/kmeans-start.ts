// First centres for k-means (k-means++ with trial candidates); twin of native/core/kmeans_start.cpp.
// Sums run in blocks of fixed size, in order.
import { release, take } from './memory';
import { randomBelow, randomUniform } from './random';
import { dotsOfRow } from './simd';

/** Rows of one partial sum. */
const BLOCK: i32 = 1024;

/** Sum of f32 values in blocks, block after block. */
export function blockedSum(values: usize, n: i32): f64 {
  let total: f64 = 0;
  for (let begin = 0; begin < n; begin += BLOCK) {
    const end = min(begin + BLOCK, n);
    let block: f64 = 0;
    for (let i = begin; i < end; i++) block += load<f32>(values + ((<usize>i) << 2));
    total += block;
  }
  return total;
}

/** Copies k rows as first centres [k x dim]; false where memory is refused. */
export function kmeansStart(vectors: usize, squares: usize, n: i32, dim: i32, k: i32, centres: usize): bool {
  const trials = 2 + <i32>Math.floor(Math.log(<f64>k));
  const bytes = (<usize>dim) << 2;
  const closest = take((<usize>n) << 2);
  const capped = take((<usize>trials * <usize>n) << 2);
  const candidates = take(<usize>trials * bytes);
  const candidateSquares = take((<usize>trials) << 2);
  const dots = take((<usize>trials) << 2);
  if (closest === 0 || capped === 0 || candidates === 0 || candidateSquares === 0 || dots === 0) return false;

  const first = <usize>randomBelow(n);
  memory.copy(centres, vectors + first * bytes, bytes);
  store<f32>(candidateSquares, load<f32>(squares + (first << 2)));
  cappedDistances(vectors, squares, n, dim, centres, candidateSquares, 1, 0, dots, closest);

  for (let c = 1; c < k; c++) {
    const total = blockedSum(closest, n);
    for (let t = 0; t < trials; t++) {
      const row = <usize>(total > 0 ? drawnRow(closest, n, total, randomUniform()) : randomBelow(n));
      memory.copy(candidates + <usize>t * bytes, vectors + row * bytes, bytes);
      store<f32>(candidateSquares + ((<usize>t) << 2), load<f32>(squares + (row << 2)));
    }
    cappedDistances(vectors, squares, n, dim, candidates, candidateSquares, trials, closest, dots, capped);
    let best = 0;
    let bestTotal: f64 = 0;
    for (let t = 0; t < trials; t++) {
      const left = blockedSum(capped + ((<usize>t * <usize>n) << 2), n);
      if (t === 0 || left < bestTotal) {
        best = t;
        bestTotal = left;
      }
    }
    memory.copy(centres + <usize>c * bytes, candidates + <usize>best * bytes, bytes);
    memory.copy(closest, capped + ((<usize>best * <usize>n) << 2), (<usize>n) << 2);
  }
  release(closest);
  release(capped);
  release(candidates);
  release(candidateSquares);
  release(dots);
  return true;
}

/** Row whose share of the odds holds the point u * total. */
function drawnRow(odds: usize, n: i32, total: f64, u: f64): u32 {
  const point = u * total;
  let passed: f64 = 0;
  for (let begin = 0; begin < n; begin += BLOCK) {
    const end = min(begin + BLOCK, n);
    let block: f64 = 0;
    for (let i = begin; i < end; i++) block += load<f32>(odds + ((<usize>i) << 2));
    if (passed + block > point) {
      let inside: f64 = 0;
      for (let i = begin; i < end; i++) {
        inside += load<f32>(odds + ((<usize>i) << 2));
        if (passed + inside > point) return i;
      }
    }
    passed += block;
  }
  return n - 1;
}

/** out[t * n + i]: squared distance of row i to candidate t, or closest[i] where that is less (0: no closest). */
function cappedDistances(
  vectors: usize,
  squares: usize,
  n: i32,
  dim: i32,
  candidates: usize,
  candidateSquares: usize,
  count: i32,
  closest: usize,
  dots: usize,
  out: usize,
): void {
  for (let i = 0; i < n; i++) {
    dotsOfRow(vectors + ((<usize>i * <usize>dim) << 2), candidates, count, dim, dots);
    const square = load<f32>(squares + ((<usize>i) << 2));
    for (let t = 0; t < count; t++) {
      const sum: f32 = square + load<f32>(candidateSquares + ((<usize>t) << 2));
      let apart: f32 = max<f32>(0, sum - <f32>2 * load<f32>(dots + ((<usize>t) << 2)));
      if (closest !== 0) apart = min<f32>(apart, load<f32>(closest + ((<usize>i) << 2)));
      store<f32>(out + ((<usize>t * <usize>n + <usize>i) << 2), apart);
    }
  }
}

// Bootstrap means and the sign-flip permutation test, over clusters given as sums and counts.
// Twin of native/core/resample.cpp: resample r draws from stream r of the seed.
import { randomBelow, randomNext, randomStart } from './random';

/** `sums` and `counts`: f64 [clusters]; `means`: f64 [resamples]. */
export function bootstrapMeans(
  sums: usize,
  counts: usize,
  clusters: u32,
  resamples: u32,
  seed: u32,
  means: usize,
): void {
  for (let r: u32 = 0; r < resamples; r++) {
    randomStart(seed, r);
    let sum: f64 = 0;
    let count: f64 = 0;
    for (let i: u32 = 0; i < clusters; i++) {
      const drawn = (<usize>randomBelow(clusters)) << 3;
      sum += load<f64>(sums + drawn);
      count += load<f64>(counts + drawn);
    }
    store<f64>(means + ((<usize>r) << 3), sum / count);
  }
}

/** `out` takes the mean and the p-value as f64. */
export function permutationTest(
  sums: usize,
  counts: usize,
  clusters: u32,
  permutations: u32,
  seed: u32,
  out: usize,
): void {
  let observed: f64 = 0;
  let count: f64 = 0;
  for (let i: u32 = 0; i < clusters; i++) {
    observed += load<f64>(sums + ((<usize>i) << 3));
    count += load<f64>(counts + ((<usize>i) << 3));
  }
  const least: f64 = Math.abs(observed) * (1.0 - 1e-12);
  let extreme: f64 = 1;
  for (let p: u32 = 0; p < permutations; p++) {
    randomStart(seed, p);
    let sum: f64 = 0;
    let signs: u32 = 0;
    for (let i: u32 = 0; i < clusters; i++) {
      if (i % 32 === 0) signs = randomNext();
      const value = load<f64>(sums + ((<usize>i) << 3));
      sum += (signs & 1) !== 0 ? -value : value;
      signs >>>= 1;
    }
    if (Math.abs(sum) >= least) extreme++;
  }
  store<f64>(out, observed / count);
  store<f64>(out, extreme / <f64>(permutations + 1), 8);
}

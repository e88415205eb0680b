// Bootstrap and permutation test in plain TypeScript: the oracle for the compiled kernels.
// Resample r draws from stream r of the seed, so that the order of the work does not matter.
import { Xoshiro128 } from '../random.js';
import type { ClusterSums, PermutationTest } from '../resample.js';

export function bootstrapMeans(clusters: ClusterSums, resamples: number, seed: number): Float64Array {
  const { sums, counts } = clusters;
  const means = new Float64Array(resamples);
  for (let r = 0; r < resamples; r++) {
    const random = new Xoshiro128(seed, r);
    let sum = 0;
    let count = 0;
    for (let i = 0; i < sums.length; i++) {
      const drawn = random.below(sums.length);
      sum += sums[drawn]!;
      count += counts[drawn]!;
    }
    means[r] = sum / count;
  }
  return means;
}

export function permutationTest(clusters: ClusterSums, permutations: number, seed: number): PermutationTest {
  const { sums, counts } = clusters;
  let observed = 0;
  let count = 0;
  for (let i = 0; i < sums.length; i++) {
    observed += sums[i]!;
    count += counts[i]!;
  }
  // Sums of the same numbers in another order differ in their last bits: such a pattern is as extreme.
  const least = Math.abs(observed) * (1 - 1e-12);
  let extreme = 1;
  for (let p = 0; p < permutations; p++) {
    const random = new Xoshiro128(seed, p);
    let sum = 0;
    let signs = 0;
    for (let i = 0; i < sums.length; i++) {
      if (i % 32 === 0) signs = random.next();
      if ((signs & 1) === 1) sum -= sums[i]!;
      else sum += sums[i]!;
      signs >>>= 1;
    }
    if (Math.abs(sum) >= least) extreme++;
  }
  return { difference: observed / count, pValue: extreme / (permutations + 1) };
}

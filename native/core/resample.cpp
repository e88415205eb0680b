// Draws whole clusters with replacement, or flips their signs, and takes means.
#include "core/resample.h"

#include <atomic>
#include <cmath>

#include "core/parallel.h"
#include "core/random.h"

namespace pgenrm {
namespace {

// Draws below which a thread is not worth starting.
constexpr size_t DRAWS_A_THREAD = 1 << 18;

size_t threads_for(uint32_t asked, size_t n_rounds, size_t n_draws) {
  const size_t worth = n_rounds * n_draws / DRAWS_A_THREAD + 1;
  return std::min(thread_count(asked, n_rounds), worth);
}

}  // namespace

void bootstrap_means(const ClusterSums& clusters, size_t n_resamples, uint32_t seed, uint32_t threads, double* means) {
  ThreadTeam team(threads_for(threads, n_resamples, clusters.n));
  team.ranges(n_resamples, [&](size_t begin, size_t end, size_t) {
    const auto n = static_cast<uint32_t>(clusters.n);
    for (size_t r = begin; r < end; ++r) {
      Xoshiro128 random(seed, static_cast<uint32_t>(r));
      double sum = 0;
      double count = 0;
      for (uint32_t i = 0; i < n; ++i) {
        const uint32_t drawn = random.below(n);
        sum += clusters.sums[drawn];
        count += clusters.counts[drawn];
      }
      means[r] = sum / count;
    }
  });
}

PermutationTest permutation_test(const ClusterSums& clusters, size_t n_permutations, uint32_t seed, uint32_t threads) {
  double observed = 0;
  double count = 0;
  for (size_t i = 0; i < clusters.n; ++i) {
    observed += clusters.sums[i];
    count += clusters.counts[i];
  }
  // Sums of the same numbers in another order differ in their last bits: such a pattern is as extreme.
  const double least = std::fabs(observed) * (1 - 1e-12);
  std::atomic<size_t> extreme{1};
  ThreadTeam team(threads_for(threads, n_permutations, clusters.n));
  team.ranges(n_permutations, [&](size_t begin, size_t end, size_t) {
    size_t found = 0;
    for (size_t p = begin; p < end; ++p) {
      Xoshiro128 random(seed, static_cast<uint32_t>(p));
      double sum = 0;
      uint32_t signs = 0;
      for (size_t i = 0; i < clusters.n; ++i) {
        if (i % 32 == 0) signs = random.next();
        sum += (signs & 1u) ? -clusters.sums[i] : clusters.sums[i];
        signs >>= 1;
      }
      if (std::fabs(sum) >= least) ++found;
    }
    extreme += found;
  });
  return {observed / count, static_cast<double>(extreme.load()) / static_cast<double>(n_permutations + 1)};
}

}  // namespace pgenrm

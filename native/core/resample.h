// Bootstrap means and the sign-flip permutation test, over clusters given as sums and counts.
// Resample r draws from stream r of the seed, so that the threads do not matter.
#pragma once

#include <cstddef>
#include <cstdint>

namespace pgenrm {

struct ClusterSums {
  const double* sums;    // [n]
  const double* counts;  // [n]
  size_t n;              // 1 to 2^32 - 1
};

// means: [n_resamples]
void bootstrap_means(const ClusterSums& clusters, size_t n_resamples, uint32_t seed, uint32_t threads, double* means);

struct PermutationTest {
  double difference;
  double p_value;
};

PermutationTest permutation_test(const ClusterSums& clusters, size_t n_permutations, uint32_t seed, uint32_t threads);

}  // namespace pgenrm

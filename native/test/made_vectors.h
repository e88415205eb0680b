// Vectors made of a seed, and the slow answers that the kernels must give about them.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/random.h"
#include "core/top_k.h"
#include "core/vectors.h"

namespace pgenrm::test {

// Rows around a few centres. [n x dim]
inline std::vector<float> clustered_rows(size_t n, size_t dim, uint32_t seed) {
  Xoshiro128 random(seed, 77);
  const size_t n_centres = 1 + n / 40;
  std::vector<float> centres(n_centres * dim);
  for (float& x : centres) x = static_cast<float>(random.uniform() - 0.5);
  std::vector<float> rows(n * dim);
  for (size_t i = 0; i < n; ++i) {
    const float* centre = &centres[random.below(static_cast<uint32_t>(n_centres)) * dim];
    for (size_t j = 0; j < dim; ++j) rows[i * dim + j] = centre[j] + 0.3f * static_cast<float>(random.uniform() - 0.5);
  }
  return rows;
}

inline double slow_dot(const float* a, const float* b, size_t n) {
  double sum = 0;
  for (size_t i = 0; i < n; ++i) sum += static_cast<double>(a[i]) * b[i];
  return sum;
}

inline double slow_l2(const float* a, const float* b, size_t n) {
  double sum = 0;
  for (size_t i = 0; i < n; ++i) sum += (static_cast<double>(a[i]) - b[i]) * (static_cast<double>(a[i]) - b[i]);
  return sum;
}

// Under cosine both are unit vectors.
inline double slow_distance(Metric metric, const float* a, const float* b, size_t n) {
  return metric == Metric::l2 ? slow_l2(a, b, n) : 1.0 - slow_dot(a, b, n);
}

}  // namespace pgenrm::test

// K-means: k-means++ starts with trial candidates, Lloyd's iterations, empty centres reseeded.
// One seed gives one result: every row's distance and every sum has one order, whatever the threads.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/status.h"

namespace pgenrm {

struct KMeansParams {
  size_t k;  // 1 to n_rows
  uint32_t seed;
  uint32_t restarts;
  uint32_t max_iterations;
  double tolerance;
  uint32_t threads;  // 0: all of the machine's
};

struct KMeansFit {
  float* centres;        // [k x dim]
  uint32_t* assignment;  // [n_rows]
  double inertia;
  uint32_t iterations;
  uint32_t total_iterations;
};

Status kmeans_fit(const float* vectors, size_t n_rows, size_t dim, const KMeansParams& params, KMeansFit& out);

}  // namespace pgenrm
